//! GatherND: the last axis of the constant indices names leading axes of `x` behind `batch_dims` shared ones.

use super::scatter_nd::{pick, slices};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let batch = usize::try_from(l.int("batch_dims", 0)?).map_err(|_| Stop::invalid("batch_dims is negative"))?;
    let (x, indices) = (l.input(0)?, l.input(1)?);
    let (places, rest) = slices(l, &x.shape, &indices, batch)?;
    let shape = [&indices.shape[..indices.shape.len() - 1], &rest].concat();
    let y = pick(l, "gather", &[&x], places, shape)?;
    l.set(0, y);
    Ok(())
}
