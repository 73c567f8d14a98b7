//! EXPAND_DIMS: a new axis of extent 1 (input 1).

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let at = l.ints(1, "the axes")?;
    let (x, at) = (l.input(0)?, l.list("axes", at)?);
    let y = l.apply("Unsqueeze", Attributes::new(), &[&x, &at])?;
    l.set(0, y);
    Ok(())
}
