//! ReduceSum: the sum over axes.

use veritorch_graph::model::ModelOp;

use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    if let Some(y) = r.fold_ints(l, 0, i64::checked_add)? {
        l.set(0, y);
        return Ok(());
    }
    let (kind, x) = (r.x.kind, l.real(&r.x)?);
    let y = l.emit("reduce", ModelOp::ReduceSum { axes: r.axes.clone() }, &[&x], r.kept.clone())?;
    let y = l.reshape("shape", &y, r.shape)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}
