//! RELU6: `min(max(x, 0), 6)`.

use veritorch_graph::model::UnaryFn;
use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.function("function", UnaryFn::Clip { min: 0.0, max: 6.0 }, &x)?;
    l.set(0, y);
    Ok(())
}
