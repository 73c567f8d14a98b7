//! ScatterElements: `x` with `y[i with indices[i] on axis] = updates[i]`, constant indices; or combined with
//! them (`reduction`).

use super::gather_elements::places;
use super::scatter_nd::scatter;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, indices, updates) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let places = places(l, &x, &indices, at)?;
    if updates.shape != indices.shape {
        return Err(Stop::invalid(format!("updates {:?}, indices {:?}", updates.shape, indices.shape)));
    }
    let y = scatter(l, &x, &updates, &places)?;
    l.set(0, y);
    Ok(())
}
