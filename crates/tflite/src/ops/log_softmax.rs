//! LOG_SOFTMAX: `x - max - log(sum exp(x - max))` over the last axis.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.apply("LogSoftmax", Attributes::new().int("axis", -1), &[&x])?;
    l.set(0, y);
    Ok(())
}
