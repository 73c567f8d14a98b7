//! Draws: `argmax(x / T + g)` over the greatest entries, `g = -log(-log(v))` by the words of the seed's stream.

use crate::circuit::noise::noise;
use crate::gadgets::gumbel;
use crate::model::Operand;

/// Logarithm of the number of values that noise takes.
const LOG_TABLE: u32 = 13;

/// Indices along the last axis.
pub(super) fn sample(x: Operand<'_>, seed: Operand<'_>, temperature: f32, top_k: Option<usize>) -> Vec<f32> {
    // Seeds are whole numbers.
    let seed: Vec<i64> = seed.data.iter().map(|&word| word.round() as i64).collect();
    let rows: Vec<i32> = (0..1 << LOG_TABLE).collect();
    let gumbel: Vec<f64> = (0..1 << LOG_TABLE).map(|row| gumbel(row, LOG_TABLE)).collect();
    let extent = x.shape.last().copied().unwrap_or(1).max(1);
    let mut noise = noise(&seed, &rows, x.data.len());
    let mut drawn = Vec::with_capacity(x.data.len() / extent);
    for line in x.data.chunks(extent) {
        let threshold = top_k.and_then(|k| {
            let mut sorted = line.to_vec();
            Some(*sorted.select_nth_unstable_by(k.checked_sub(1)?, |a, b| b.total_cmp(a)).1)
        });
        let (mut best, mut greatest) = (0, f64::NEG_INFINITY);
        for (k, (&score, row)) in line.iter().zip(noise.by_ref()).enumerate() {
            let own = gumbel.get(usize::try_from(row).unwrap_or(0)).copied().unwrap_or(0.0);
            let perturbed = f64::from(score) / f64::from(temperature) + own;
            if threshold.is_none_or(|threshold| score >= threshold) && perturbed > greatest {
                (best, greatest) = (k, perturbed);
            }
        }
        drawn.push(best as f32);
    }
    drawn
}
