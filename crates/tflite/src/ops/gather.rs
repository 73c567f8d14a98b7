//! GATHER: entries at ids (input 1) along an axis (option 0), whose place the ids' axes take.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    if l.int(1, 0)? != 0 {
        return Err(Stop::unsupported("batch_dims"));
    }
    let axis = l.int(0, 0)?;
    let (x, ids) = (l.input(0)?, l.input(1)?);
    let y = l.apply("Gather", Attributes::new().int("axis", axis.into()), &[&x, &ids])?;
    l.set(0, y);
    Ok(())
}
