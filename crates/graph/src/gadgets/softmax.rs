//! Softmax along an axis.
//!
//! # Semantics
//! `m = max x`, `e_i = T[x_i - m]` with `T[d] = round(2^15 exp(d * scale))`, `S = sum e_i`, `R = floor(2^k / S)`,
//! `y_i = floor((e_i R + 2^(s-1)) / 2^s)` with `k = 15 + s` and `s = 16 + ceil(log2 K)`. A real value is `y * 2^-15`.
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
//! Per entry one comparison, one lookup of the exponential, a product, and a requantise of two limbs.
//!
//! # Soundness error
//! That of the lookup argument, and of the products.
//!
//! # References
//! SOUNDNESS, item 14; DESIGN, section 4, item 5.

use super::maximum::reduce_max;
use super::range::covering;
use super::reciprocal::reciprocal;
use super::requantise::{Quotient, apply_function, requantise};
use crate::circuit::{AxisFactor, AxisLink, AxisMap, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// A softmax's result has scale `2^-SOFTMAX_LOG_SCALE`.
pub const SOFTMAX_LOG_SCALE: u32 = 15;

/// Adds softmax of x along an axis; `exp` gives `round(2^15 exp(d * scale))` for `d <= 0`, so `exp(0) = 2^15`.
///
/// # Errors
/// If x needs more than 16 bits, or the axis has more than 2^14 entries.
pub fn softmax(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    axis: usize,
    exp: impl Fn(i64) -> i32,
) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let (rank, extent) = (shape.len(), shape[axis]);
    let (lo, hi) = builder.range(x);
    let (_, log_len) = covering(0, hi - lo);
    if log_len > 16 || extent > 1 << 14 {
        return Err(builder.error(name, format!("softmax of {log_len} bits over {extent} entries, expected at most 16 bits and 2^14")));
    }
    let largest = reduce_max(builder, &format!("{name}:max"), x, axis)?;
    let terms = vec![Term::identity(x, 1, rank), Term { x: largest, coefficient: -1, map: repeat(rank, axis) }];
    let difference = builder.linear(&format!("{name}:shifted"), &shape, terms, Vec::new())?;
    builder.narrow(difference, lo - hi, 0);
    let log_len = log_len.max(1);
    let table = ("exp", 1 - (1i64 << log_len), log_len);
    let e = apply_function(builder, &format!("{name}:exp"), difference, table, exp)?;
    let mut row = shape.clone();
    row[axis] = 1;
    let total = SeparableMap::along(rank, axis, AxisMap::Window { kernel: extent, stride: 1, dilation: 1, pad: 0 });
    let sum = builder.linear(&format!("{name}:sum"), &row, vec![Term { x: e, coefficient: 1, map: total }], Vec::new())?;
    builder.narrow(sum, 1 << SOFTMAX_LOG_SCALE, (extent as i64) << SOFTMAX_LOG_SCALE);
    let shift = 16 + extent.next_power_of_two().ilog2();
    let k = SOFTMAX_LOG_SCALE + shift;
    let r = reciprocal(builder, &format!("{name}:reciprocal"), sum, k)?;
    let factor = vec![Term { x: r, coefficient: 1, map: repeat(rank, axis) }];
    let factor = builder.linear(&format!("{name}:factor"), &shape, factor, Vec::new())?;
    let product = builder.mul(&format!("{name}:product"), e, factor)?;
    builder.narrow(product, 0, 1 << k);
    let half = (1i64 << (shift - 1), vec![AxisFactor::Ones; rank]);
    let rounded = builder.linear(&format!("{name}:scaled"), &shape, vec![Term::identity(product, 1, rank)], vec![half])?;
    Ok(requantise(builder, name, rounded, shift, Quotient::Range { min: 0, log_len: 16 })?.value)
}

/// Repeats an axis of extent 1.
fn repeat(rank: usize, axis: usize) -> SeparableMap {
    let links = (0..rank).filter(|&k| k != axis).map(|k| AxisLink::Map { input: k, output: k, map: AxisMap::Identity });
    SeparableMap { links: links.chain([AxisLink::Sum { input: axis }, AxisLink::Broadcast { output: axis }]).collect() }
}
