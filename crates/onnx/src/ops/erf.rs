//! Erf: `y = 2 / sqrt(pi) * integral from 0 to x of exp(-t^2)`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    unary(l, UnaryFn::Erf)
}
