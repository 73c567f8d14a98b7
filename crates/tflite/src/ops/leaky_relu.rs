//! LEAKY_RELU: `x` where `x >= 0`, else `alpha * x`.

use veritorch_graph::model::UnaryFn;
use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, slope) = (l.input(0)?, l.float(0)?);
    if !slope.is_finite() {
        return Err(Stop::invalid(format!("alpha {slope}")));
    }
    let y = l.function("function", UnaryFn::LeakyRelu { slope }, &x)?;
    l.set(0, y);
    Ok(())
}
