//! MAX_POOL_2D: the greatest entry of each window.

use veritorch_onnx::building::Stop;

use super::window::pool;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    pool(l, "MaxPool")
}
