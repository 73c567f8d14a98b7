//! Softmax: `exp(x - max) / sum exp(x - max)` along `axis` (last by default).
//!
//! Before opset 13 the axes from `axis` (1 by default) on are one.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let rank = x.shape.len();
    let flattens = l.opset < 13;
    let at = axis(l.int("axis", if flattens { 1 } else { -1 })?, rank)?;
    let flattens = flattens && x.shape[at + 1..].iter().any(|&extent| extent != 1);
    let y = if flattens {
        let matrix = vec![x.shape[..at].iter().product(), x.shape[at..].iter().product()];
        let flat = l.reshape("flatten", &x, matrix.clone())?;
        let y = l.emit("softmax", ModelOp::Softmax { axis: 1 }, &[&flat], matrix)?;
        l.reshape("shape", &y, x.shape)?
    } else {
        l.emit("softmax", ModelOp::Softmax { axis: at }, &[&x], x.shape.clone())?
    };
    l.set(0, y);
    Ok(())
}
