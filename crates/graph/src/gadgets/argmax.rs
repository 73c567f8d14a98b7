//! Index of the greatest entry along an axis.
//!
//! # Semantics
//! The index, as an integer, with the axis kept at extent 1; ties go to the lowest index (or the highest).
//!
//! # Relation
//! Keys `x_i 2^b + (K - 1 - i)` (or `+ i`) all differ; the greatest is found by a tournament of
//! [`maximum`](super::maximum), and `key = 2^b q + rem` with `rem` in `[0, 2^b)` gives the index `K - 1 - rem`.
//!
//! # Uniqueness
//! Every step is unique; the index is a linear form in the pinned quotient.
//!
//! # Cost
//! `K - 1` comparisons per row; differences wider than 16 bits take a lookup and a column per 16 bits.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! SOUNDNESS, item 15: ties are broken by rule.

use super::maximum::reduce_max;
use super::range::covering;
use super::requantise::{Quotient, requantise};
use crate::circuit::{AxisFactor, CircuitBuilder, CircuitError, TensorId, Term};

/// Adds the index of the greatest entry along an axis.
///
/// # Errors
/// If the keys leave the field's safe range or the axis has more than 2^16 entries.
pub fn argmax(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    axis: usize,
    select_last: bool,
) -> Result<TensorId, CircuitError> {
    let mut shape = builder.shape(x).to_vec();
    let rank = shape.len();
    let extent = shape[axis];
    let bits = extent.next_power_of_two().ilog2().max(1);
    if bits > 16 {
        return Err(builder.error(name, format!("argmax over {extent} entries, expected at most 2^16")));
    }
    let last = extent as i64 - 1;
    let mut factors = vec![AxisFactor::Ones; rank];
    factors[axis] = AxisFactor::Values((0..=last).map(|i| if select_last { i } else { last - i }).collect());
    let (lo, hi) = builder.range(x);
    let keys = builder.linear(&format!("{name}:keys"), &shape, vec![Term::identity(x, 1 << bits, rank)], vec![(1, factors)])?;
    let winner = reduce_max(builder, &format!("{name}:winner"), keys, axis)?;
    let (min, log_len) = covering(lo, hi);
    let parts = requantise(builder, &format!("{name}:score"), winner, bits, Quotient::Range { min, log_len })?;
    let [remainder] = parts.remainders.as_slice() else {
        return Err(builder.error(name, "the index needs one limb".to_owned()));
    };
    shape[axis] = 1;
    let (coefficient, offset) = if select_last { (1, 0) } else { (-1, last) };
    let constant = vec![(offset, vec![AxisFactor::Ones; rank])];
    let index = builder.linear(name, &shape, vec![Term::identity(*remainder, coefficient, rank)], constant)?;
    builder.narrow(index, 0, last);
    Ok(index)
}
