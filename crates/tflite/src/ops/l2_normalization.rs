//! L2_NORMALIZATION: `x / sqrt(sum x^2)` over the last axis.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.apply("LpNormalization", Attributes::new().int("axis", -1).int("p", 2), &[&x])?;
    let y = l.activated(0, y)?;
    l.set(0, y);
    Ok(())
}
