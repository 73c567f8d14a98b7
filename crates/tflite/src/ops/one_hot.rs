//! ONE_HOT: a line for each index with one entry on (input 2) and the others off (input 3).

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let axis = l.int(0, 0)?;
    let (ids, depth, on, off) = (l.input(0)?, l.input(1)?, l.input(2)?, l.input(3)?);
    let (on, off) = (l.reshape(&on, &[1])?, l.reshape(&off, &[1])?);
    let values = l.apply("Concat", Attributes::new().int("axis", 0), &[&off, &on])?;
    let y = l.apply("OneHot", Attributes::new().int("axis", axis.into()), &[&ids, &depth, &values])?;
    l.set(0, y);
    Ok(())
}
