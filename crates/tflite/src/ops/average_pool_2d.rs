//! AVERAGE_POOL_2D: the mean of each window; padding does not count.

use veritorch_onnx::building::Stop;

use super::window::pool;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    pool(l, "AveragePool")
}
