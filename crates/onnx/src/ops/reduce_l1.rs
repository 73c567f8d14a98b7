//! ReduceL1: the sum of absolute values over axes.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::reduction::sum_of;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum_of(l, |l, x| l.emit("abs", ModelOp::Unary(UnaryFn::Abs), &[x], x.shape.clone()), None)
}
