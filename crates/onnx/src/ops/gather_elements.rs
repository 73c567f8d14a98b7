//! GatherElements: `y[i] = x[i with indices[i] on axis]`, constant indices.

use veritorch_graph::model::index::{for_each_index, offset, strides};

use super::scatter_nd::pick;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, indices) = (l.input(0)?, l.input(1)?);
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let places = places(l, &x, &indices, at)?;
    let y = pick(l, "gather", &[&x], places, indices.shape)?;
    l.set(0, y);
    Ok(())
}

/// Flat positions in `x` that constant indices along an axis name, one for each of the indices.
pub(super) fn places(l: &mut Lowering<'_>, x: &Operand, indices: &Operand, at: usize) -> Result<Vec<usize>, Stop> {
    let Some(Data::Int(data)) = indices.data() else {
        return Err(Stop::hinted("the indices depend on the model's input", "use constant indices"));
    };
    let fits = indices.shape.len() == x.shape.len()
        && indices.shape.iter().zip(&x.shape).enumerate().all(|(k, (i, x))| k == at || i <= x);
    if !fits {
        return Err(Stop::invalid(format!("indices {:?} into {:?}", indices.shape, x.shape)));
    }
    l.charge(data.len())?;
    let rows = data.iter().map(|&index| axis(index, x.shape[at])).collect::<Result<Vec<_>, _>>()?;
    let mut from = strides(&x.shape);
    let step = std::mem::replace(&mut from[at], 0);
    let mut out = Vec::with_capacity(rows.len());
    let mut k = 0;
    for_each_index(&indices.shape, |index| {
        out.push(offset(index, &from) + rows[k] * step);
        k += 1;
    });
    Ok(out)
}
