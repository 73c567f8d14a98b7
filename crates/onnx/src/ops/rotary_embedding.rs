//! RotaryEmbedding: each pair of a head's entries turned by an angle of its position,
//! `(a, b) -> (a cos - b sin, a sin + b cos)`.
//!
//! Pairs are the halves of the first `rotary_embedding_dim` entries, or neighbours (`interleaved`). Cosines and sines are
//! `[batch, length, pairs]`, or a table that `position_ids` choose from.

use veritorch_graph::model::ModelOp;

use super::gather::gather;
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let interleaved = l.int("interleaved", 0)? != 0;
    let num_heads = usize::try_from(l.int("num_heads", 0)?).unwrap_or(0);
    let wanted = usize::try_from(l.int("rotary_embedding_dim", 0)?).unwrap_or(0);
    let input = l.input(0)?;
    require_float(&input, "the input")?;
    // [batch, length, heads, size]
    let x = match input.shape[..] {
        [_, _, _, _] => l.transpose("turn", &input, &[0, 2, 1, 3])?,
        [batch, length, hidden] if num_heads > 0 && hidden % num_heads == 0 => {
            l.reshape("split", &input, vec![batch, length, num_heads, hidden / num_heads])?
        }
        _ => return Err(Stop::invalid(format!("input {:?}, {num_heads} heads", input.shape))),
    };
    let [batch, length, heads, size] = x.shape[..] else { return Err(Stop::invalid("expected rank 4")) };
    let turned = if wanted == 0 { size } else { wanted };
    if turned > size || !turned.is_multiple_of(2) {
        return Err(Stop::invalid(format!("turns {turned} of {size} entries")));
    }
    let pairs = turned / 2;
    let ids = l.optional(3);
    let mut angles = Vec::with_capacity(2);
    for (k, part) in [(1, "cos"), (2, "sin")] {
        let table = l.input(k)?;
        require_float(&table, part)?;
        let chosen = match &ids {
            Some(ids) => gather(l, &table, 0, ids)?,
            None => table,
        };
        let positions: usize = chosen.shape.iter().product::<usize>().checked_div(pairs).unwrap_or(0);
        let rows = if positions == length { 1 } else { batch };
        angles.push(l.reshape(part, &chosen, vec![rows, length, 1, pairs])?);
    }
    let take = |l: &mut Lowering<'_>, part: &str, start: usize, step: usize, count: usize| -> Result<Operand, Stop> {
        let shape = vec![batch, length, heads, count];
        if shape == x.shape {
            return Ok(x.clone());
        }
        let steps = vec![1, 1, 1, i64::try_from(step).unwrap_or(1)];
        l.emit(part, ModelOp::Slice { starts: vec![0, 0, 0, start], steps }, &[&x], shape)
    };
    let (a, b) = if interleaved {
        (take(l, "first", 0, 2, pairs)?, take(l, "second", 1, 2, pairs)?)
    } else {
        (take(l, "first", 0, 1, pairs)?, take(l, "second", pairs, 1, pairs)?)
    };
    let [cos, sin] = &angles[..] else { return Err(Stop::invalid("two tables expected")) };
    let product = |l: &mut Lowering<'_>, part: &str, a: &Operand, b: &Operand| l.binary(part, ModelOp::Mul, a, b);
    let (a_cos, b_sin) = (product(l, "a_cos", &a, cos)?, product(l, "b_sin", &b, sin)?);
    let (a_sin, b_cos) = (product(l, "a_sin", &a, sin)?, product(l, "b_cos", &b, cos)?);
    let real = l.binary("real", ModelOp::Sub, &a_cos, &b_sin)?;
    let imaginary = l.binary("imaginary", ModelOp::Add, &a_sin, &b_cos)?;
    let mut y = if interleaved {
        let column = vec![batch, length, heads, pairs, 1];
        let (real, imaginary) = (l.reshape("real_column", &real, column.clone())?, l.reshape("imaginary_column", &imaginary, column)?);
        let both = l.emit("pairs", ModelOp::Concat { axis: 4 }, &[&real, &imaginary], vec![batch, length, heads, pairs, 2])?;
        l.reshape("interleave", &both, vec![batch, length, heads, turned])?
    } else {
        l.emit("halves", ModelOp::Concat { axis: 3 }, &[&real, &imaginary], vec![batch, length, heads, turned])?
    };
    if turned < size {
        let rest = take(l, "rest", turned, 1, size - turned)?;
        y = l.emit("whole", ModelOp::Concat { axis: 3 }, &[&y, &rest], x.shape.clone())?;
    }
    y = if input.shape.len() == 4 { l.transpose("turn_back", &y, &[0, 2, 1, 3])? } else { l.reshape("join", &y, input.shape)? };
    l.set(0, y);
    Ok(())
}
