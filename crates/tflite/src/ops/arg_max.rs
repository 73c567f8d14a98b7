//! ARG_MAX: index of the greatest entry along an axis (input 1), which goes; ties go to the lowest index.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, "ArgMax")
}

pub(super) fn extreme(l: &mut Lowering<'_>, onnx: &str) -> Result<(), Stop> {
    // the type of the index: circuits have one kind of whole numbers
    l.skip(0);
    let &[axis] = l.ints(1, "the axes")?.as_slice() else { return Err(Stop::invalid("expected one axis")) };
    let x = l.input(0)?;
    let y = l.apply(onnx, Attributes::new().int("axis", axis).int("keepdims", 0), &[&x])?;
    l.set(0, y);
    Ok(())
}
