//! Pad: a constant around (`constant`), or entries of `x` itself (`edge`, `reflect`, `wrap`) as a gather on each axis.
//!
//! Pads as attribute before opset 11, then as input; negative pads crop.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    let mode = l.string("mode", "constant")?;
    let (pads, value) = match l.ints("pads")? {
        Some(pads) => (pads, l.float("value", 0.0)?),
        None => (l.ints_input(1, "the pads")?, l.optional_float(2, "the value")?.unwrap_or(0.0)),
    };
    let named: Vec<i64> = match l.optional_ints(3, "the axes")? {
        Some(named) => named,
        None => (0..).take(rank).collect(),
    };
    if pads.len() != 2 * named.len() {
        return Err(Stop::invalid(format!("{} pads for {} axes", pads.len(), named.len())));
    }
    let mut ends = vec![(0i64, 0i64); rank];
    for (k, &name) in named.iter().enumerate() {
        ends[axis(name, rank)?] = (pads[k], pads[k + named.len()]);
    }
    let y = match mode.as_str() {
        "constant" => constant(l, &x, &ends, value)?,
        "edge" | "reflect" | "wrap" => gathered(l, &x, &ends, &mode)?,
        other => return Err(Stop::unsupported(format!("mode `{other}`"))),
    };
    l.set(0, y);
    Ok(())
}

/// Extent with both ends added.
fn padded(extent: usize, (before, after): (i64, i64)) -> Result<usize, Stop> {
    i64::try_from(extent)
        .ok()
        .and_then(|extent| extent.checked_add(before)?.checked_add(after))
        .and_then(|extent| usize::try_from(extent).ok())
        .ok_or_else(|| Stop::invalid(format!("extent {extent} padded by {before} and {after}")))
}

fn constant(l: &mut Lowering<'_>, x: &Operand, ends: &[(i64, i64)], value: f32) -> Result<Operand, Stop> {
    let crop = |end: i64| usize::try_from(end.saturating_neg()).unwrap_or(0);
    let starts: Vec<usize> = ends.iter().map(|end| crop(end.0)).collect();
    let kept = (0..ends.len())
        .map(|k| padded(x.shape[k], (ends[k].0.min(0), ends[k].1.min(0))))
        .collect::<Result<Vec<_>, _>>()?;
    let steps = vec![1; kept.len()];
    let cropped = if kept == x.shape {
        x.clone()
    } else {
        l.emit("crop", ModelOp::Slice { starts, steps }, &[x], kept.clone())?
    };
    let shape = (0..ends.len()).map(|k| padded(x.shape[k], ends[k])).collect::<Result<Vec<_>, _>>()?;
    if shape == kept {
        return Ok(cropped);
    }
    let before = ends.iter().map(|end| usize::try_from(end.0).unwrap_or(0)).collect();
    l.emit("pad", ModelOp::Pad { before, value }, &[&cropped], shape)
}

fn gathered(l: &mut Lowering<'_>, x: &Operand, ends: &[(i64, i64)], mode: &str) -> Result<Operand, Stop> {
    let mut y = x.clone();
    for (k, &end) in ends.iter().enumerate() {
        if end == (0, 0) {
            continue;
        }
        let extent = y.shape[k];
        let count = padded(extent, end)?;
        l.charge(count)?;
        let last = i64::try_from(extent).map_err(|_| Stop::invalid("extent too large"))? - 1;
        let indices = (0..count)
            .map(|j| {
                let at = i64::try_from(j).unwrap_or(i64::MAX).saturating_sub(end.0);
                let index = match mode {
                    "edge" => at.clamp(0, last),
                    "wrap" => at.rem_euclid(last + 1),
                    // 0 1 .. last .. 1, again and again
                    _ if last == 0 => 0,
                    _ => last - (at.rem_euclid(2 * last) - last).abs(),
                };
                usize::try_from(index).map_err(|_| Stop::invalid("index out of range"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut shape = y.shape.clone();
        shape[k] = count;
        y = l.emit(&format!("axis_{k}"), ModelOp::Gather { axis: k, indices }, &[&y], shape)?;
    }
    Ok(y)
}
