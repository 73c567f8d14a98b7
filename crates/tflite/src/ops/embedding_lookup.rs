//! EMBEDDING_LOOKUP: rows of a table (input 1) chosen by ids (input 0).

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (ids, table) = (l.input(0)?, l.input(1)?);
    let y = l.apply("Gather", Attributes::new().int("axis", 0), &[&table, &ids])?;
    l.set(0, y);
    Ok(())
}
