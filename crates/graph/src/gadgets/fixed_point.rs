//! Rescaling in fixed point with one or two roundings, as quantised models define it ([`FixedPoint`]).
//!
//! # Semantics
//! Twice: `a = floor((x 2^l m + 2^30) / 2^31)`, `y = floor((a + 2^(e-1) - [a < 0]) / 2^e)` (y = a where e = 0), clamped. Once:
//! `y = floor((x 2^l m + 2^(30+e)) / 2^(31+e))`, clamped. l, m and e are public and may differ along an axis.
//!
//! # Relation
//! The floors nest: with E the greatest e of all channels and `k = E - e`,
//! `y = floor(2^k (x 2^l m + 2^30 + 2^(30+e) - n 2^31) / 2^(31+E))`, where `n = [x < 0]` is minus the quotient of x by a power of two beyond its range.
//! One rounding needs neither n nor the 2^30 beside 2^(30+e). n stands for `[a < 0]`: they differ only for x = -1, m = 2^30, l = 0, where a = 0 and y = 0 with either. Both quotients are [`requantise`]'s; the
//! second is looked up in the table that saturates.
//!
//! # Uniqueness
//! Those of [`requantise`]: the quotient of x takes one of two values beside its remainder, the table has at most 2^20 keys, and 20 bits
//! and the shift are at most 63 together. Every field value of x has one y, or none.
//!
//! # Cost
//! For each entry four committed columns and four lookups: two limbs, the quotient and the result of the rescaling. Two columns and three
//! lookups more where x may be negative and is rounded twice: its sign.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! The reference kernels of TensorFlow Lite: `MultiplyByQuantizedMultiplier`.

use super::range::covering;
use super::requantise::{Quotient, function_table, requantise};
use crate::circuit::{AxisFactor, AxisMap, CircuitBuilder, CircuitError, MAX_LOG_TABLE, SeparableMap, TensorId, Term};
use crate::model::{FixedPoint, Rounding};

/// Bits of a mantissa.
const MANTISSA: u32 = 31;

/// Adds `y = rule(x)`.
///
/// # Errors
/// If x can leave 32 bits, or the result before clamping the largest table, or the field's safe range is left on the way.
pub fn fixed_point(builder: &mut CircuitBuilder, name: &str, x: TensorId, rule: &FixedPoint) -> Result<TensorId, CircuitError> {
    with_mantissas(builder, name, x, rule, MANTISSA)
}

/// The same with mantissas of another number of bits, so that tests can try every assignment.
pub(super) fn with_mantissas(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    rule: &FixedPoint,
    bits: u32,
) -> Result<TensorId, CircuitError> {
    let channels = rule.multipliers.len();
    let shape = builder.shape(x).to_vec();
    if channels == 0 || rule.shifts.len() != channels || (channels > 1 && shape.get(rule.axis) != Some(&channels)) {
        return Err(builder.error(name, format!("{channels} multipliers for shape {shape:?}")));
    }
    let raised = (0..channels).map(|k| rule.raised(k)).max().unwrap_or(0);
    let (lo, hi) = builder.range(x);
    let most = i64::from(i32::MAX) >> raised;
    if lo < -most || hi > most {
        return Err(builder.error(name, format!("sums in {lo}..={hi} can leave 32 bits, where the model wraps around")));
    }
    let dropped = (0..channels).map(|k| rule.dropped(k)).max().unwrap_or(0);
    let along = |entry: &dyn Fn(usize) -> i64| (0..channels).map(entry).collect::<Vec<i64>>();
    let rest = |k: usize| dropped - rule.dropped(k);
    let factor = |k: usize| i64::from(rule.multipliers[k]).checked_shl(rule.raised(k) + rest(k)).filter(|_| rule.raised(k) + rest(k) < 30);
    if let Some(k) = (0..channels).find(|&k| factor(k).is_none()) {
        return Err(builder.error(name, format!("the multiplier of channel {k} is too far from the others")));
    }
    let mut terms = term(x, &along(&|k| factor(k).unwrap_or(0)), rule.axis, shape.len());
    let twice = rule.rounding == Rounding::Twice;
    if lo < 0 && dropped > 0 && twice {
        let (_, log_len) = covering(lo, hi);
        let sign = requantise(builder, &format!("{name}:sign"), x, (log_len - 1).max(1), Quotient::Range { min: -1, log_len: 1 })?;
        let one = |k: usize| if rule.dropped(k) == 0 { 0 } else { 1i64 << (bits + rest(k)) };
        terms.extend(term(sign.value, &along(&one), rule.axis, shape.len()));
    }
    let first = |k: usize| if twice && rule.dropped(k) > 0 { 1i64 << (bits - 1) } else { 0 };
    let half = |k: usize| (first(k) + (1i64 << (bits - 1 + rule.dropped(k)))) << rest(k);
    let mut factors = vec![AxisFactor::Ones; shape.len()];
    if let (Some(slot), true) = (factors.get_mut(rule.axis), channels > 1) {
        *slot = AxisFactor::Values(along(&half));
    }
    let shift = bits + dropped;
    // Results count from the least one, so that layers share their tables.
    let constant = vec![(if channels > 1 { 1 } else { half(0) }, factors), (-i64::from(rule.min) << shift, vec![AxisFactor::Ones; shape.len()])];
    let t = builder.linear(&format!("{name}:scaled"), &shape, terms, constant)?;
    let (lo, hi) = builder.range(t);
    let (min, log_len) = covering(lo >> shift, hi >> shift);
    if log_len > MAX_LOG_TABLE {
        let reason = format!("results in {}..={} before clamping, more than the 2^{MAX_LOG_TABLE} keys of a table", lo >> shift, hi >> shift);
        return Err(builder.error(name, reason));
    }
    let span = i64::from(rule.max) - i64::from(rule.min);
    let saturated = |q: i64| i32::try_from(q.clamp(0, span)).unwrap_or(0);
    let table = function_table(builder, &format!("saturate to 0..={span}"), min, log_len.max(1), saturated);
    let result = requantise(builder, &format!("{name}:clamped"), t, shift, Quotient::Function(table))?;
    let least = vec![(i64::from(rule.min), vec![AxisFactor::Ones; shape.len()])];
    builder.linear(name, &shape, vec![Term::identity(result.value, 1, shape.len())], least)
}

/// `x` times a number for each index of an axis, or one for all; nothing where all are zero.
fn term(x: TensorId, factors: &[i64], axis: usize, rank: usize) -> Vec<Term> {
    match factors {
        [first, rest @ ..] if rest.iter().all(|factor| factor == first) => {
            if *first == 0 { Vec::new() } else { vec![Term::identity(x, *first, rank)] }
        }
        _ => vec![Term { x, coefficient: 1, map: SeparableMap::along(rank, axis, AxisMap::Diagonal(factors.to_vec())) }],
    }
}
