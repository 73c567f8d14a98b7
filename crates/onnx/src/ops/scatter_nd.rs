//! ScatterND: `x` with the slices that the constant indices name replaced by the updates (`reduction` = `none`).

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    without_reduction(l)?;
    let (x, indices, updates) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let (places, rest) = slices(l, &x.shape, &indices, 0)?;
    let shape = [&indices.shape[..indices.shape.len() - 1], &rest].concat();
    if updates.shape != shape {
        return Err(Stop::invalid(format!("updates {:?}, expected {shape:?}", updates.shape)));
    }
    let y = replace(l, &x, &updates, &places)?;
    l.set(0, y);
    Ok(())
}

pub(super) fn without_reduction(l: &Lowering<'_>) -> Result<(), Stop> {
    match l.string("reduction", "none")?.as_str() {
        "none" => Ok(()),
        other => Err(Stop::unsupported(format!("attribute `reduction` = `{other}`"))),
    }
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
