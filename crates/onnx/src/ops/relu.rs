//! Relu: `y = max(x, 0)`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary_of_any;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    unary_of_any(l, UnaryFn::Relu)
}
