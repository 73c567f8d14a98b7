//! Swish: `y = x / (1 + exp(-alpha * x))`, as `silu(alpha * x) / alpha`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.0)?;
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let y = if alpha == 0.0 {
        // the gate is one half everywhere
        l.scale("half", &x, 0.5)?
    } else {
        let scaled = l.scale("alpha", &x, alpha)?;
        let y = l.emit("silu", ModelOp::Unary(UnaryFn::Silu), &[&scaled], x.shape)?;
        l.scale("shrink", &y, 1.0 / alpha)?
    };
    l.set(0, y);
    Ok(())
}
