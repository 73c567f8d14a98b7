//! BlackmanWindow: the [cosine window](super::cosine_window) with the factors 0.42, 0.5 and 0.08; a constant.

use super::cosine_window::window;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    window(l, [0.42, 0.5, 0.08])
}
