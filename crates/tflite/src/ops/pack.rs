//! PACK: tensors of one shape along a new axis (option 1).

use veritorch_onnx::building::{Attributes, Operand, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the number of inputs
    l.skip(0);
    let axis = l.int(1, 0)?;
    let place = l.list("axis", vec![axis.into()])?;
    let mut parts = Vec::new();
    for k in 0..l.num_inputs() {
        let x = l.input(k)?;
        parts.push(l.apply("Unsqueeze", Attributes::new(), &[&x, &place])?);
    }
    let parts: Vec<&Operand> = parts.iter().collect();
    let y = l.apply("Concat", Attributes::new().int("axis", axis.into()), &parts)?;
    l.set(0, y);
    Ok(())
}
