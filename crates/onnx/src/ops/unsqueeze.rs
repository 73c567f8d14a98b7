//! Unsqueeze: new axes of extent 1 at these places of the result (attribute before opset 13, then input).

use crate::builder::Stop;
use crate::lowering::{Lowering, axes};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let named = match l.ints("axes")? {
        Some(named) => named,
        None => l.ints_input(1, "the axes")?,
    };
    let rank = x.shape.len() + named.len();
    let added = axes(&named, rank)?;
    let mut old = x.shape.iter();
    let shape = (0..rank).map(|k| if added.contains(&k) { 1 } else { old.next().copied().unwrap_or(1) }).collect();
    let y = l.reshape("unsqueeze", &x, shape)?;
    l.set(0, y);
    Ok(())
}
