//! Softmax along an axis, of all entries or of those that a mask leaves.
//!
//! # Semantics
//! `m = max x`, `e_i = T[x_i - m]` with `T[d] = round((2^15 - 1) exp(d * scale))`, `S = sum e_i`, `R = floor(2^k / S)`,
//! `y_i = floor((e_i R + 2^(s-1)) / 2^s)` with `k = 15 + s` and `s = 16 + ceil(log2 K)`. A real value is `y * 2^-15`.
//!
//! Entries that a [`Mask`] takes out are lowered by a constant so far that they are below every real one, and that their difference to the
//! maximum, whatever the entries are, falls where the table is 0. Lines without a real entry are zero.
//!
//! # Relation
//! [`reduce_max`](super::reduce_max), one lookup per entry in the exponential's table (which covers every difference that the
//! range of x admits, so nothing is refused), a virtual sum, [`reciprocal`](super::reciprocal) per row, and one
//! [`requantise`](super::requantise) of the products.
//!
//! # Uniqueness
//! Every step is. S is a sum of table outputs, so its bound holds for hostile weights too.
//!
//! # Cost
//! Per entry one comparison, one lookup of the exponential, a product, and a requantise of two limbs. Differences under a mask span twice
//! x's range, and the keys on which the exponential is not 0: a range of `2^15 - 2^11` has a table of 2^16 rows.
//!
//! # Soundness error
//! That of the lookup argument, and of the products.
//!
//! # References
//! SOUNDNESS, item 14; DESIGN, section 4, item 5.

use super::mask::Mask;
use super::maximum::reduce_max;
use super::range::covering;
use super::reciprocal::reciprocal;
use super::requantise::{Quotient, apply_function, requantise};
use crate::circuit::{AxisFactor, AxisMap, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// A softmax's result has scale `2^-SOFTMAX_LOG_SCALE`.
pub const SOFTMAX_LOG_SCALE: u32 = 15;

/// The exponential of 0.
const PEAK: i64 = (1 << 15) - 1;

/// Adds softmax of x along an axis; `exp(d)` is the real exponential of a difference of d steps, `d <= 0`. A mask speaks of the last two
/// axes, and the softmax is along the last one then.
///
/// # Errors
/// If x needs more than 16 bits, the axis has more than 2^14 entries, or the mask does not fit.
pub fn softmax(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    axis: usize,
    mask: Option<&Mask>,
    exp: impl Fn(i64) -> f64,
) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let (rank, extent) = (shape.len(), shape[axis]);
    let Exponentials { entries, sum } = exponentials(builder, name, x, axis, mask, exp)?;
    let shift = 16 + extent.next_power_of_two().ilog2();
    let k = SOFTMAX_LOG_SCALE + shift;
    let r = reciprocal(builder, &format!("{name}:reciprocal"), sum, k)?;
    let factor = vec![Term { x: r, coefficient: 1, map: SeparableMap::across(rank, &[axis]) }];
    let factor = builder.linear(&format!("{name}:factor"), &shape, factor, Vec::new())?;
    let product = builder.mul_within(&format!("{name}:product"), (entries, factor), (0, 1 << k))?;
    let half = (1i64 << (shift - 1), vec![AxisFactor::Ones; rank]);
    let rounded = builder.linear(&format!("{name}:scaled"), &shape, vec![Term::identity(product, 1, rank)], vec![half])?;
    Ok(requantise(builder, name, rounded, shift, Quotient::Range { min: 0, log_len: 16 })?.value)
}

/// Exponentials of the differences to the maximum, and their sum.
pub(super) struct Exponentials {
    /// Of x's shape, in `[0, 2^15)`; zero where a mask takes an entry out.
    pub(super) entries: TensorId,
    /// With extent 1 on the axis, at least `2^15 - 1`. For lines without a real entry it is some number of that size.
    pub(super) sum: TensorId,
}

/// Adds them; see [`softmax`].
pub(super) fn exponentials(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    axis: usize,
    mask: Option<&Mask>,
    exp: impl Fn(i64) -> f64,
) -> Result<Exponentials, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let (rank, extent) = (shape.len(), shape[axis]);
    let (lo, hi) = builder.range(x);
    let span = hi - lo;
    if covering(0, span).1 > 16 || extent > 1 << 14 {
        return Err(builder.error(name, format!("softmax of {lo}..={hi} over {extent} entries, expected at most 16 bits and 2^14")));
    }
    let mask = mask.filter(|mask| !mask.is_full());
    let rounded = |d: i64| libm::round(exp(d) * PEAK as f64) as i32;
    // From this difference on every exponential is 0.
    let zero = (1..=span).find(|&d| rounded(-d) == 0).unwrap_or(span + 1);
    let (x, depth) = match mask {
        None => (x, span),
        Some(mask) => {
            let fits = rank >= 2 && axis == rank - 1 && shape[rank - 2..] == mask.shape();
            if !fits {
                return Err(builder.error(name, format!("mask of {:?} on axis {axis} of {shape:?}", mask.shape())));
            }
            // What is taken out is at least `zero` below the least real entry.
            let penalty = span + zero;
            let terms = vec![Term::identity(x, 1, rank)];
            let masked = builder.linear(&format!("{name}:masked"), &shape, terms, mask.constant(rank, penalty))?;
            builder.narrow(masked, lo - penalty, hi);
            (masked, span + penalty)
        }
    };
    let largest = reduce_max(builder, &format!("{name}:max"), x, axis)?;
    let terms = vec![
        Term::identity(x, 1, rank),
        Term { x: largest, coefficient: -1, map: SeparableMap::across(rank, &[axis]) },
    ];
    let difference = builder.linear(&format!("{name}:shifted"), &shape, terms, Vec::new())?;
    builder.narrow(difference, -depth, 0);
    let log_len = covering(0, depth).1.max(1);
    let table = ("exp", 1 - (1i64 << log_len), log_len);
    let value = |d: i64| if d <= -zero { 0 } else { rounded(d) };
    let all = apply_function(builder, &format!("{name}:exp"), difference, table, value)?;
    let mut row = shape.clone();
    row[axis] = 1;
    let total = vec![Term { x: all, coefficient: 1, map: SeparableMap::across(rank, &[axis]) }];
    let sum = builder.linear(&format!("{name}:sum"), &row, total, Vec::new())?;
    builder.narrow(sum, PEAK, (extent as i64) * PEAK);
    let real = mask.map(Mask::queries_with_keys).filter(|real| real.contains(&0));
    let entries = match real {
        None => all,
        Some(real) => {
            let map = SeparableMap::along(rank, rank - 2, AxisMap::Diagonal(real));
            let terms = vec![Term { x: all, coefficient: 1, map }];
            builder.linear(&format!("{name}:real"), &shape, terms, Vec::new())?
        }
    };
    Ok(Exponentials { entries, sum })
}
