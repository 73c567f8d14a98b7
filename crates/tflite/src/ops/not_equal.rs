//! NOT_EQUAL: the opposite of EQUAL.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    let equal = l.apply("Equal", Attributes::new(), &[&a, &b])?;
    let y = l.apply("Not", Attributes::new(), &[&equal])?;
    l.set(0, y);
    Ok(())
}
