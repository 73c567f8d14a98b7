//! Resize: nearest entries as a gather on each axis, linear and cubic interpolation as a product by a constant matrix on each
//! axis.
//!
//! Result position `x` reads operand position `c(x)`, by `coordinate_transformation_mode`; `nearest` rounds it by
//! `nearest_mode`, `linear` takes `(1 - f) * v[floor(c)] + f * v[floor(c) + 1]` with `f = c - floor(c)`, `cubic` the four
//! entries around `c` with the weights of [Keys 1981]; positions outside read the edge. Scales or sizes are constant.

use veritorch_graph::model::ModelOp;

use super::matmul::matmul;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axis, require_float};

/// How positions of one axis correspond.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) extent: usize,
    pub(super) out: usize,
    /// Result positions for each operand position.
    pub(super) scale: f64,
}

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let mode = l.string("mode", "nearest")?;
    let old = l.opset < 11;
    let coordinates = l.string("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" })?;
    let rounding = l.string("nearest_mode", if old { "floor" } else { "round_prefer_floor" })?;
    l.float("extrapolation_value", 0.0)?;
    let a = f64::from(l.float("cubic_coeff_a", -0.75)?);
    if l.int("exclude_outside", 0)? != 0 {
        return Err(Stop::unsupported("attribute `exclude_outside`"));
    }
    let antialias = l.int("antialias", 0)? != 0;
    let policy = l.string("keep_aspect_ratio_policy", "stretch")?;
    let named = match l.ints("axes")? {
        Some(named) => named.iter().map(|&k| axis(k, x.shape.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..x.shape.len()).collect(),
    };
    // the region matters for tf_crop_and_resize only
    let scales_at = if old {
        1
    } else {
        let _ = l.optional(1);
        2
    };
    let scales = floats_input(l, scales_at)?;
    let sizes = l.optional_ints(3, "the sizes")?.filter(|sizes| !sizes.is_empty());
    if sizes.is_some() && policy != "stretch" {
        return Err(Stop::unsupported(format!("keep_aspect_ratio_policy `{policy}`")));
    }
    let mut axes: Vec<Option<Axis>> = vec![None; x.shape.len()];
    let count = sizes.as_ref().map_or(scales.len(), Vec::len);
    if count != named.len() {
        return Err(Stop::invalid(format!("{count} scales or sizes for {} axes", named.len())));
    }
    for (k, &at) in named.iter().enumerate() {
        axes[at] = Some(match &sizes {
            Some(sizes) => sized(x.shape[at], sizes[k])?,
            None => scaled(x.shape[at], scales[k])?,
        });
    }
    let position = position_rule(&coordinates)?;
    let y = match mode.as_str() {
        "nearest" => nearest(l, &x, &axes, position, nearest_rule(&rounding)?)?,
        "linear" | "cubic" if antialias && axes.iter().flatten().any(|a| a.out < a.extent) => {
            return Err(Stop::unsupported("attribute `antialias`"));
        }
        "linear" => interpolate(l, &x, &axes, position, &|part| vec![1.0 - part, part])?,
        "cubic" => interpolate(l, &x, &axes, position, &|part| cubic(a, part))?,
        other => return Err(Stop::invalid(format!("mode `{other}`"))),
    };
    l.set(0, y);
    Ok(())
}

/// Scales as input; none where it is absent or empty.
pub(super) fn floats_input(l: &Lowering<'_>, k: usize) -> Result<Vec<f32>, Stop> {
    let Some(operand) = l.optional(k) else { return Ok(Vec::new()) };
    match operand.data() {
        Some(Data::Float(data)) if data.len() <= operand.shape.len().max(64) => Ok(data.clone()),
        Some(_) => Err(Stop::invalid("the scales are no short list of floats")),
        None => Err(Stop::unsupported("the scales depend on the model's input")),
    }
}

/// An axis by its scale: `out = floor(extent * scale)`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "extents are below 2^31, the range is checked"
)]
pub(super) fn scaled(extent: usize, scale: f32) -> Result<Axis, Stop> {
    let out = (extent as f64 * f64::from(scale)).floor();
    if !(scale > 0.0 && (1.0..2_147_483_648.0).contains(&out)) {
        return Err(Stop::invalid(format!("extent {extent} times {scale}")));
    }
    Ok(Axis { extent, out: out as usize, scale: scale.into() })
}

#[expect(clippy::cast_precision_loss, reason = "extents are below 2^31")]
fn sized(extent: usize, size: i64) -> Result<Axis, Stop> {
    let out = usize::try_from(size).ok().filter(|&out| out > 0);
    let out = out.ok_or_else(|| Stop::invalid(format!("size {size}")))?;
    Ok(Axis { extent, out, scale: out as f64 / extent as f64 })
}

/// The operand position that a result position corresponds to.
pub(super) type Position = fn(f64, Axis) -> f64;

#[expect(clippy::cast_precision_loss, reason = "extents are below 2^31")]
fn position_rule(name: &str) -> Result<Position, Stop> {
    Ok(match name {
        "half_pixel" => |x, axis| (x + 0.5) / axis.scale - 0.5,
        "pytorch_half_pixel" => |x, axis| if axis.out > 1 { (x + 0.5) / axis.scale - 0.5 } else { 0.0 },
        "half_pixel_symmetric" => |x, axis| {
            let adjustment = axis.out as f64 / (axis.scale * axis.extent as f64);
            axis.extent as f64 / 2.0 * (1.0 - adjustment) + (x + 0.5) / axis.scale - 0.5
        },
        // the result's extent before rounding counts
        "align_corners" => |x, axis| {
            let last = axis.scale * axis.extent as f64 - 1.0;
            if axis.out > 1 && last > 0.0 {
                x * (axis.extent as f64 - 1.0) / last
            } else {
                0.0
            }
        },
        "asymmetric" => |x, axis| x / axis.scale,
        other => return Err(Stop::unsupported(format!("coordinate_transformation_mode `{other}`"))),
    })
}

pub(super) type Rounding = fn(f64) -> f64;

fn nearest_rule(name: &str) -> Result<Rounding, Stop> {
    Ok(match name {
        "round_prefer_floor" => |x| (x - 0.5).ceil(),
        "round_prefer_ceil" => |x| (x + 0.5).floor(),
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        other => return Err(Stop::invalid(format!("nearest_mode `{other}`"))),
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions are clamped into the axis"
)]
pub(super) fn nearest(
    l: &mut Lowering<'_>,
    x: &Operand,
    axes: &[Option<Axis>],
    position: Position,
    rounding: Rounding,
) -> Result<Operand, Stop> {
    let mut y = x.clone();
    for (k, axis) in axes.iter().enumerate() {
        let Some(axis) = *axis else { continue };
        l.charge(axis.out)?;
        let last = axis.extent as f64 - 1.0;
        let indices: Vec<usize> =
            (0..axis.out).map(|at| rounding(position(at as f64, axis)).clamp(0.0, last) as usize).collect();
        if indices.iter().copied().eq(0..axis.extent) {
            continue;
        }
        let mut shape = y.shape.clone();
        shape[k] = axis.out;
        y = l.emit(&format!("axis_{k}"), ModelOp::Gather { axis: k, indices }, &[&y], shape)?;
    }
    Ok(y)
}

/// Weights of the entries at `floor(c) - 1` to `floor(c) + 2`, `part` behind `floor(c)`.
fn cubic(a: f64, part: f64) -> Vec<f64> {
    let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    vec![far(1.0 + part), near(part), near(1.0 - part), far(2.0 - part)]
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions are clamped into the axis; weights are single precision in the model graph"
)]
fn interpolate(
    l: &mut Lowering<'_>,
    x: &Operand,
    axes: &[Option<Axis>],
    position: Position,
    taps: &dyn Fn(f64) -> Vec<f64>,
) -> Result<Operand, Stop> {
    require_float(x, "the input")?;
    let rank = x.shape.len();
    let mut y = x.clone();
    for (k, axis) in axes.iter().enumerate() {
        let Some(axis) = *axis else { continue };
        let last = axis.extent as f64 - 1.0;
        let entries = axis.extent.saturating_mul(axis.out);
        l.charge(entries)?;
        let mut weights = vec![0.0f64; entries];
        for at in 0..axis.out {
            let from = position(at as f64, axis);
            let (low, part) = (from.floor(), from - from.floor());
            let taps = taps(part);
            let first = low + 1.0 - (taps.len() / 2) as f64;
            for (k, weight) in taps.into_iter().enumerate() {
                let at_entry = first + k as f64;
                weights[at_entry.clamp(0.0, last) as usize * axis.out + at] += weight;
            }
        }
        let identity = axis.out == axis.extent
            && weights.iter().enumerate().all(|(at, &w)| w == f64::from(u8::from(at / axis.out == at % axis.out)));
        if identity {
            continue;
        }
        let weights = Data::Float(weights.into_iter().map(|w| w as f32).collect());
        let matrix = l.constant(&format!("weights_{k}"), vec![axis.extent, axis.out], weights)?;
        // the axis goes last, meets the matrix, and comes back
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.swap(k, rank - 1);
        let moved = l.transpose(&format!("last_{k}"), &y, &perm)?;
        let moved = if rank == 1 { l.reshape("row", &moved, vec![1, axis.extent])? } else { moved };
        let product = matmul(l, &format!("axis_{k}"), &moved, &matrix)?;
        let product = if rank == 1 { l.reshape("line", &product, vec![axis.out])? } else { product };
        y = l.transpose(&format!("back_{k}"), &product, &perm)?;
    }
    Ok(y)
}
