//! MelWeightMatrix: weights `[frequencies, mel bins]` of triangles that are as wide in mels; a constant.

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "counts are charged; edges are floors of small numbers")]
pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.int("output_datatype", 1)?;
    let count = |l: &mut Lowering<'_>, k: usize, what: &str| match l.ints_input(k, what)?.as_slice() {
        &[x @ 1..=0x00ff_ffff] => Ok(x),
        other => Err(Stop::invalid(format!("{what}: {other:?}"))),
    };
    let (bins, length, rate) = (count(l, 0, "the mel bins")?, count(l, 1, "the transform's length")?, count(l, 2, "the rate")?);
    let edge = |l: &Lowering<'_>, k: usize| -> Result<f64, Stop> {
        let edge = l.optional_float(k, "a frequency")?.ok_or_else(|| Stop::invalid("a frequency is missing"))?;
        Ok(2595.0 * libm::log10(1.0 + f64::from(edge) / 700.0))
    };
    let (low, high) = (edge(l, 3)?, edge(l, 4)?);
    let (bins, rows) = (bins as usize, length as usize / 2 + 1);
    l.charge(bins.saturating_mul(rows))?;
    let step = (high - low) / (bins + 2) as f64;
    let edges: Vec<i64> = (0..bins + 2)
        .map(|k| 700.0 * (libm::pow(10.0, (low + step * k as f64) / 2595.0) - 1.0))
        .map(|frequency| ((length + 1) as f64 * frequency / rate as f64).floor() as i64)
        .collect();
    let mut data = vec![0.0f32; rows * bins];
    for bin in 0..bins {
        let (lower, centre, upper) = (edges[bin], edges[bin + 1], edges[bin + 2]);
        let mut put = |row: i64, weight: f64| {
            if let Some(entry) = usize::try_from(row).ok().filter(|&row| row < rows) {
                data[entry * bins + bin] = weight as f32;
            }
        };
        if centre == lower {
            put(centre, 1.0);
        } else {
            for row in lower.max(0)..=centre.min(rows as i64) {
                put(row, (row - lower) as f64 / (centre - lower) as f64);
            }
        }
        for row in centre.max(0)..upper.min(rows as i64) {
            put(row, (upper - row) as f64 / (upper - centre) as f64);
        }
    }
    let y = l.constant("mel", vec![rows, bins], Data::Float(data))?;
    l.set(0, y);
    Ok(())
}
