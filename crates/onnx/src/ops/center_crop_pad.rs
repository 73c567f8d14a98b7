//! CenterCropPad: axes cut or filled with zeros to constant extents, as much in front as behind, the odd one behind.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    let extents = l.ints_input(1, "the shape")?;
    let named = l.ints("axes")?.unwrap_or_else(|| (0..).take(rank).collect());
    if named.len() != extents.len() {
        return Err(Stop::invalid(format!("{} axes, {} extents", named.len(), extents.len())));
    }
    let (mut starts, mut before) = (vec![0; rank], vec![0; rank]);
    let (mut cut, mut shape) = (x.shape.clone(), x.shape.clone());
    for (&at, &extent) in named.iter().zip(&extents) {
        let at = axis(at, rank)?;
        let extent = usize::try_from(extent).map_err(|_| Stop::invalid(format!("extent {extent}")))?;
        starts[at] = x.shape[at].saturating_sub(extent) / 2;
        before[at] = extent.saturating_sub(x.shape[at]) / 2;
        cut[at] = x.shape[at].min(extent);
        shape[at] = extent;
    }
    let cropped = if cut == x.shape {
        x
    } else {
        l.emit("crop", ModelOp::Slice { starts, steps: vec![1; rank] }, &[&x], cut.clone())?
    };
    let y = if cut == shape { cropped } else { l.emit("pad", ModelOp::Pad { before, value: 0.0 }, &[&cropped], shape)? };
    l.set(0, y);
    Ok(())
}
