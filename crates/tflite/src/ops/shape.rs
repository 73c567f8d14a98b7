//! SHAPE: the extents, which are known now.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.skip(0);
    let x = l.input(0)?;
    let y = l.apply("Shape", Attributes::new(), &[&x])?;
    l.set(0, y);
    Ok(())
}
