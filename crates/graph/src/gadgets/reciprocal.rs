//! Reciprocal of a positive integer.
//!
//! # Semantics
//! `R = floor(2^k / S)` for `S >= 1`.
//!
//! # Relation
//! `t = 2^k - R S` (virtual), `0 <= t` and `0 <= S - 1 - t` by range checks of both, and a range check of R.
//!
//! # Uniqueness
//! The range checks give `S = t + (S - 1 - t) + 1 >= 1` and `0 <= t < S`. R and S are bounded so that
//! `R S + t < p`: then `R S + t = 2^k` holds over the integers, and division with remainder is unique.
//! S's own bound must not lean on weights: it is a sum of table outputs ([`Circuit::check`](crate::circuit::Circuit::check) sees to it).
//!
//! # Cost
//! Three range checks and one committed column per entry, by limbs beyond 16 bits; one product.
//!
//! # Soundness error
//! That of the lookup argument, and of one product.
//!
//! # References
//! SOUNDNESS, item 9.

use super::range::{covering, pin};
use crate::circuit::{AxisFactor, CircuitBuilder, CircuitError, TensorId, Term};

/// Adds `R = floor(2^log_numerator / s)`.
///
/// # Errors
/// If s can be less than 1, or the numerator is greater than 2^48.
pub fn reciprocal(
    builder: &mut CircuitBuilder,
    name: &str,
    s: TensorId,
    log_numerator: u32,
) -> Result<TensorId, CircuitError> {
    let (lo, hi) = builder.range(s);
    if lo < 1 || log_numerator > 48 {
        return Err(builder.error(name, format!("reciprocal 2^{log_numerator} / {lo}..={hi}")));
    }
    let shape = builder.shape(s).to_vec();
    let rank = shape.len();
    let ones = || vec![AxisFactor::Ones; rank];
    let r = builder.reciprocal_hint(name, s, log_numerator)?;
    let (_, r_bits) = covering(0, builder.range(r).1.max(1));
    let product = builder.mul_within(&format!("{name}:product"), (r, s), (0, 1 << log_numerator))?;
    let rest = vec![Term::identity(product, -1, rank)];
    let rest = builder.linear(&format!("{name}:rest"), &shape, rest, vec![(1 << log_numerator, ones())])?;
    builder.narrow(rest, 0, hi - 1);
    let slack = vec![Term::identity(s, 1, rank), Term::identity(rest, -1, rank)];
    let slack = builder.linear(&format!("{name}:slack"), &shape, slack, vec![(-1, ones())])?;
    builder.narrow(slack, 0, hi - 1);
    let (_, bits) = covering(0, (hi - 1).max(1));
    for (part, checked, log_len) in [("quotient", r, r_bits), ("rest", rest, bits), ("slack", slack, bits)] {
        let mut pinned = vec![checked, r];
        pin(builder, &format!("{name}:{part}"), checked, 0, log_len, &mut pinned)?;
    }
    Ok(r)
}
