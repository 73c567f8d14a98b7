//! ReduceLogSum: the logarithm of the sum over axes.

use veritorch_graph::model::UnaryFn;

use super::reduction::sum_of;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    sum_of(l, |_, x| Ok(x.clone()), Some(UnaryFn::Log))
}
