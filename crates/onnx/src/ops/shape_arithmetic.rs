//! Operators that exporters use on shapes and other constants: they fold, or are refused.
//!
//! Comparison (`Equal`, `Less`, `Greater`, ..), logic (`Not`, `And`, `Or`), `Min`, `Max`, `Mod`, `Pow`, `Range`,
//! `ReduceProd`, and functions of one number.

use super::Lower;
use super::elementwise::{both_floats, both_ints, charge_broadcast};
use super::reduction::reduction;
use crate::builder::{Operand, Stop};
use crate::constant::{Data, zip};
use crate::lowering::Lowering;

pub(super) static OPERATORS: &[(&str, Lower)] = &[
    ("Abs", |l| function(l, f64::abs, Some(i64::checked_abs))),
    ("And", |l| logic(l, |a, b| a && b)),
    ("Ceil", |l| function(l, f64::ceil, None)),
    ("Equal", |l| compare(l, |a, b| a == b, |a, b| a == b)),
    ("Exp", |l| function(l, f64::exp, None)),
    ("Floor", |l| function(l, f64::floor, None)),
    ("GreaterOrEqual", |l| {
        compare(l, |a, b| a >= b, |a, b| a >= b)
    }),
    ("Less", |l| compare(l, |a, b| a < b, |a, b| a < b)),
    ("LessOrEqual", |l| compare(l, |a, b| a <= b, |a, b| a <= b)),
    ("Log", |l| function(l, f64::ln, None)),
    ("Max", |l| extreme(l, f32::max, |a, b| Some(a.max(b)))),
    ("Min", |l| extreme(l, f32::min, |a, b| Some(a.min(b)))),
    ("Mod", modulo),
    ("Not", not),
    ("Or", |l| logic(l, |a, b| a || b)),
    ("Pow", |l| {
        let (a, b) = (l.input(0)?, l.input(1)?);
        let y = match both_ints(
            l,
            "pow",
            |x, y| u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
            &a,
            &b,
        )? {
            Some(y) => Some(y),
            None => both_floats(l, "pow", |x, y| Ok(x.powf(y)), &a, &b)?,
        };
        finish(l, y)
    }),
    ("Range", range),
    ("Reciprocal", |l| function(l, |x| 1.0 / x, None)),
    ("ReduceProd", |l| {
        let r = reduction(l)?;
        let y = r.fold_ints(l, 1, i64::checked_mul)?;
        finish(l, y)
    }),
    ("Sqrt", |l| function(l, f64::sqrt, None)),
];

/// Sets the result, or refuses: the operands are not all known.
pub(super) fn finish(l: &mut Lowering<'_>, y: Option<Operand>) -> Result<(), Stop> {
    let y = y.ok_or_else(|| {
        Stop::hinted(
            "supported on constants only",
            "replace it by supported operators",
        )
    })?;
    l.set(0, y);
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounds to the graph's number type"
)]
fn function(
    l: &mut Lowering<'_>,
    floats: fn(f64) -> f64,
    ints: Option<fn(i64) -> Option<i64>>,
) -> Result<(), Stop> {
    let x = l.input(0)?;
    let data = match (x.data(), ints) {
        (Some(Data::Float(data)), _) => {
            Data::Float(data.iter().map(|&x| floats(f64::from(x)) as f32).collect())
        }
        (Some(Data::Int(data)), Some(ints)) => {
            let data: Option<Vec<i64>> = data.iter().map(|&x| ints(x)).collect();
            Data::Int(data.ok_or_else(|| Stop::invalid("the result does not fit 64 bits"))?)
        }
        _ => return finish(l, None),
    };
    let y = l.constant("function", x.shape, data)?;
    finish(l, Some(y))
}

pub(super) fn compare(
    l: &mut Lowering<'_>,
    ints: fn(i64, i64) -> bool,
    floats: fn(f32, f32) -> bool,
) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    charge_broadcast(l, &a, &b)?;
    let result = match (a.data(), b.data()) {
        (Some(Data::Int(x)), Some(Data::Int(y))) => {
            zip((&a.shape, x), (&b.shape, y), |x, y| Ok(ints(x, y)))
        }
        (Some(Data::Float(x)), Some(Data::Float(y))) => {
            zip((&a.shape, x), (&b.shape, y), |x, y| Ok(floats(x, y)))
        }
        (Some(Data::Bool(x)), Some(Data::Bool(y))) => zip((&a.shape, x), (&b.shape, y), |x, y| {
            Ok(ints(x.into(), y.into()))
        }),
        _ => return finish(l, None),
    };
    let (shape, data) = result.map_err(Stop::Invalid)?;
    let y = l.constant("compare", shape, Data::Bool(data))?;
    finish(l, Some(y))
}

fn logic(l: &mut Lowering<'_>, f: fn(bool, bool) -> bool) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    charge_broadcast(l, &a, &b)?;
    let (Some(Data::Bool(x)), Some(Data::Bool(y))) = (a.data(), b.data()) else {
        return finish(l, None);
    };
    let (shape, data) =
        zip((&a.shape, x), (&b.shape, y), |x, y| Ok(f(x, y))).map_err(Stop::Invalid)?;
    let y = l.constant("logic", shape, Data::Bool(data))?;
    finish(l, Some(y))
}

fn not(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let Some(Data::Bool(data)) = x.data() else {
        return finish(l, None);
    };
    let data = Data::Bool(data.iter().map(|&x| !x).collect());
    let y = l.constant("not", x.shape, data)?;
    finish(l, Some(y))
}

fn extreme(
    l: &mut Lowering<'_>,
    floats: fn(f32, f32) -> f32,
    ints: fn(i64, i64) -> Option<i64>,
) -> Result<(), Stop> {
    let mut best = l.input(0)?;
    for k in 1..l.num_inputs() {
        let x = l.input(k)?;
        let next = match both_ints(l, "extreme", ints, &best, &x)? {
            Some(y) => Some(y),
            None => both_floats(l, "extreme", |x, y| Ok(floats(x, y)), &best, &x)?,
        };
        let Some(next) = next else {
            return finish(l, None);
        };
        best = next;
    }
    let known = best.is_constant().then_some(best);
    finish(l, known)
}

fn modulo(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let c_sign = l.int("fmod", 0)? != 0;
    let (a, b) = (l.input(0)?, l.input(1)?);
    let y = if c_sign {
        both_ints(l, "mod", i64::checked_rem, &a, &b)?
    } else {
        // the divisor's sign, as in Python
        let python = |x: i64, y: i64| {
            let r = x.checked_rem(y)?;
            if r != 0 && (r < 0) != (y < 0) {
                r.checked_add(y)
            } else {
                Some(r)
            }
        };
        both_ints(l, "mod", python, &a, &b)?
    };
    finish(l, y)
}

fn range(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (start, limit, delta) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let one = |operand: &Operand| match operand.data() {
        Some(Data::Int(data)) if data.len() == 1 => Some(data[0]),
        _ => None,
    };
    let (Some(start), Some(limit), Some(delta)) = (one(&start), one(&limit), one(&delta)) else {
        return finish(l, None);
    };
    let span = i128::from(limit) - i128::from(start);
    let delta = i128::from(delta);
    if delta == 0 {
        return Err(Stop::invalid("a step is zero"));
    }
    let count = if (span < 0) == (delta < 0) {
        span.unsigned_abs().div_ceil(delta.unsigned_abs())
    } else {
        0
    };
    let count = usize::try_from(count).map_err(|_| Stop::invalid("range is too large"))?;
    l.charge(count)?;
    let data: Vec<i64> = (0..count)
        .map(|k| {
            i64::try_from(i128::from(start) + delta * k as i128)
                .map_err(|_| Stop::invalid("range is too large"))
        })
        .collect::<Result<_, _>>()?;
    let y = l.constant("range", vec![count], Data::Int(data))?;
    finish(l, Some(y))
}
