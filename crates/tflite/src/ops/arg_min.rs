//! ARG_MIN: index of the least entry along an axis (input 1), which goes; ties go to the lowest index.

use veritorch_onnx::building::Stop;

use super::arg_max::extreme;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, "ArgMin")
}
