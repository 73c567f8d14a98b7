//! CAST: floats of every width are one kind; floats become whole numbers by cutting what is behind the point.

use veritorch_onnx::building::{Attributes, Stop};

use crate::builtin::{Element, element_name};
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // what the options say is in the tensors as well, and often missing
    l.skip(0);
    l.skip(1);
    let code = l.output_element(0);
    let to = Element::from_code(code).ok_or_else(|| Stop::unsupported(format!("casts to {}", element_name(code))))?;
    let x = l.input(0)?;
    let y = l.apply("Cast", Attributes::new().int("to", to.onnx()), &[&x])?;
    l.set(0, y);
    Ok(())
}
