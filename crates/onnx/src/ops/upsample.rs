//! Upsample (before opset 10): nearest entries by scales, as attribute (opset 7) or input (opset 9).

use super::resize::{floats_input, nearest, scaled};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let mode = l.string("mode", "nearest")?;
    if mode != "nearest" {
        return Err(Stop::hinted(format!("mode `{mode}`"), "export with opset 11 or later"));
    }
    let scales = match l.floats("scales")? {
        Some(scales) => scales,
        None => floats_input(l, 1)?,
    };
    if scales.len() != x.shape.len() {
        return Err(Stop::invalid(format!("{} scales for rank {}", scales.len(), x.shape.len())));
    }
    let axes = x.shape.iter().zip(&scales).map(|(&extent, &scale)| scaled(extent, scale).map(Some));
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    let y = nearest(l, &x, &axes, |x, axis| x / axis.scale, f64::floor)?;
    l.set(0, y);
    Ok(())
}
