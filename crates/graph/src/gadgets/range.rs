//! Asserts that a tensor's entries lie in a range.
//!
//! # Semantics
//! `min <= x < min + 2^log_len`; the executor refuses anything else.
//!
//! # Relation
//! Up to 16 bits: one lookup of x. Beyond: `x = 2^16 q + rem` with `rem` in `[0, 2^16)` and q asserted in
//! `[min / 2^16, min / 2^16 + 2^(log_len - 16))`.
//!
//! # Uniqueness
//! The limbs are unique because `2^log_len <= 2^63 < p`.
//!
//! # Cost
//! One lookup per 16 bits and one committed column per limb above the lowest.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! DESIGN, section 4, item 2.

use super::requantise::split;
use crate::circuit::{CircuitBuilder, CircuitError, Table, TensorId};

/// Bits of one lookup.
pub(super) const LIMB: u32 = 16;

/// Adds the assertion. `min` is divisible by 2^16 wherever `log_len` is greater than 16.
///
/// # Errors
/// If `log_len` is greater than 62 or `min` is not divisible.
pub fn range(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    min: i64,
    log_len: u32,
) -> Result<(), CircuitError> {
    pin(builder, name, x, min, log_len, &mut vec![x])
}

/// The same, noting that every constraint helps to pin all of `pinned`.
pub(super) fn pin(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    min: i64,
    log_len: u32,
    pinned: &mut Vec<TensorId>,
) -> Result<(), CircuitError> {
    if log_len <= LIMB {
        let table = builder.table(Table::Range { min, log_len });
        builder.constrain(table, vec![x], pinned.clone());
        return Ok(());
    }
    if log_len > 62 || min % (1 << LIMB) != 0 {
        return Err(builder.error(name, format!("range of 2^{log_len} from {min}")));
    }
    let (q, _) = split(builder, &format!("{name}:limb"), x, LIMB, pinned)?;
    pin(builder, name, q, min >> LIMB, log_len - LIMB, pinned)?;
    builder.narrow(x, min, min + ((1 << log_len) - 1));
    Ok(())
}

/// `(min, log_len)` of the smallest range `[0, 2^k)` or `[-2^k, 2^k)` that holds these bounds.
pub(crate) fn covering(lo: i64, hi: i64) -> (i64, u32) {
    let bits = |v: i64| 64 - v.max(0).leading_zeros();
    if lo >= 0 {
        return (0, bits(hi));
    }
    let k = bits(-(lo + 1)).max(bits(hi));
    (-(1 << k), k + 1)
}
