//! FILL: one number (input 1) in a shape (input 0).

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (shape, value) = (l.input(0)?, l.input(1)?);
    let y = l.apply("Expand", Attributes::new(), &[&value, &shape])?;
    l.set(0, y);
    Ok(())
}
