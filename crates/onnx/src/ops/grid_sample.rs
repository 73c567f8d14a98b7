//! GridSample: an image read between its entries at constant places; a constant linear map of each image.
//!
//! Along each axis a place is a few entries with weights (one: nearest; two: linear; four: cubic with `a = -3/4`); the entry's
//! weight is the product. Entries outside are zero, the nearest border's, or reflected.

use veritorch_graph::model::ModelOp;

use super::linear_map::{Terms, map, matrix};
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

/// What is outside the image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Zeros,
    Border,
    Reflection,
}

/// How many entries a place reads along each axis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let corners = l.int("align_corners", 0)? != 0;
    let mode = match l.string("mode", "linear")?.as_str() {
        "linear" | "bilinear" => Mode::Linear,
        "nearest" => Mode::Nearest,
        "cubic" | "bicubic" => Mode::Cubic,
        other => return Err(Stop::invalid(format!("mode `{other}`"))),
    };
    let padding = match l.string("padding_mode", "zeros")?.as_str() {
        "zeros" => Padding::Zeros,
        "border" => Padding::Border,
        "reflection" => Padding::Reflection,
        other => return Err(Stop::invalid(format!("padding_mode `{other}`"))),
    };
    let (x, grid) = (l.input(0)?, l.input(1)?);
    require_float(&x, "the input")?;
    let Some(places) = grid.floats() else {
        return Err(Stop::hinted("the grid depends on the model's input", "sample at constant places"));
    };
    let rank = x.shape.len().saturating_sub(2);
    let fits = rank > 0 && grid.shape.len() == rank + 2 && grid.shape[0] == x.shape[0] && grid.shape[rank + 1] == rank;
    if !fits || places.iter().any(|x| !x.is_finite()) {
        return Err(Stop::invalid(format!("input {:?}, grid {:?}", x.shape, grid.shape)));
    }
    let (batch, channels, extents) = (x.shape[0], x.shape[1], x.shape[2..].to_vec());
    let size: usize = extents.iter().product();
    let count: usize = grid.shape[1..=rank].iter().product();
    l.charge(batch.saturating_mul(count).saturating_mul(size))?;
    let terms: Vec<Terms> = places
        .chunks_exact(rank)
        .map(|place| {
            let mut terms = vec![(0, 1.0)];
            for (k, &extent) in extents.iter().enumerate() {
                // x, the last axis, comes first
                let line = line(f64::from(place[rank - 1 - k]), extent, corners, mode, padding);
                terms = terms
                    .iter()
                    .flat_map(|&(at, weight)| line.iter().map(move |&(k, by)| (at * extent + k, weight * by)))
                    .collect();
            }
            terms
        })
        .collect();
    let shape = [&[batch, channels], &grid.shape[1..=rank]].concat();
    let y = if batch == 1 {
        let rows = l.reshape("rows", &x, vec![channels, size])?;
        map(l, "sample", &rows, &terms)?
    } else {
        let mut matrices = Vec::with_capacity(batch);
        for (k, terms) in terms.chunks(count).enumerate() {
            let matrix = matrix(l, &format!("image_{k}"), size, terms)?;
            matrices.push(l.reshape("one", &matrix, vec![1, size, count])?);
        }
        let parts: Vec<_> = matrices.iter().collect();
        let maps = l.emit("maps", ModelOp::Concat { axis: 0 }, &parts, vec![batch, size, count])?;
        let rows = l.reshape("rows", &x, vec![batch, channels, size])?;
        l.emit("sample", ModelOp::MatMul, &[&rows, &maps], vec![batch, channels, count])?
    };
    let y = l.reshape("shape", &y, shape)?;
    l.set(0, y);
    Ok(())
}

/// Entries and weights along one axis for a coordinate in -1 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "extents are small; places saturate")]
fn line(place: f64, extent: usize, corners: bool, mode: Mode, padding: Padding) -> Vec<(usize, f64)> {
    let len = extent as f64;
    let (least, most) = if corners { (0.0, len - 1.0) } else { (-0.5, len - 0.5) };
    let mut at = if corners { (place + 1.0) / 2.0 * (len - 1.0) } else { ((place + 1.0) * len - 1.0) / 2.0 };
    if mode == Mode::Nearest {
        at = at.round_ties_even();
    }
    if at < least || at > most {
        at = match padding {
            Padding::Zeros => at,
            Padding::Border => at.clamp(0.0, len - 1.0),
            Padding::Reflection => reflect(at, least, most),
        };
    }
    let base = at.floor();
    let part = at - base;
    let taps: Vec<(f64, f64)> = match mode {
        Mode::Nearest => vec![(at.round_ties_even(), 1.0)],
        Mode::Linear => vec![(base, 1.0 - part), (base + 1.0, part)],
        Mode::Cubic => (0..4).map(|k| (base + f64::from(k) - 1.0, cubic(part + 1.0 - f64::from(k)))).collect(),
    };
    taps.into_iter()
        .filter(|(_, weight)| *weight != 0.0)
        .filter_map(|(tap, weight)| {
            let inside = tap >= 0.0 && tap <= len - 1.0;
            let tap = match padding {
                _ if inside => tap,
                Padding::Zeros => return None,
                Padding::Border => tap.clamp(0.0, len - 1.0),
                Padding::Reflection => reflect(tap, least, most).clamp(0.0, len - 1.0),
            };
            usize::try_from(tap.trunc() as i64).ok().map(|tap| (tap, weight))
        })
        .collect()
}

/// Keys' cubic convolution at a distance.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.75;
    let d = distance.abs();
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    } else {
        0.0
    }
}

/// A place reflected at the borders until it is inside.
fn reflect(x: f64, least: f64, most: f64) -> f64 {
    let span = most - least;
    if span <= 0.0 {
        return least;
    }
    let turn = (x - least).rem_euclid(2.0 * span);
    least + if turn <= span { turn } else { 2.0 * span - turn }
}
