//! Min: the least of several tensors with numpy's broadcasting; constants fold.
//!
//! A bound that is one number is a Clip; otherwise `min(a, b) = a - relu(a - b)`.

use super::extreme::{Extreme, extreme};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, Extreme::Least)
}
