//! ArgMax: index of the greatest entry along `axis`; ties go to the lowest index, or the highest (`select_last_index`).

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    arg_max(l, &x)
}

/// ArgMax of `x` with the node's attributes.
pub(super) fn arg_max(l: &mut Lowering<'_>, x: &Operand) -> Result<(), Stop> {
    let x = &l.real(x)?;
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let keep = l.int("keepdims", 1)? != 0;
    let select_last = l.int("select_last_index", 0)? != 0;
    let mut shape = x.shape.clone();
    shape[at] = 1;
    let y = l.emit("arg_max", ModelOp::ArgMax { axis: at, select_last }, &[x], shape.clone())?;
    if !keep {
        shape.remove(at);
    }
    let y = l.reshape("shape", &y, shape)?;
    l.set(0, y);
    Ok(())
}
