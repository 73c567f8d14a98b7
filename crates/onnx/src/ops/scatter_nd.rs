//! ScatterND: `x` with the slices that the constant indices name replaced by the updates, or combined with
//! them (`reduction`).

use veritorch_graph::model::ModelOp;

use super::extreme::{Extreme, pair};
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, indices, updates) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let (places, rest) = slices(l, &x.shape, &indices, 0)?;
    let shape = [&indices.shape[..indices.shape.len() - 1], &rest].concat();
    if updates.shape != shape {
        return Err(Stop::invalid(format!("updates {:?}, expected {shape:?}", updates.shape)));
    }
    let y = scatter(l, &x, &updates, &places)?;
    l.set(0, y);
    Ok(())
}

/// `x` with the updates written to flat positions, or combined with what is there as the attribute `reduction` says.
pub(super) fn scatter(l: &mut Lowering<'_>, x: &Operand, updates: &Operand, places: &[usize]) -> Result<Operand, Stop> {
    let reduction = l.string("reduction", "none")?;
    if reduction == "none" {
        return replace(l, x, updates, places);
    }
    let count: usize = x.shape.iter().product();
    let mut result = l.real(x)?;
    let real = l.real(updates)?;
    // positions that come again wait for the next round
    let mut left: Vec<(usize, usize)> = places.iter().copied().enumerate().collect();
    let mut round = 0;
    while !left.is_empty() {
        l.charge(count.saturating_add(left.len()))?;
        let (mut from, mut again): (Vec<usize>, Vec<(usize, usize)>) = (vec![usize::MAX; count], Vec::new());
        for (k, place) in left {
            if from[place] == usize::MAX { from[place] = k } else { again.push((k, place)) }
        }
        left = again;
        let part = format!("round_{round}");
        let neutral = match reduction.as_str() {
            "add" => 0.0,
            "mul" => 1.0,
            "max" | "min" => f32::NAN,
            other => return Err(Stop::invalid(format!("attribute `reduction` = `{other}`"))),
        };
        // where there is no update stands what changes nothing: a number, or the entry itself
        let size: usize = updates.shape.iter().product();
        let combined = if neutral.is_nan() {
            let from = from.iter().enumerate().map(|(at, &k)| if k == usize::MAX { size + at } else { k }).collect();
            let others = pick(l, &part, &[&real, &result], from, x.shape.clone())?;
            let which = if reduction == "max" { Extreme::Greatest } else { Extreme::Least };
            pair(l, which, &result, &others)?
        } else {
            let neutral = l.constant(&format!("{part}_neutral"), vec![1], Data::Float(vec![neutral]))?;
            let from = from.iter().map(|&k| k.min(size)).collect();
            let others = pick(l, &part, &[&real, &neutral], from, x.shape.clone())?;
            let op = if reduction == "add" { ModelOp::Add } else { ModelOp::Mul };
            l.binary(&format!("{part}_combined"), op, &result, &others)?
        };
        result = combined;
        round += 1;
    }
    l.of_kind(result, x.kind)
}

/// Flat positions of the entries that constant indices name, and the shape of one slice.
pub(super) fn slices(l: &mut Lowering<'_>, shape: &[usize], indices: &Operand, batch: usize) -> Result<(Vec<usize>, Vec<usize>), Stop> {
    let Some(Data::Int(data)) = indices.data() else {
        return Err(Stop::hinted("the indices depend on the model's input", "use constant indices"));
    };
    let fail = || Stop::invalid(format!("indices {:?} into {shape:?} behind {batch} axes", indices.shape));
    let depth = *indices.shape.last().ok_or_else(fail)?;
    let fits = batch < indices.shape.len()
        && depth > 0
        && batch + depth <= shape.len()
        && indices.shape[..batch] == shape[..batch];
    if !fits {
        return Err(fail());
    }
    let rest = shape[batch + depth..].to_vec();
    let slice: usize = rest.iter().product();
    let named = &shape[batch..batch + depth];
    let block: usize = named.iter().product::<usize>() * slice;
    let per_batch: usize = indices.shape[batch..indices.shape.len() - 1].iter().product();
    l.charge(data.len().saturating_add((data.len() / depth).saturating_mul(slice)))?;
    let mut places = Vec::with_capacity(data.len() / depth * slice);
    for (k, index) in data.chunks_exact(depth).enumerate() {
        let mut row = 0;
        for (&index, &extent) in index.iter().zip(named) {
            row = row * extent + axis(index, extent)?;
        }
        let start = k / per_batch.max(1) * block + row * slice;
        places.extend(start..start + slice);
    }
    Ok((places, rest))
}

/// Entries of the operands, one after the other, at these flat positions.
pub(super) fn pick(
    l: &mut Lowering<'_>,
    part: &str,
    operands: &[&Operand],
    places: Vec<usize>,
    shape: Vec<usize>,
) -> Result<Operand, Stop> {
    let mut flat = Vec::with_capacity(operands.len());
    for (k, x) in operands.iter().enumerate() {
        flat.push(l.reshape(&format!("{part}_flat_{k}"), x, vec![x.shape.iter().product()])?);
    }
    let count: usize = flat.iter().map(|x| x.shape[0]).sum();
    let joined = match flat.as_slice() {
        [only] => only.clone(),
        _ => {
            let parts: Vec<&Operand> = flat.iter().collect();
            l.emit(&format!("{part}_join"), ModelOp::Concat { axis: 0 }, &parts, vec![count])?
        }
    };
    let len = places.len();
    let y = if places.iter().copied().eq(0..count) {
        joined
    } else {
        l.emit(part, ModelOp::Gather { axis: 0, indices: places }, &[&joined], vec![len])?
    };
    l.reshape(&format!("{part}_shape"), &y, shape)
}

/// `x` with the entries at flat positions replaced, the last one where a position comes twice.
pub(super) fn replace(l: &mut Lowering<'_>, x: &Operand, updates: &Operand, places: &[usize]) -> Result<Operand, Stop> {
    let count: usize = x.shape.iter().product();
    l.charge(count)?;
    let mut from: Vec<usize> = (0..count).collect();
    for (k, &place) in places.iter().enumerate() {
        from[place] = count + k;
    }
    if updates.shape.contains(&0) {
        return Ok(x.clone());
    }
    pick(l, "scatter", &[x, updates], from, x.shape.clone())
}
