//! HammingWindow: the [cosine window](super::cosine_window) with the factors 25/46, 21/46 and 0; a constant.

use super::cosine_window::window;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    window(l, [25.0 / 46.0, 21.0 / 46.0, 0.0])
}
