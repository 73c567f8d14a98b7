//! CONCATENATION: tensors one after the other along an axis (option 0).

use veritorch_onnx::building::{Attributes, Operand, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let axis = l.int(0, 0)?;
    let parts = (0..l.num_inputs()).map(|k| l.input(k)).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<&Operand> = parts.iter().collect();
    let y = l.apply("Concat", Attributes::new().int("axis", axis.into()), &parts)?;
    let y = l.activated(1, y)?;
    l.set(0, y);
    Ok(())
}
