//! Or: whether at least one of two truth values hold, with numpy's broadcasting.

use veritorch_graph::model::UnaryFn;

use super::logic::logic;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    logic(l, |a, b| a || b, 0.0, UnaryFn::Positive)
}
