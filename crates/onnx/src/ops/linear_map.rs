//! Constant linear maps of a tensor's last axis, written as the operand entries and factors of each result entry.

use veritorch_graph::model::ModelOp;

use super::scatter_nd::pick;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;

/// Operand entries and their factors, for one result entry.
pub(super) type Terms = Vec<(usize, f64)>;

/// `y[.., p] = sum of factor * x[.., entry]` for `x [rows, n]`, `terms` by p. Where every result entry is one operand entry or none, entries are only moved.
pub(super) fn map(l: &mut Lowering<'_>, part: &str, x: &Operand, terms: &[Terms]) -> Result<Operand, Stop> {
    let &[rows, n] = x.shape.as_slice() else { return Err(Stop::invalid("a linear map of no matrix")) };
    let count = terms.len();
    if terms.iter().all(|terms| matches!(terms.as_slice(), [] | [(_, 1.0)])) {
        l.charge(rows.saturating_mul(count))?;
        let empty = terms.iter().any(Vec::is_empty);
        let zeros = l.constant("zero", vec![1], Data::Float(vec![0.0]))?;
        let places = (0..rows)
            .flat_map(|row| terms.iter().map(move |terms| terms.first().map_or(rows * n, |(entry, _)| row * n + entry)))
            .collect();
        let operands: &[&Operand] = if empty { &[x, &zeros] } else { &[x] };
        return pick(l, part, operands, places, vec![rows, count]);
    }
    let matrix = matrix(l, part, n, terms)?;
    l.emit(part, ModelOp::MatMul, &[x, &matrix], vec![rows, count])
}

/// The map's matrix `[n, terms.len()]`.
#[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
pub(super) fn matrix(l: &mut Lowering<'_>, part: &str, n: usize, terms: &[Terms]) -> Result<Operand, Stop> {
    let count = terms.len();
    l.charge(n.saturating_mul(count))?;
    let mut data = vec![0.0f64; n * count];
    for (p, terms) in terms.iter().enumerate() {
        for &(entry, factor) in terms {
            data[entry * count + p] += factor;
        }
    }
    l.constant(&format!("{part}_matrix"), vec![n, count], Data::Float(data.into_iter().map(|x| x as f32).collect()))
}
