//! Mod: `a - b * floor(a / b)`, with the quotient rounded towards zero where `fmod` is set. Whole numbers stay whole.
//!
//! By one constant number it is a table. Other divisors are constants, or keep to one side of zero.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::{both_floats, both_ints};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let truncated = l.int("fmod", 0)? != 0;
    let (a, b) = (l.input(0)?, l.input(1)?);
    let ints: fn(i64, i64) -> Option<i64> = if truncated { i64::checked_rem } else { floored };
    if let Some(y) = both_ints(l, "mod", ints, &a, &b)? {
        l.set(0, y);
        return Ok(());
    }
    let floats = |x: f32, y: f32| {
        let r = x % y;
        Ok(if truncated || r == 0.0 || (r < 0.0) == (y < 0.0) { r } else { r + y })
    };
    if let Some(y) = both_floats(l, "mod", floats, &a, &b)? {
        l.set(0, y);
        return Ok(());
    }
    let kind = a.kind;
    let (a, b) = (l.real(&a)?, l.real(&b)?);
    let y = match b.floats() {
        Some(divisor) if divisor.iter().any(|&x| x == 0.0 || !x.is_finite()) => {
            return Err(Stop::invalid("a divisor is zero or not finite"));
        }
        Some(&[divisor]) if b.shape.len() <= a.shape.len() => l.function("mod", UnaryFn::Mod { divisor, truncated }, &a)?,
        known => {
            let quotient = match known {
                Some(divisor) => {
                    let data = crate::constant::Data::Float(divisor.iter().map(|&x| 1.0 / x).collect());
                    let reciprocal = l.constant("reciprocal", b.shape.clone(), data)?;
                    l.binary("quotient", ModelOp::Mul, &a, &reciprocal)?
                }
                None => l.binary("quotient", ModelOp::Div, &a, &b)?,
            };
            let round = if truncated { UnaryFn::Truncate } else { UnaryFn::Floor };
            let whole = l.function("whole", round, &quotient)?;
            let part = l.binary("part", ModelOp::Mul, &whole, &b)?;
            l.binary("mod", ModelOp::Sub, &a, &part)?
        }
    };
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}

/// The divisor's sign, as in Python.
fn floored(x: i64, y: i64) -> Option<i64> {
    let r = x.checked_rem(y)?;
    if r != 0 && (r < 0) != (y < 0) { r.checked_add(y) } else { Some(r) }
}
