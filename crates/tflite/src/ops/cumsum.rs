//! CUMSUM: sums of the entries up to each one along an axis (input 1), or before it, or from the end.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, axis) = (l.input(0)?, l.input(1)?);
    let axis = l.reshape(&axis, &[])?;
    let attributes = Attributes::new().int("exclusive", l.flag(0)?.into()).int("reverse", l.flag(1)?.into());
    let y = l.apply("CumSum", attributes, &[&x, &axis])?;
    l.set(0, y);
    Ok(())
}
