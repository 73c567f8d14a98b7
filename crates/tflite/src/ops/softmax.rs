//! SOFTMAX: `exp(beta * x)` over its sum, on the last axis.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, beta) = (l.input(0)?, l.float(0)?);
    if !(beta.is_finite() && beta > 0.0) {
        return Err(Stop::invalid(format!("beta {beta}")));
    }
    #[expect(clippy::float_cmp, reason = "exactly one changes nothing")]
    let x = if beta == 1.0 {
        x
    } else {
        let factor = l.scalar("beta", beta)?;
        l.apply("Mul", Attributes::new(), &[&x, &factor])?
    };
    let y = l.apply("Softmax", Attributes::new().int("axis", -1), &[&x])?;
    l.set(0, y);
    Ok(())
}
