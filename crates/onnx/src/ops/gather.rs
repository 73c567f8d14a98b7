//! Gather: entries at constant indices along `axis`; the indices' axes take the axis's place.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let operand = l.input(1)?;
    let Some(Data::Int(indices)) = operand.data() else {
        return Err(Stop::hinted("the indices depend on the model's input", "gather by constant indices only"));
    };
    l.charge(indices.len())?;
    let indices = indices.iter().map(|&index| axis(index, x.shape[at])).collect::<Result<Vec<_>, _>>()?;
    let mut line = x.shape.clone();
    line[at] = indices.len();
    let shape = [&x.shape[..at], &operand.shape, &x.shape[at + 1..]].concat();
    let whole = indices.iter().copied().eq(0..x.shape[at]);
    let gathered = if whole { x } else { l.emit("gather", ModelOp::Gather { axis: at, indices }, &[&x], line)? };
    let y = l.reshape("shape", &gathered, shape)?;
    l.set(0, y);
    Ok(())
}
