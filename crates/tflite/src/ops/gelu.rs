//! GELU: `x / 2 * (1 + erf(x / sqrt 2))`, or by `tanh` (option 0).

use veritorch_graph::model::UnaryFn;
use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let function = if l.flag(0)? { UnaryFn::GeluTanh } else { UnaryFn::Gelu };
    let y = l.function("function", function, &x)?;
    l.set(0, y);
    Ok(())
}
