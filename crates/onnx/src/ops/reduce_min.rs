//! ReduceMin: the least entry over axes, as `-max(-x)`.

use veritorch_graph::model::ModelOp;

use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    if let Some(y) = r.fold_ints(l, i64::MAX, |a, b| Some(a.min(b)))? {
        l.set(0, y);
        return Ok(());
    }
    let (kind, x) = (r.x.kind, l.real(&r.x)?);
    let negated = l.scale("negate", &x, -1.0)?;
    let max = l.emit("max", ModelOp::ReduceMax { axes: r.axes.clone() }, &[&negated], r.kept.clone())?;
    let min = l.scale("min", &max, -1.0)?;
    let y = l.reshape("shape", &min, r.shape)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}
