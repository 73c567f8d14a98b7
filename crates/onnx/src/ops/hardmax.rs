//! Hardmax: 1 at the first greatest entry along `axis`, 0 elsewhere. Before operator set 13 the axes from `axis` on are one.

use veritorch_graph::model::ModelOp;

use super::one_hot::on_line;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let joined = l.opset < 13;
    let at = axis(l.int("axis", if joined { 1 } else { -1 })?, x.shape.len())?;
    let (lines, at) = if joined {
        let rows = x.shape[..at].iter().product();
        let columns = x.shape[at..].iter().product();
        (l.reshape("lines", &x, vec![rows, columns])?, 1)
    } else {
        (x.clone(), at)
    };
    let mut kept = lines.shape.clone();
    kept[at] = 1;
    let index = l.emit("arg_max", ModelOp::ArgMax { axis: at, select_last: false }, &[&lines], kept)?;
    let y = on_line(l, &index, at, lines.shape[at])?;
    let y = l.reshape("shape", &y, x.shape)?;
    l.set(0, y);
    Ok(())
}
