//! ADD and SUB: both operands are brought to a common scale, twice the greater one over 2^20, and the sum is rescaled from there.

use veritorch_graph::model::{ModelOp, Rounding};
use veritorch_graph::model::index::broadcast;
use veritorch_onnx::building::{Operand, Stop};

use super::{rescaled, tabulated, times};
use crate::lowering::Lowering;

/// Bits that operands are shifted up by.
const LEFT_SHIFT: u32 = 20;

pub(crate) fn add(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum(l, ModelOp::Add)
}

pub(crate) fn sub(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum(l, ModelOp::Sub)
}

fn sum(l: &mut Lowering<'_>, op: ModelOp) -> Result<(), Stop> {
    // speaks of 16-bit integers
    l.skip(1);
    let (first, second, output) = (l.input_steps(0)?.one()?, l.input_steps(1)?.one()?, l.output_steps(0)?.one()?);
    let common = 2.0 * f64::from(first.scale.max(second.scale));
    let mut operands: Vec<Operand> = Vec::new();
    for (k, step) in [first, second].into_iter().enumerate() {
        let x = l.input(k)?;
        if x.is_constant() {
            return Err(Stop::hinted("adds a constant to integers", "add it as a layer's bias, or leave this operator in float"));
        }
        let scaled = times(f64::from(step.scale) / common)?;
        operands.push(tabulated(l, &format!("operand_{k}"), &x, [step.min.into(), step.max.into()], |c| scaled(c << LEFT_SHIFT))?);
    }
    let shape = broadcast(&operands[0].shape, &operands[1].shape);
    let shape = shape.ok_or_else(|| Stop::invalid(format!("{:?} and {:?} do not broadcast", operands[0].shape, operands[1].shape)))?;
    let sum = l.emit("sum", op, &[&operands[0], &operands[1]], shape)?;
    let by = common / (f64::from(1u32 << LEFT_SHIFT) * f64::from(output.scale));
    let y = rescaled(l, &sum, 0, vec![by], Rounding::Twice, output.activated(l.byte(0)?)?)?;
    l.set(0, y);
    Ok(())
}
