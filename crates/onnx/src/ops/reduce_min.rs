//! ReduceMin: the least entry over axes, as `-max(-x)`.

use veritorch_graph::model::ModelOp;

use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    if let Some(y) = r.fold_ints(l, i64::MAX, |a, b| Some(a.min(b)))? {
        l.set(0, y);
        return Ok(());
    }
    require_float(&r.x, "the input")?;
    let negated = l.scale("negate", &r.x, -1.0)?;
    let max = l.emit("max", ModelOp::ReduceMax { axes: r.axes.clone() }, &[&negated], r.kept.clone())?;
    let min = l.scale("min", &max, -1.0)?;
    let y = l.reshape("shape", &min, r.shape)?;
    l.set(0, y);
    Ok(())
}
