//! Square root, rounded down.
//!
//! # Semantics
//! `s = floor(sqrt(x))` for `x >= 0`.
//!
//! # Relation
//! `t = x - s^2` and `u = 2 s - t` (virtual), range checks of s, t and u, none of which is negative.
//!
//! # Uniqueness
//! The range checks give `0 <= t <= 2 s` over the integers, and `s < 2^31`. So `s^2 + t < (s + 1)^2 <= 2^62 < p`: x, as an integer
//! below p, is `s^2 + t`, and lies between the squares of s and `s + 1`. Nothing is asked of x; a field value without
//! a root of that size has no proof.
//!
//! # Cost
//! Three range checks of at most 32 bits, by limbs beyond 16, and one committed column per entry and limb; one product.
//!
//! # Soundness error
//! That of the lookup argument, and of one product.
//!
//! # References
//! SOUNDNESS, item 9.

use super::range::{covering, pin};
use crate::circuit::{CircuitBuilder, CircuitError, TensorId, Term};

/// Adds `floor(sqrt(x))`.
///
/// # Errors
/// If x can be negative.
pub fn square_root(builder: &mut CircuitBuilder, name: &str, x: TensorId) -> Result<TensorId, CircuitError> {
    let (lo, hi) = builder.range(x);
    if lo < 0 {
        return Err(builder.error(name, format!("square root of {lo}..={hi}")));
    }
    let shape = builder.shape(x).to_vec();
    let rank = shape.len();
    let largest = hi.isqrt();
    let s = builder.square_root_hint(name, x)?;
    let square = builder.mul(&format!("{name}:square"), s, s)?;
    let rest = vec![Term::identity(x, 1, rank), Term::identity(square, -1, rank)];
    let rest = builder.linear(&format!("{name}:rest"), &shape, rest, Vec::new())?;
    let slack = vec![Term::identity(s, 2, rank), Term::identity(rest, -1, rank)];
    let slack = builder.linear(&format!("{name}:slack"), &shape, slack, Vec::new())?;
    for (part, checked, hi) in [("root", s, largest), ("rest", rest, 2 * largest), ("slack", slack, 2 * largest)] {
        builder.narrow(checked, 0, hi);
        let (_, log_len) = covering(0, hi.max(1));
        pin(builder, &format!("{name}:{part}"), checked, 0, log_len, &mut vec![checked, s])?;
    }
    Ok(s)
}
