//! MAXIMUM and MINIMUM of integers of one scale: `a + relu(b - a)` and `a - relu(a - b)`.

use veritorch_graph::model::ModelOp;
use veritorch_graph::model::index::broadcast;
use veritorch_onnx::building::Stop;

use super::tabulated;
use super::wiring::one_scale;
use crate::lowering::Lowering;

pub(crate) fn maximum(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, true)
}

pub(crate) fn minimum(l: &mut Lowering<'_>) -> Result<(), Stop> {
    extreme(l, false)
}

fn extreme(l: &mut Lowering<'_>, greatest: bool) -> Result<(), Stop> {
    one_scale(l)?;
    let step = l.output_steps(0)?.one()?;
    let (a, b) = (l.input(0)?, l.input(1)?);
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| Stop::invalid(format!("{:?} and {:?} do not broadcast", a.shape, b.shape)))?;
    let (first, second) = if greatest { (&b, &a) } else { (&a, &b) };
    let distance = l.emit("distance", ModelOp::Sub, &[first, second], shape.clone())?;
    let span = i64::from(step.max) - i64::from(step.min);
    let excess = tabulated(l, "excess", &distance, [-span, span], |x| x.max(0))?;
    let y = l.emit("extreme", if greatest { ModelOp::Add } else { ModelOp::Sub }, &[&a, &excess], shape)?;
    let y = tabulated(l, "table", &y, [i64::from(step.min) - span, i64::from(step.max) + span], |x| x.clamp(step.min.into(), step.max.into()))?;
    l.set(0, y);
    Ok(())
}
