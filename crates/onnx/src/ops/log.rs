//! Log: `y = log(x)`. Of a sum of exponentials it is the greatest exponent and the logarithm of the sum of the smaller ones, which
//! no exponent makes too large.

use veritorch_graph::model::{ModelOp, UnaryFn, ValueId};

use super::elementwise::unary;
use super::log_softmax::{log_sum_exp, max_over};
use crate::builder::{Operand, Source, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let Some((exponents, axes)) = sum_of_exponentials(l, &x) else { return unary(l, UnaryFn::Log) };
    let max = max_over(l, &exponents, &axes)?;
    let shifted = l.binary("shift", ModelOp::Sub, &exponents, &max)?;
    let log = log_sum_exp(l, &shifted, &axes)?;
    let y = l.binary("sum", ModelOp::Add, &log, &max)?;
    let y = l.reshape("shape", &y, x.shape)?;
    l.set(0, y);
    Ok(())
}

/// What is summed under the exponential, and over which axes.
fn sum_of_exponentials(l: &Lowering<'_>, x: &Operand) -> Option<(Operand, Vec<usize>)> {
    let &Source::Value(id) = &x.source else { return None };
    let mut node = l.producer(id)?;
    if node.op == ModelOp::Reshape {
        node = l.producer(*node.inputs.first()?)?;
    }
    let ModelOp::ReduceSum { axes } = &node.op else { return None };
    let exponential = l.producer(*node.inputs.first()?)?;
    if exponential.op != ModelOp::Unary(UnaryFn::Exp) {
        return None;
    }
    let exponents: ValueId = *exponential.inputs.first()?;
    let shape = l.shape_of(exponents).to_vec();
    // a softmax's logarithm has taken the greatest off already
    let is_shifted = l.producer(exponents).is_some_and(|node| node.op == ModelOp::Sub);
    (!is_shifted).then(|| (Operand { shape, kind: x.kind, source: Source::Value(exponents) }, axes.clone()))
}
