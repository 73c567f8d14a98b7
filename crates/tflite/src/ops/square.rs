//! SQUARE: `x * x`.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.apply("Mul", Attributes::new(), &[&x, &x])?;
    l.set(0, y);
    Ok(())
}
