//! Gather: entries along `axis`; the indices' axes take the axis's place.
//!
//! Constant indices only move entries. Ids that depend on the model's input choose rows of a constant table: `Embedding`,
//! with the axis in front and the others as one. Such ids are whole numbers from 0 on.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let ids = l.input(1)?;
    let y = gather(l, &x, at, &ids)?;
    l.set(0, y);
    Ok(())
}

/// Entries of `x` at these ids along an axis.
pub(crate) fn gather(l: &mut Lowering<'_>, x: &Operand, at: usize, ids: &Operand) -> Result<Operand, Stop> {
    match ids.data() {
        Some(Data::Int(indices)) => by_constants(l, x, at, &ids.shape, indices),
        Some(_) => Err(Stop::invalid(format!("the indices are {}", ids.kind.name()))),
        None => embedding(l, x, at, ids),
    }
}

fn by_constants(l: &mut Lowering<'_>, x: &Operand, at: usize, ids: &[usize], indices: &[i64]) -> Result<Operand, Stop> {
    l.charge(indices.len())?;
    let indices = indices.iter().map(|&index| axis(index, x.shape[at])).collect::<Result<Vec<_>, _>>()?;
    let mut line = x.shape.clone();
    line[at] = indices.len();
    let shape = [&x.shape[..at], ids, &x.shape[at + 1..]].concat();
    let whole = indices.iter().copied().eq(0..x.shape[at]);
    let gathered = if whole { x.clone() } else { l.emit("gather", ModelOp::Gather { axis: at, indices }, &[x], line)? };
    l.reshape("shape", &gathered, shape)
}

fn embedding(l: &mut Lowering<'_>, table: &Operand, at: usize, ids: &Operand) -> Result<Operand, Stop> {
    if !table.is_constant() {
        return Err(Stop::hinted(
            "data and indices both depend on the model's input",
            "gather by constant indices, or from a constant table",
        ));
    }
    require_float(table, "the table")?;
    if ids.kind != Kind::Int {
        return Err(Stop::invalid(format!("the indices are {}", ids.kind.name())));
    }
    let front = l.move_axis("front", table, at, 0)?;
    let rows = front.shape[0];
    let rest = front.shape[1..].to_vec();
    let matrix = l.reshape("table", &front, vec![rows, rest.iter().product()])?;
    let chosen = [&ids.shape[..], &matrix.shape[1..]].concat();
    let y = l.emit("embedding", ModelOp::Embedding, &[&matrix, ids], chosen)?;
    let rank = ids.shape.len();
    let y = l.reshape("shape", &y, [&ids.shape[..], &rest].concat())?;
    // the axes in front of the table's axis come first
    let perm: Vec<usize> = (rank..rank + at).chain(0..rank).chain(rank + at..y.shape.len()).collect();
    if perm.is_sorted() { Ok(y) } else { l.transpose("order", &y, &perm) }
}
