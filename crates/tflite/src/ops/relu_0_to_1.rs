//! RELU_0_TO_1: `min(max(x, 0), 1)`.

use veritorch_graph::model::UnaryFn;
use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.function("function", UnaryFn::Clip { min: 0.0, max: 1.0 }, &x)?;
    l.set(0, y);
    Ok(())
}
