//! RSQRT: `1 / sqrt(x)`.

use veritorch_graph::model::UnaryFn;
use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.function("function", UnaryFn::Pow { exponent: -0.5 }, &x)?;
    l.set(0, y);
    Ok(())
}
