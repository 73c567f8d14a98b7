//! Tile: `x` repeated along each axis, as `[1, d] -> expand [r, d] -> reshape [r * d]` on every axis.

use veritorch_graph::model::ModelOp;

use super::constant_of_shape::shape_from;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let repeats = shape_from(&l.ints_input(1, "the repeats")?)?;
    if repeats.len() != x.shape.len() {
        return Err(Stop::invalid(format!("{} repeats for rank {}", repeats.len(), x.shape.len())));
    }
    let pairs = |first: &dyn Fn(usize) -> usize| -> Vec<usize> {
        (0..repeats.len()).flat_map(|k| [first(k), x.shape[k]]).collect()
    };
    let (single, repeated) = (pairs(&|_| 1), pairs(&|k| repeats[k]));
    let shape: Vec<usize> = (0..repeats.len()).map(|k| repeats[k].saturating_mul(x.shape[k])).collect();
    let y = if shape == x.shape {
        x.clone()
    } else {
        let spread = l.reshape("spread", &x, single)?;
        let expanded = l.emit("expand", ModelOp::Expand, &[&spread], repeated)?;
        l.reshape("tile", &expanded, shape)?
    };
    l.set(0, y);
    Ok(())
}
