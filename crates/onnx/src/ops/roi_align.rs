//! RoiAlign: means of each bin's samples, read between the image's entries, for constant regions; a constant linear map.

use veritorch_graph::model::ModelOp;

use super::linear_map::{Terms, map};
use crate::builder::Stop;
use crate::lowering::{Lowering, axis, require_float};

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "counts are charged; places are clamped")]
pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let mode = l.string("mode", "avg")?;
    if mode != "avg" {
        return Err(Stop::hinted(format!("mode `{mode}`"), "pool regions by their mean: mode `avg`"));
    }
    let default = if l.opset >= 16 { "half_pixel" } else { "output_half_pixel" };
    let half = match l.string("coordinate_transformation_mode", default)?.as_str() {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => return Err(Stop::invalid(format!("coordinate_transformation_mode `{other}`"))),
    };
    let extent = |x: i64| usize::try_from(x).ok().filter(|x| (1..1 << 16).contains(x)).ok_or_else(|| Stop::invalid("an extent is out of range"));
    let out = [extent(l.int("output_height", 1)?)?, extent(l.int("output_width", 1)?)?];
    let ratio = usize::try_from(l.int("sampling_ratio", 0)?).ok().filter(|&r| r < 1 << 12).ok_or_else(|| Stop::invalid("sampling_ratio"))?;
    let scale = f64::from(l.float("spatial_scale", 1.0)?);
    let (x, rois) = (l.input(0)?, l.input(1)?);
    let batches = l.ints_input(2, "the batch indices")?;
    require_float(&x, "the input")?;
    let (&[batch, channels, height, width], Some(regions)) = (x.shape.as_slice(), rois.floats()) else {
        return Err(Stop::hinted("the regions depend on the model's input", "align constant regions of an image"));
    };
    if rois.shape != [batches.len(), 4] || regions.iter().any(|x| !x.is_finite()) {
        return Err(Stop::invalid(format!("regions {:?} for {} batch indices", rois.shape, batches.len())));
    }
    let rows = l.reshape("rows", &x, vec![batch, channels * height * width])?;
    let mut parts = Vec::new();
    for (k, (region, &image)) in regions.chunks_exact(4).zip(&batches).enumerate() {
        let image = axis(image, batch)?;
        let shift = if half { 0.5 } else { 0.0 };
        let at = |k: usize| f64::from(region[k]) * scale - shift;
        let span = |low: usize, high: usize| {
            let span = at(high) - at(low);
            if half { span } else { span.max(1.0) }
        };
        let (starts, bins) = ([at(1), at(0)], [span(1, 3) / out[0] as f64, span(0, 2) / out[1] as f64]);
        let samples = bins.map(|bin| if ratio > 0 { ratio } else { bin.ceil().clamp(0.0, 4096.0) as usize });
        l.charge(out[0].saturating_mul(out[1]).saturating_mul(samples[0]).saturating_mul(samples[1]).saturating_mul(4))?;
        let line = |k: usize, bin: usize, extent: usize| -> Vec<Vec<(usize, f64)>> {
            (0..samples[k])
                .map(|s| starts[k] + bin as f64 * bins[k] + (s as f64 + 0.5) * bins[k] / samples[k] as f64)
                .map(|place| between(place, extent))
                .collect()
        };
        let share = 1.0 / (samples[0] * samples[1]).max(1) as f64;
        let mut terms: Vec<Terms> = Vec::with_capacity(out[0] * out[1]);
        for bin_y in 0..out[0] {
            for bin_x in 0..out[1] {
                let mut sum = Terms::new();
                for ys in line(0, bin_y, height) {
                    for xs in line(1, bin_x, width) {
                        sum.extend(ys.iter().flat_map(|(y, a)| xs.iter().map(move |(x, b)| (y * width + x, a * b * share))));
                    }
                }
                terms.push(sum);
            }
        }
        let slice = ModelOp::Slice { starts: vec![image, 0], steps: vec![1, 1] };
        let picture = l.emit(&format!("picture_{k}"), slice, &[&rows], vec![1, channels * height * width])?;
        let picture = l.reshape(&format!("planes_{k}"), &picture, vec![channels, height * width])?;
        let bins = map(l, &format!("bins_{k}"), &picture, &terms)?;
        parts.push(l.reshape(&format!("region_{k}"), &bins, vec![1, channels, out[0], out[1]])?);
    }
    let shape = vec![parts.len(), channels, out[0], out[1]];
    let operands: Vec<_> = parts.iter().collect();
    let y = match operands.as_slice() {
        [] => return Err(Stop::unsupported("no regions")),
        [only] => (*only).clone(),
        _ => l.emit("regions", ModelOp::Concat { axis: 0 }, &operands, shape)?,
    };
    l.set(0, y);
    Ok(())
}

/// Entries and weights of a place between them; none far outside.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "places are clamped")]
fn between(place: f64, extent: usize) -> Vec<(usize, f64)> {
    if place < -1.0 || place > extent as f64 {
        return Vec::new();
    }
    let place = place.max(0.0);
    let low = place.floor() as usize;
    if low + 1 >= extent {
        return vec![(extent - 1, 1.0)];
    }
    let part = place - low as f64;
    vec![(low, 1.0 - part), (low + 1, part)]
}
