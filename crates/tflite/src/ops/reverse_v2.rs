//! REVERSE_V2: the order along some axes (input 1) turned around.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::{Lowering, axis};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let mut y = l.input(0)?;
    for named in l.ints(1, "the axes")? {
        let at = axis(named, y.shape.len())?;
        let indices = (0..).take(y.shape[at]).collect::<Vec<i64>>().into_iter().rev().collect();
        let indices = l.list("indices", indices)?;
        y = l.apply("Gather", Attributes::new().int("axis", i64::try_from(at).unwrap_or(0)), &[&y, &indices])?;
    }
    l.set(0, y);
    Ok(())
}
