//! Celu: `y = x` where `x >= 0`, else `alpha * (exp(x / alpha) - 1)`: `alpha * elu(x / alpha)` for positive `alpha`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.0)?;
    if !(alpha.is_finite() && alpha > 0.0 && (1.0 / alpha).is_finite()) {
        return Err(Stop::unsupported(format!("alpha {alpha}")));
    }
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let scaled = l.scale("shrink", &x, 1.0 / alpha)?;
    let elu = l.emit("elu", ModelOp::Unary(UnaryFn::Elu { alpha: 1.0 }), &[&scaled], x.shape.clone())?;
    let y = l.scale("alpha", &elu, alpha)?;
    l.set(0, y);
    Ok(())
}
