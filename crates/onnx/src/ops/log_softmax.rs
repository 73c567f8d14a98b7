//! LogSoftmax: `y = x - max - log(sum exp(x - max))` along `axis` (last by default).
//!
//! Before opset 13 the axes from `axis` (1 by default) on are one.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::softmax::over_axis;
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    over_axis(l, log_softmax)
}

pub(super) fn log_softmax(l: &mut Lowering<'_>, x: &Operand, axis: usize) -> Result<Operand, Stop> {
    let max = max_over(l, x, &[axis])?;
    let shifted = l.binary("shift", ModelOp::Sub, x, &max)?;
    let log = log_sum_exp(l, &shifted, &[axis])?;
    l.binary("log_softmax", ModelOp::Sub, &shifted, &log)
}

/// The greatest entry over axes, which stay with extent 1.
pub(super) fn max_over(l: &mut Lowering<'_>, x: &Operand, axes: &[usize]) -> Result<Operand, Stop> {
    let op = ModelOp::ReduceMax { axes: axes.to_vec() };
    l.emit("max", op, &[x], kept(x, axes))
}

/// `log(sum exp(x))` over axes, which stay with extent 1; `x` is at most zero.
pub(super) fn log_sum_exp(l: &mut Lowering<'_>, x: &Operand, axes: &[usize]) -> Result<Operand, Stop> {
    let exp = l.emit("exp", ModelOp::Unary(UnaryFn::Exp), &[x], x.shape.clone())?;
    let sum = l.emit("sum", ModelOp::ReduceSum { axes: axes.to_vec() }, &[&exp], kept(x, axes))?;
    let shape = sum.shape.clone();
    l.emit("log", ModelOp::Unary(UnaryFn::Log), &[&sum], shape)
}

fn kept(x: &Operand, axes: &[usize]) -> Vec<usize> {
    (0..x.shape.len()).map(|k| if axes.contains(&k) { 1 } else { x.shape[k] }).collect()
}
