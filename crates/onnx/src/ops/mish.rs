//! Mish: `y = x * tanh(log(1 + exp(x)))`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let softplus = l.emit("softplus", ModelOp::Unary(UnaryFn::Softplus), &[&x], x.shape.clone())?;
    let gate = l.emit("tanh", ModelOp::Unary(UnaryFn::Tanh), &[&softplus], x.shape.clone())?;
    let y = l.binary("mul", ModelOp::Mul, &x, &gate)?;
    l.set(0, y);
    Ok(())
}
