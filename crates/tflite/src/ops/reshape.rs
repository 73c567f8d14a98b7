//! RESHAPE: extents from input 1, or from option 0; -1 takes what is left.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let options: Vec<i64> = l.int_list(0)?.into_iter().map(i64::from).collect();
    let x = l.input(0)?;
    let extents = if l.optional(1).is_some() { l.ints(1, "the extents")? } else { options };
    let extents = l.list("extents", extents)?;
    let y = l.apply("Reshape", Attributes::new().int("allowzero", 1), &[&x, &extents])?;
    l.set(0, y);
    Ok(())
}
