//! Softmax: `exp(x - max) / sum exp(x - max)` along `axis` (last by default). Scores that are minus infinity by a constant
//! mask give exact zeros; lines without other scores are zero.
//!
//! Before opset 13 the axes from `axis` (1 by default) on are one.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    over_axis(l, |l, x, axis| l.emit("softmax", ModelOp::Softmax { axis }, &[x], x.shape.clone()))
}

/// `f(x, axis)` with the node's `axis`, on `x` as a matrix where old operator sets join axes.
pub(super) fn over_axis(
    l: &mut Lowering<'_>,
    f: impl Fn(&mut Lowering<'_>, &Operand, usize) -> Result<Operand, Stop>,
) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let rank = x.shape.len();
    let flattens = l.opset < 13;
    let at = axis(l.int("axis", if flattens { 1 } else { -1 })?, rank)?;
    let flattens = flattens && x.shape[at + 1..].iter().any(|&extent| extent != 1);
    let y = if flattens {
        let matrix = vec![x.shape[..at].iter().product(), x.shape[at..].iter().product()];
        let flat = l.reshape("flatten", &x, matrix)?;
        let y = f(l, &flat, 1)?;
        l.reshape("shape", &y, x.shape)?
    } else {
        f(l, &x, at)?
    };
    l.set(0, y);
    Ok(())
}
