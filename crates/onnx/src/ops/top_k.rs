//! TopK: the `k` greatest (or least) entries along an axis and their indices, the lowest first where several are equal.
//!
//! One after the other: the greatest and its index, then the same of what is left with that entry below all others.

use veritorch_graph::model::ModelOp;

use super::one_hot::on_line;
use crate::builder::{Operand, Stop};
use crate::element::Kind;
use crate::lowering::{Lowering, axis, require_float};

/// Most entries.
const MOST: usize = 64;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let at = axis(l.int("axis", -1)?, x.shape.len())?;
    let largest = l.int("largest", 1)? != 0;
    l.int("sorted", 1)?;
    let k = match l.ints("k")? {
        Some(k) => k,
        None => match l.optional_int("k")? {
            Some(k) => vec![k],
            None => l.ints_input(1, "k")?,
        },
    };
    let count = match k.as_slice() {
        &[k] => usize::try_from(k).ok().filter(|k| (1..=x.shape[at]).contains(k)),
        _ => None,
    };
    let count = count.ok_or_else(|| Stop::invalid(format!("k {k:?} of {}", x.shape[at])))?;
    if count > MOST {
        return Err(Stop::unsupported(format!("the greatest {count} entries, expected at most {MOST}")));
    }
    let sign = if largest { 1.0 } else { -1.0 };
    let mut left = l.scale("sign", &x, sign)?;
    let least = if count > 1 { Some(least(l, &left, at)?) } else { None };
    let (mut values, mut indices) = (Vec::new(), Vec::new());
    let mut kept = x.shape.clone();
    kept[at] = 1;
    for k in 0..count {
        let part = |name: &str| format!("{name}_{k}");
        let value = l.emit(&part("max"), ModelOp::ReduceMax { axes: vec![at] }, &[&left], kept.clone())?;
        let index = l.emit(&part("arg_max"), ModelOp::ArgMax { axis: at, select_last: false }, &[&left], kept.clone())?;
        values.push(l.scale(&part("value"), &value, sign)?);
        if let Some(least) = least.as_ref().filter(|_| k + 1 < count) {
            let chosen = on_line(l, &index, at, x.shape[at])?;
            // below the least entry
            let height = l.binary(&part("height"), ModelOp::Sub, &value, least)?;
            let cut = l.binary(&part("cut"), ModelOp::Mul, &chosen, &height)?;
            left = l.binary(&part("left"), ModelOp::Sub, &left, &cut)?;
        }
        indices.push(index);
    }
    let mut shape = x.shape;
    shape[at] = count;
    let values = joined(l, "values", values, at, &shape)?;
    let indices = joined(l, "indices", indices, at, &shape)?;
    l.set(0, values);
    let indices = l.of_kind(indices, Kind::Int)?;
    l.set(1, indices);
    Ok(())
}

/// A number below every entry along the axis: the least one less half the span, or less one where all are equal.
fn least(l: &mut Lowering<'_>, x: &Operand, at: usize) -> Result<Operand, Stop> {
    let mut kept = x.shape.clone();
    kept[at] = 1;
    let greatest = l.emit("greatest", ModelOp::ReduceMax { axes: vec![at] }, &[x], kept.clone())?;
    let negative = l.scale("negative", x, -1.0)?;
    let least = l.emit("least", ModelOp::ReduceMax { axes: vec![at] }, &[&negative], kept)?;
    let span = l.binary("span", ModelOp::Add, &greatest, &least)?;
    let half = l.scale("half", &span, 0.5)?;
    let below = l.binary("below", ModelOp::Add, &least, &half)?;
    let one = l.scalar("one", 1.0)?;
    let below = l.binary("bound", ModelOp::Add, &below, &one)?;
    l.scale("floor", &below, -1.0)
}

fn joined(l: &mut Lowering<'_>, part: &str, parts: Vec<Operand>, at: usize, shape: &[usize]) -> Result<Operand, Stop> {
    match parts.as_slice() {
        [only] => Ok(only.clone()),
        parts => l.emit(part, ModelOp::Concat { axis: at }, &parts.iter().collect::<Vec<_>>(), shape.to_vec()),
    }
}
