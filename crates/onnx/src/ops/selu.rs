//! Selu: `y = gamma * x` where `x >= 0`, else `gamma * alpha * (exp(x) - 1)`: a multiple of Elu.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.673_263_2)?;
    let gamma = l.float("gamma", 1.050_701)?;
    if !alpha.is_finite() || !gamma.is_finite() {
        return Err(Stop::invalid(format!("alpha {alpha}, gamma {gamma}")));
    }
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let elu = l.emit("elu", ModelOp::Unary(UnaryFn::Elu { alpha }), &[&x], x.shape.clone())?;
    let y = l.scale("gamma", &elu, gamma)?;
    l.set(0, y);
    Ok(())
}
