//! GlobalMaxPool: the maximum over all axes behind `[N, C]`, which stay with extent 1.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let axes: Vec<usize> = (2..x.shape.len()).collect();
    let mut shape = x.shape.clone();
    axes.iter().for_each(|&k| shape[k] = 1);
    let y = l.emit("max", ModelOp::ReduceMax { axes }, &[&x], shape)?;
    l.set(0, y);
    Ok(())
}
