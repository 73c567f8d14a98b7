//! Rows divided by their root mean square, with or without their mean taken off: LayerNorm, RMSNorm, GroupNorm.
//!
//! # Semantics
//! For rows of H entries: `m = floor((M sum x + 2^(s-1)) / 2^s)` with `M = round(2^(s + f) / H)`, the mean in steps of `2^-f`;
//! `u = 2^f x - m` (or `u = x`, `f = 0`); `v = 4^t sum u^2 + E` with `E = round(4^(f + t) epsilon)`, at least 1; `sigma = floor(sqrt(v))`;
//! `R = floor(2^k / sigma)`; `y = u R`. The real value is `y sqrt(H) 2^(t - k)`.
//!
//! `s, f, t, k` follow from the range of x: f and t make sigma as wide as 31 bits where they can, so that rows far smaller than the
//! range admits keep their digits, and k leaves the greatest row the digits that were asked for. `|u| 2^t <= sigma` bounds `|y|` by `2^(k - t)`.
//!
//! # Relation
//! [`requantise`](super::requantise) of the mean, a product and a sum, [`square_root`](super::square_root),
//! [`reciprocal`](super::reciprocal), and a product, which is virtual.
//!
//! # Uniqueness
//! Every step is unique for every field value of its operand; sigma's bound comes from its own range check.
//!
//! # Cost
//! Two products per entry. Per row: two to four lookups of the mean, six of the root, and about eight of the reciprocal.
//!
//! # Soundness error
//! That of the lookup argument, and of the products.
//!
//! # References
//! SOUNDNESS, items 9 and 14; DESIGN, section 4, item 5.

use super::range::covering;
use super::reciprocal::reciprocal;
use super::requantise::{Quotient, requantise};
use super::square_root::square_root;
use crate::circuit::{AxisFactor, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// Greatest number of fraction bits of a mean.
const MAX_FRACTION: u32 = 2;

/// Rows, and what is added to their sum of squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation<'a> {
    /// Axes that a row runs along, ascending.
    pub axes: &'a [usize],
    /// Added to the sum (not the mean) of squares, in units of x squared: `H * epsilon / scale^2`.
    pub epsilon: f64,
    /// Whether the mean is taken off first.
    pub centred: bool,
    /// Significant bits that `1 / sigma` keeps for the greatest row of x's range; smaller rows have more. 8 to 16.
    pub bits: u32,
}

/// Result of [`normalize`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalised {
    /// Of x's shape; virtual, and wider than 16 bits.
    pub value: TensorId,
    /// Real value of 1, near `sqrt(H) * 2^-log2(|value|)`.
    pub scale: f64,
}

/// Adds the normalised rows of x.
///
/// # Errors
/// If x has more than 24 bits, or H is so large or epsilon so small beside x's range that the root and its reciprocal do not
/// fit the field together.
pub fn normalize(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    how: &Normalisation<'_>,
) -> Result<Normalised, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let rank = shape.len();
    let len: usize = how.axes.iter().map(|&axis| shape[axis]).product();
    let rows: Vec<usize> = (0..rank).map(|axis| if how.axes.contains(&axis) { 1 } else { shape[axis] }).collect();
    let across = |x, coefficient| vec![Term { x, coefficient, map: SeparableMap::across(rank, how.axes) }];
    let plan = Plan::new(builder.range(x), len, how).map_err(|reason| builder.error(name, reason))?;
    let u = if how.centred {
        let sum = builder.linear(&format!("{name}:sum"), &rows, across(x, 1), Vec::new())?;
        let mean = mean(builder, &format!("{name}:mean"), sum, len, &plan)?;
        let mut terms = across(mean, -1);
        terms.push(Term::identity(x, 1 << plan.fraction, rank));
        let u = builder.linear(&format!("{name}:centred"), &shape, terms, Vec::new())?;
        builder.narrow(u, -plan.largest, plan.largest);
        u
    } else {
        x
    };
    let squares = builder.mul_within(&format!("{name}:squares"), (u, u), (0, plan.largest * plan.largest))?;
    let epsilon = (plan.epsilon, vec![AxisFactor::Ones; rank]);
    let v = builder.linear(&format!("{name}:variance"), &rows, across(squares, 1 << (2 * plan.shift)), vec![epsilon])?;
    builder.narrow(v, plan.epsilon, plan.variance);
    let sigma = square_root(builder, &format!("{name}:sigma"), v)?;
    let inverse = reciprocal(builder, &format!("{name}:inverse"), sigma, plan.log_numerator)?;
    let factor = builder.linear(&format!("{name}:factor"), &shape, across(inverse, 1), Vec::new())?;
    let largest = 1i64 << (plan.log_numerator - plan.shift);
    let value = builder.mul_within(&format!("{name}:product"), (u, factor), (-largest, largest))?;
    Ok(Normalised { value, scale: libm::sqrt(len as f64) / largest as f64 })
}

/// `2^fraction` times the mean of `len` entries with this sum, rounded to the nearest.
fn mean(builder: &mut CircuitBuilder, name: &str, sum: TensorId, len: usize, plan: &Plan) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(sum).to_vec();
    let rank = shape.len();
    // The multiplier's error moves the mean by at most half a step.
    let (lo, hi) = builder.range(sum);
    let shift = covering(lo, hi).1.max(1);
    let multiplier = (((1i128 << (shift + plan.fraction + 1)) / len as i128) + 1) / 2;
    let half = vec![(1 << (shift - 1), vec![AxisFactor::Ones; rank])];
    let scaled = vec![Term::identity(sum, i64::try_from(multiplier).unwrap_or(i64::MAX), rank)];
    let scaled = builder.linear(&format!("{name}:scaled"), &shape, scaled, half)?;
    let (lo, hi) = builder.range(scaled);
    let (min, log_len) = covering(lo >> shift, hi >> shift);
    Ok(requantise(builder, name, scaled, shift, Quotient::Range { min, log_len: log_len.max(1) })?.value)
}

/// Widths, by range analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plan {
    /// f: bits below the unit of x in u.
    fraction: u32,
    /// t: `v = 4^t sum u^2 + E`.
    shift: u32,
    /// E.
    epsilon: i64,
    /// Greatest |u|.
    largest: i64,
    /// Greatest v.
    variance: i64,
    /// k.
    log_numerator: u32,
}

impl Plan {
    fn new((lo, hi): (i64, i64), len: usize, how: &Normalisation<'_>) -> Result<Self, String> {
        let (_, x_bits) = covering(lo.min(-1), hi);
        let sum_bits = x_bits + len.next_power_of_two().ilog2();
        if x_bits > 24 || !(how.epsilon >= 0.0 && how.epsilon <= libm::exp2(60.0)) {
            return Err(format!("normalisation of {lo}..={hi} with epsilon {}, expected at most 24 bits", how.epsilon));
        }
        // The mean's product has `x_bits + sum_bits + fraction` bits.
        let fractions = if how.centred { 0..=MAX_FRACTION.min(61u32.saturating_sub(x_bits + sum_bits)) } else { 0..=0 };
        // Digits of the greatest row are given up last.
        for bits in (8..=how.bits.clamp(8, 16)).rev() {
            for fraction in fractions.clone().rev() {
                for shift in (0..=24).rev() {
                    if let Some(plan) = Self::with((lo, hi), len as i128, how, (bits, fraction, shift)) {
                        return Ok(plan);
                    }
                }
            }
        }
        Err(format!("{len} entries of {lo}..={hi}: epsilon {} is too small beside their squares", how.epsilon))
    }

    fn with(
        (lo, hi): (i64, i64),
        len: i128,
        how: &Normalisation<'_>,
        (bits, fraction, shift): (u32, u32, u32),
    ) -> Option<Self> {
        let (lo, hi) = (i128::from(lo), i128::from(hi));
        // A mean that is off by d adds `H d^2` to the sum of squares around it; |d| <= 1 step. Around the true mean the sum is at
        // most `H ((hi - lo) / 2)^2`.
        let (largest, squares) = if how.centred {
            let spread = (hi - lo) << fraction;
            (spread + 1, len * (((spread + 1) / 2) * ((spread + 1) / 2) + 1))
        } else {
            let size = hi.max(-lo);
            (size, len * size * size)
        };
        let epsilon = (libm::round(how.epsilon * libm::exp2(f64::from(2 * (fraction + shift)))) as i128).max(1);
        let variance = (squares << (2 * shift)) + epsilon;
        // Without what is known of the mean, too.
        if ((len * largest * largest) << (2 * shift)) + epsilon >= 1 << 62 {
            return None;
        }
        let log = |v: i128| 127 - v.leading_zeros();
        let (least, most) = (log(epsilon) / 2, log(variance) / 2 + 1);
        // sigma lies in `[2^least, 2^most)`, so R has at most `k - least + 1` bits: together they stay below the field.
        let log_numerator = most + bits;
        let fits = log_numerator <= 48 && log_numerator + most - least <= 62 && log_numerator > shift;
        fits.then_some(Self {
            fraction,
            shift,
            epsilon: i64::try_from(epsilon).ok()?,
            largest: i64::try_from(largest).ok()?,
            variance: i64::try_from(variance).ok()?,
            log_numerator,
        })
    }
}
