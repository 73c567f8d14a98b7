//! MUL: the product of integers, rescaled.

use veritorch_graph::model::{ModelOp, Rounding};
use veritorch_graph::model::index::broadcast;
use veritorch_onnx::building::Stop;

use super::rescaled;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (first, second, output) = (l.input_steps(0)?.one()?, l.input_steps(1)?.one()?, l.output_steps(0)?.one()?);
    let (a, b) = (l.input(0)?, l.input(1)?);
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| Stop::invalid(format!("{:?} and {:?} do not broadcast", a.shape, b.shape)))?;
    let product = l.emit("product", ModelOp::Mul, &[&a, &b], shape)?;
    // in single precision, as the kernel prepares it
    let by = f64::from(first.scale * second.scale / output.scale);
    let y = rescaled(l, &product, 0, vec![by], Rounding::Twice, output.activated(l.byte(0)?)?)?;
    l.set(0, y);
    Ok(())
}
