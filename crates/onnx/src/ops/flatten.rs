//! Flatten: `[prod(shape[..axis]), prod(shape[axis..])]`.

use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    // the axis may be the rank itself
    let at = match l.int("axis", 1)? {
        k if i64::try_from(rank) == Ok(k) => rank,
        k => axis(k, rank)?,
    };
    let shape = vec![x.shape[..at].iter().product(), x.shape[at..].iter().product()];
    let y = l.reshape("flatten", &x, shape)?;
    l.set(0, y);
    Ok(())
}
