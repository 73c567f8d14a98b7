//! ReduceMean: the mean over axes, as a sum and a product by `1 / count`.

use veritorch_graph::model::ModelOp;

use super::average_pool::reciprocal;
use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    require_float(&r.x, "the input")?;
    let count = r.count();
    if count == 0 {
        return Err(Stop::invalid("the mean of nothing"));
    }
    let sum = l.emit("sum", ModelOp::ReduceSum { axes: r.axes.clone() }, &[&r.x], r.kept.clone())?;
    let mean = l.scale("mean", &sum, reciprocal(count))?;
    let y = l.reshape("shape", &mean, r.shape)?;
    l.set(0, y);
    Ok(())
}
