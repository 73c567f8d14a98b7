//! Operators that exporters use on shapes and other constants: they fold, or are refused.
//!
//! Comparison (`Equal`, `Less`, `Greater`, ..), logic (`Not`, `And`, `Or`), bits, `Mod`, `Range`, `CumSum`, `NonZero`,
//! `ReduceProd`, and functions of one number.

use veritorch_graph::model::index::{MAX_ELEMENTS, for_each_index};

use super::Lower;
use super::elementwise::{both_ints, charge_broadcast};
use super::reduction::reduction;
use crate::builder::{Operand, Stop};
use crate::constant::{Data, zip};
use crate::element::{Element, Kind};
use crate::lowering::{Lowering, axis};

pub(super) static OPERATORS: &[(&str, Lower)] = &[
    ("And", |l| logic(l, |a, b| a && b)),
    ("BitwiseAnd", |l| bitwise(l, |a, b| a & b)),
    ("BitwiseOr", |l| bitwise(l, |a, b| a | b)),
    ("BitwiseXor", |l| bitwise(l, |a, b| a ^ b)),
    ("Ceil", |l| function(l, f64::ceil)),
    ("Cos", |l| function(l, f64::cos)),
    ("CumSum", cum_sum),
    ("Equal", |l| compare(l, |a, b| a == b, |a, b| a == b)),
    ("EyeLike", eye_like),
    ("Floor", |l| function(l, f64::floor)),
    ("GreaterOrEqual", |l| {
        compare(l, |a, b| a >= b, |a, b| a >= b)
    }),
    ("Less", |l| compare(l, |a, b| a < b, |a, b| a < b)),
    ("LessOrEqual", |l| compare(l, |a, b| a <= b, |a, b| a <= b)),
    ("Mod", modulo),
    ("Not", not),
    ("NonZero", non_zero),
    ("Or", |l| logic(l, |a, b| a || b)),
    ("Range", range),
    ("ReduceProd", |l| {
        let r = reduction(l)?;
        let y = r.fold_ints(l, 1, i64::checked_mul)?;
        finish(l, y)
    }),
    ("Round", |l| function(l, f64::round_ties_even)),
    ("Sign", sign),
    ("Sin", |l| function(l, f64::sin)),
    ("Xor", |l| logic(l, |a, b| a != b)),
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
fn function(l: &mut Lowering<'_>, f: fn(f64) -> f64) -> Result<(), Stop> {
    let x = l.input(0)?;
    let Some(Data::Float(data)) = x.data() else {
        return finish(l, None);
    };
    let data = Data::Float(data.iter().map(|&x| f(f64::from(x)) as f32).collect());
    let y = l.constant("function", x.shape, data)?;
    finish(l, Some(y))
}

fn sign(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let data = match x.data() {
        Some(Data::Int(data)) => Data::Int(data.iter().map(|x| x.signum()).collect()),
        Some(Data::Float(data)) => Data::Float(
            data.iter()
                .map(|&x| if x == 0.0 { 0.0 } else { x.signum() })
                .collect(),
        ),
        _ => return finish(l, None),
    };
    let y = l.constant("sign", x.shape, data)?;
    finish(l, Some(y))
}

/// Running sums along an axis, `exclusive` of the entry itself, in `reverse` order.
fn cum_sum(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let exclusive = l.int("exclusive", 0)? != 0;
    let reverse = l.int("reverse", 0)? != 0;
    let x = l.input(0)?;
    let at = match l.ints_input(1, "the axis")?.as_slice() {
        &[at] => axis(at, x.shape.len())?,
        other => return Err(Stop::invalid(format!("axis {other:?}"))),
    };
    let (extent, inner) = (x.shape[at], x.shape[at + 1..].iter().product::<usize>());
    let lines = |k: usize| -> Vec<usize> {
        let (outer, inner_at) = (k / inner, k % inner);
        let mut line: Vec<usize> = (0..extent).map(|j| (outer * extent + j) * inner + inner_at).collect();
        if reverse {
            line.reverse();
        }
        line
    };
    let count = x.shape.iter().product::<usize>().checked_div(extent).unwrap_or(0);
    l.charge(count.saturating_mul(extent))?;
    let data = match x.data() {
        Some(Data::Int(data)) => {
            let mut out = data.clone();
            for line in (0..count).map(lines) {
                let mut sum = 0i64;
                for at in line {
                    let next = sum.checked_add(data[at]).ok_or_else(|| Stop::invalid("the result does not fit 64 bits"))?;
                    out[at] = if exclusive { sum } else { next };
                    sum = next;
                }
            }
            Data::Int(out)
        }
        Some(Data::Float(data)) => {
            let mut out = data.clone();
            for line in (0..count).map(lines) {
                let mut sum = 0f64;
                for at in line {
                    let next = sum + f64::from(data[at]);
                    #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
                    {
                        out[at] = if exclusive { sum } else { next } as f32;
                    }
                    sum = next;
                }
            }
            Data::Float(out)
        }
        _ => return finish(l, None),
    };
    let y = l.constant("cum_sum", x.shape.clone(), data)?;
    finish(l, Some(y))
}

/// Indices of the entries that are not zero, `[rank, count]`.
fn non_zero(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let flags: Vec<bool> = match x.data() {
        Some(Data::Int(data)) => data.iter().map(|&x| x != 0).collect(),
        Some(Data::Float(data)) => data.iter().map(|&x| x != 0.0).collect(),
        Some(Data::Bool(data)) => data.clone(),
        None => return finish(l, None),
    };
    l.charge(flags.len().saturating_mul(x.shape.len().max(1)))?;
    let mut found: Vec<Vec<i64>> = vec![Vec::new(); x.shape.len()];
    let mut at = 0;
    for_each_index(&x.shape, |index| {
        if flags[at] {
            for (column, &k) in found.iter_mut().zip(index) {
                column.push(i64::try_from(k).unwrap_or(i64::MAX));
            }
        }
        at += 1;
    });
    let count = flags.iter().filter(|&&flag| flag).count();
    let y = l.constant("non_zero", vec![found.len(), count], Data::Int(found.concat()))?;
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
        _ if a.kind == Kind::Int => {
            return Err(Stop::hinted(
                "compares ids that depend on the model's input",
                "pass what follows from the ids (position ids, masks) to the model when it is exported",
            ));
        }
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

fn bitwise(l: &mut Lowering<'_>, f: fn(i64, i64) -> i64) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    charge_broadcast(l, &a, &b)?;
    let (Some(Data::Int(x)), Some(Data::Int(y))) = (a.data(), b.data()) else {
        return finish(l, None);
    };
    let (shape, data) =
        zip((&a.shape, x), (&b.shape, y), |x, y| Ok(f(x, y))).map_err(Stop::Invalid)?;
    let y = l.constant("bitwise", shape, Data::Int(data))?;
    finish(l, Some(y))
}

/// Ones on a diagonal of a matrix of the operand's shape.
fn eye_like(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let diagonal = i128::from(l.int("k", 0)?);
    let x = l.input(0)?;
    let kind = match l.optional_int("dtype")? {
        None => x.kind,
        Some(code) => Element::from_code(code)
            .ok_or_else(|| Stop::unsupported("attribute `dtype`"))?
            .kind(),
    };
    let &[rows, columns] = x.shape.as_slice() else {
        return Err(Stop::invalid(format!("expected a matrix, got {:?}", x.shape)));
    };
    l.charge(rows.saturating_mul(columns))?;
    let flags = (0..rows * columns)
        .map(|at| (at % columns) as i128 - (at / columns) as i128 == diagonal);
    let data = match kind {
        Kind::Float => Data::Float(flags.map(|flag| f32::from(u8::from(flag))).collect()),
        Kind::Int => Data::Int(flags.map(i64::from).collect()),
        Kind::Bool => Data::Bool(flags.collect()),
    };
    let y = l.constant("eye", x.shape, data)?;
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
    if let (Some(&[start]), Some(&[limit]), Some(&[delta])) =
        (start.floats(), limit.floats(), delta.floats())
    {
        return float_range(l, start.into(), limit.into(), delta.into());
    }
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts are checked; rounds to the graph's number type"
)]
fn float_range(l: &mut Lowering<'_>, start: f64, limit: f64, delta: f64) -> Result<(), Stop> {
    let count = ((limit - start) / delta).ceil().max(0.0);
    if count.is_nan() || count > MAX_ELEMENTS as f64 {
        return Err(Stop::invalid(format!(
            "a range from {start} to {limit} in steps of {delta}"
        )));
    }
    let count = count as usize;
    l.charge(count)?;
    let data = (0..count).map(|k| (start + delta * k as f64) as f32).collect();
    let y = l.constant("range", vec![count], Data::Float(data))?;
    finish(l, Some(y))
}
