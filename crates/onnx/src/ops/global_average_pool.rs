//! GlobalAveragePool: the mean over all axes behind `[N, C]`, which stay with extent 1.

use veritorch_graph::model::ModelOp;

use super::average_pool::reciprocal;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let axes: Vec<usize> = (2..x.shape.len()).collect();
    let count: usize = axes.iter().map(|&k| x.shape[k]).product();
    let mut shape = x.shape.clone();
    axes.iter().for_each(|&k| shape[k] = 1);
    let sum = l.emit("sum", ModelOp::ReduceSum { axes }, &[&x], shape)?;
    let y = l.scale("mean", &sum, reciprocal(count))?;
    l.set(0, y);
    Ok(())
}
