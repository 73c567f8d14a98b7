//! ReduceL2: the square root of the sum of squares over axes.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::reduction::sum_of;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum_of(l, |l, x| l.binary("square", ModelOp::Mul, x, x), Some(UnaryFn::Sqrt))
}
