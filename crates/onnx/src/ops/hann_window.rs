//! HannWindow: the [cosine window](super::cosine_window) with the factors 1/2, 1/2 and 0; a constant.

use super::cosine_window::window;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    window(l, [0.5, 0.5, 0.0])
}
