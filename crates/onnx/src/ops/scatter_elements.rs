//! ScatterElements: `x` with `y[i with indices[i] on axis] = updates[i]`, constant indices (`reduction` = `none`).

use super::gather_elements::places;
use super::scatter_nd::{replace, without_reduction};
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    without_reduction(l)?;
    let (x, indices, updates) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let places = places(l, &x, &indices, at)?;
    if updates.shape != indices.shape {
        return Err(Stop::invalid(format!("updates {:?}, indices {:?}", updates.shape, indices.shape)));
    }
    let y = replace(l, &x, &updates, &places)?;
    l.set(0, y);
    Ok(())
}
