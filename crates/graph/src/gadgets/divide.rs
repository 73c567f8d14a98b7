//! Division by a tensor, rounded down.
//!
//! # Semantics
//! `q = floor(a / b)` for `b >= 1` and any sign of a. The caller multiplies a by what the quotient's scale needs.
//!
//! # Relation
//! `t = a - q b` and `u = b - 1 - t` (virtual), range checks of q, t and u; t and u are not negative.
//!
//! # Uniqueness
//! The range checks give `b = t + u + 1 >= 1` and `0 <= t < b`. If q and `q'` both fit, `(q - q') b = t' - t` modulo p; both sides
//! are smaller than `p / 2` because the number of quotients times the greatest b is, so it holds over the integers, and
//! `|t' - t| < b` leaves `q = q'`. Nothing is asked of a; b's own bound must not lean on weights
//! ([`Circuit::check`](crate::circuit::Circuit::check) sees to it).
//!
//! # Cost
//! Three range checks per entry, by limbs beyond 16 bits, and one committed column per limb; one product.
//!
//! # Soundness error
//! That of the lookup argument, and of one product.
//!
//! # References
//! SOUNDNESS, item 9.

use super::range::{covering, pin};
use crate::circuit::{AxisFactor, CircuitBuilder, CircuitError, TensorId, Term};

/// Adds `floor(a / b)`; both have one shape.
///
/// # Errors
/// If b can be less than 1, shapes differ, or the quotient's bits and b's are more than 62 together.
pub fn divide(builder: &mut CircuitBuilder, name: &str, a: TensorId, b: TensorId) -> Result<TensorId, CircuitError> {
    let ((a_lo, a_hi), (lo, hi)) = (builder.range(a), builder.range(b));
    let shape = builder.shape(b).to_vec();
    if lo < 1 || builder.shape(a) != shape {
        return Err(builder.error(name, format!("{:?} divided by {lo}..={hi} of {shape:?}", builder.shape(a))));
    }
    let rank = shape.len();
    let q = builder.divide_hint(name, a, b)?;
    let (q_lo, q_hi) = builder.range(q);
    let (q_min, q_bits) = covering(q_lo, q_hi.max(1));
    let (_, bits) = covering(0, (hi - 1).max(1));
    if q_bits + bits > 62 {
        return Err(builder.error(name, format!("quotient of {q_bits} bits by a divisor of {bits}, expected at most 62 together")));
    }
    let product = builder.mul_within(&format!("{name}:product"), (q, b), (a_lo.saturating_sub(hi - 1), a_hi))?;
    let rest = vec![Term::identity(a, 1, rank), Term::identity(product, -1, rank)];
    let rest = builder.linear(&format!("{name}:rest"), &shape, rest, Vec::new())?;
    builder.narrow(rest, 0, hi - 1);
    let slack = vec![Term::identity(b, 1, rank), Term::identity(rest, -1, rank)];
    let slack = builder.linear(&format!("{name}:slack"), &shape, slack, vec![(-1, vec![AxisFactor::Ones; rank])])?;
    builder.narrow(slack, 0, hi - 1);
    for (part, checked, min, log_len) in [("quotient", q, q_min, q_bits), ("rest", rest, 0, bits), ("slack", slack, 0, bits)] {
        pin(builder, &format!("{name}:{part}"), checked, min, log_len, &mut vec![checked, q])?;
    }
    Ok(q)
}
