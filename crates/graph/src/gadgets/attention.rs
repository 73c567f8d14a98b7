//! Averages of values under a softmax of scores, without probabilities.
//!
//! # Semantics
//! With [`softmax`](super::softmax)'s exponentials e and their sum S over the keys: `o[t, d] = (sum_j e[t, j] v[j, d]) R[t]`,
//! `R = floor(2^k / S)`, `k = 30 + ceil(log2 K)` where that fits. A real value is `o * 2^-k` times the values' scale; the caller rescales o. Each
//! probability `e R 2^-k` is too small by less than 2^-15 of itself.
//!
//! # Relation
//! The exponentials, a product of activations over the keys, [`reciprocal`](super::reciprocal) per query, and a product, which is virtual.
//!
//! # Uniqueness
//! Every step is. S is a sum of table outputs, so its bound holds for hostile weights too.
//!
//! # Cost
//! Per score one comparison and one lookup; per query about eight lookups for R; nothing else is committed. The rescale of o costs
//! `1 + ceil((k + log2 M) / 16)` lookups per result.
//!
//! # Soundness error
//! That of the lookup argument, and of two products.
//!
//! # References
//! SOUNDNESS, items 14 and 18; DESIGN, section 4, item 5.

use super::mask::Mask;
use super::range::covering;
use super::reciprocal::reciprocal;
use super::softmax::{Exponentials, exponentials};
use crate::circuit::{CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// Result of [`attention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attended {
    /// `[.., T, D]`; virtual, and wider than 16 bits.
    pub value: TensorId,
    /// A real value is `value * 2^-log_scale` times the scale of the values.
    pub log_scale: u32,
}

/// Adds the averages of `values [.., K, D]` under the softmax of `scores [.., T, K]` along the last axis. `exp(d)` is the real exponential
/// of a difference of d steps of the scores, `d <= 0`.
///
/// # Errors
/// As [`softmax`](super::softmax); if shapes do not fit, or values have more than 30 bits.
pub fn attention(
    builder: &mut CircuitBuilder,
    name: &str,
    scores: TensorId,
    values: TensorId,
    mask: Option<&Mask>,
    exp: impl Fn(i64) -> f64,
) -> Result<Attended, CircuitError> {
    let shape = builder.shape(scores).to_vec();
    let (lo, hi) = builder.range(values);
    let value_bits = covering(lo.min(-1), hi).1;
    if shape.len() < 2 || value_bits > 30 {
        return Err(builder.error(name, format!("attention of {shape:?} to values of {value_bits} bits, expected at most 30")));
    }
    let rank = shape.len();
    let Exponentials { entries, sum } = exponentials(builder, name, scores, rank - 1, mask, exp)?;
    let average = builder.matmul(&format!("{name}:weighted"), entries, values)?;
    let k = (30 + shape[rank - 1].next_power_of_two().ilog2()).min(61 - value_bits);
    let r = reciprocal(builder, &format!("{name}:reciprocal"), sum, k)?;
    let result = builder.shape(average).to_vec();
    let factor = vec![Term { x: r, coefficient: 1, map: SeparableMap::across(rank, &[rank - 1]) }];
    let factor = builder.linear(&format!("{name}:factor"), &result, factor, Vec::new())?;
    // An average lies between the least and the greatest value, or is 0.
    let range = (lo.min(0) << k, hi.max(0) << k);
    let value = builder.mul_within(&format!("{name}:product"), (average, factor), range)?;
    Ok(Attended { value, log_scale: k })
}
