//! Less: `a < b`, as [`comparison`](super::comparison) says.

use super::comparison::{Comparison, compare};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    compare(l, Comparison::Less)
}
