//! SQUARED_DIFFERENCE: `(a - b)^2`.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    let difference = l.apply("Sub", Attributes::new(), &[&a, &b])?;
    let y = l.apply("Mul", Attributes::new(), &[&difference, &difference])?;
    l.set(0, y);
    Ok(())
}
