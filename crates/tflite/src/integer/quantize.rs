//! QUANTIZE: where the model's integers begin, or a change of their scale. DEQUANTIZE: where they end.

use veritorch_graph::model::ModelOp;
use veritorch_onnx::building::Stop;

use super::{function, times};
use crate::lowering::Lowering;

pub(crate) fn quantize(l: &mut Lowering<'_>) -> Result<(), Stop> {
    if let Ok(steps) = l.input_steps(0) {
        let scaled = times(f64::from(steps.one()?.scale) / f64::from(l.output_steps(0)?.one()?.scale))?;
        return function(l, |c, _, _| scaled(c));
    }
    let step = l.output_steps(0)?.one()?;
    let x = l.input(0)?;
    let y = l.emit("quantize", ModelOp::Quantize { scale: step.scale, min: step.min, max: step.max }, &[&x], x.shape.clone())?;
    l.set(0, y);
    Ok(())
}

pub(crate) fn dequantize(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let step = l.input_steps(0)?.one()?;
    let x = l.input(0)?;
    let scale = l.scalar("scale", step.scale)?;
    let y = l.emit("dequantize", ModelOp::Mul, &[&x, &scale], x.shape.clone())?;
    l.set(0, y);
    Ok(())
}
