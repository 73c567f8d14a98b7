//! PADV2: a number (input 2) around.

use veritorch_onnx::building::Stop;

use super::pad::pad;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let value = l.input(2)?;
    pad(l, Some(value))
}
