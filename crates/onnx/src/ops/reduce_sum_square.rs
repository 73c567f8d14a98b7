//! ReduceSumSquare: the sum of squares over axes.

use veritorch_graph::model::ModelOp;

use super::reduction::sum_of;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum_of(l, |l, x| l.binary("square", ModelOp::Mul, x, x), None)
}
