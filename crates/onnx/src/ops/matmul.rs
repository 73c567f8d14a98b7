//! MatMul: numpy's `matmul`; vectors become matrices with one row or column and lose it again.

use veritorch_graph::model::ModelOp;
use veritorch_graph::model::index::broadcast;

use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    if a.shape.is_empty() || b.shape.is_empty() {
        return Err(Stop::invalid("an operand is a scalar"));
    }
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    let a = if row { l.reshape("row", &a, vec![1, a.shape[0]])? } else { a };
    let b = if column { l.reshape("column", &b, vec![b.shape[0], 1])? } else { b };
    let kind = a.kind;
    let (a, b) = (l.real(&a)?, l.real(&b)?);
    let y = matmul(l, "matmul", &a, &b)?;
    let y = l.of_kind(y, kind)?;
    let mut shape = y.shape.clone();
    if column {
        shape.pop();
    }
    if row {
        shape.remove(shape.len() - if column { 1 } else { 2 });
    }
    let y = l.reshape("shape", &y, shape)?;
    l.set(0, y);
    Ok(())
}

/// The product of two operands of rank at least 2.
pub(super) fn matmul(l: &mut Lowering<'_>, part: &str, a: &Operand, b: &Operand) -> Result<Operand, Stop> {
    let fail = || Stop::invalid(format!("{:?} times {:?}", a.shape, b.shape));
    let (Some((outer_a, [rows, inner])), Some((outer_b, [inner_b, columns]))) =
        (a.shape.split_last_chunk::<2>(), b.shape.split_last_chunk::<2>())
    else {
        return Err(fail());
    };
    if inner != inner_b {
        return Err(fail());
    }
    let mut shape = broadcast(outer_a, outer_b).ok_or_else(fail)?;
    shape.extend([*rows, *columns]);
    l.emit(part, ModelOp::MatMul, &[a, b], shape)
}
