//! Max: the greatest of several tensors with numpy's broadcasting; constants fold.
//!
//! A bound that is one number is a Clip; otherwise `max(a, b) = a + relu(b - a)`.

use super::extreme::{Extreme, extreme};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, Extreme::Greatest)
}
