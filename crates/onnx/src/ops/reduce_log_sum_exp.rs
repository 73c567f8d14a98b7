//! ReduceLogSumExp: `max + log(sum exp(x - max))` over axes.

use veritorch_graph::model::ModelOp;

use super::log_softmax::{log_sum_exp, max_over};
use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    require_float(&r.x, "the input")?;
    let max = max_over(l, &r.x, &r.axes)?;
    let shifted = l.binary("shift", ModelOp::Sub, &r.x, &max)?;
    let log = log_sum_exp(l, &shifted, &r.axes)?;
    let y = l.binary("add", ModelOp::Add, &log, &max)?;
    let y = l.reshape("shape", &y, r.shape)?;
    l.set(0, y);
    Ok(())
}
