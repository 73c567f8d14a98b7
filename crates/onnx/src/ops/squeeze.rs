//! Squeeze: drops axes of extent 1, all of them or those named (attribute before opset 13, then input).

use crate::builder::Stop;
use crate::lowering::{Lowering, axes};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let named = match l.ints("axes")? {
        Some(named) => Some(named),
        None => l.optional_ints(1, "the axes")?,
    };
    let dropped = match named {
        Some(named) => axes(&named, x.shape.len())?,
        None => (0..x.shape.len()).filter(|&k| x.shape[k] == 1).collect(),
    };
    if let Some(k) = dropped.iter().find(|&&k| x.shape[k] != 1) {
        return Err(Stop::invalid(format!("axis {k} of {:?} is not 1", x.shape)));
    }
    let shape = (0..x.shape.len()).filter(|k| !dropped.contains(k)).map(|k| x.shape[k]).collect();
    let y = l.reshape("squeeze", &x, shape)?;
    l.set(0, y);
    Ok(())
}
