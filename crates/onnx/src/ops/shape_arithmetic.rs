//! Operators that exporters use on shapes and other constants: they fold, or are refused.
//!
//! Bits, `Range`, `NonZero` and `EyeLike`.

use veritorch_graph::model::index::{MAX_ELEMENTS, for_each_index};

use super::Lower;
use super::elementwise::charge_broadcast;
use crate::builder::{Operand, Stop};
use crate::constant::{Data, zip};
use crate::element::{Element, Kind};
use crate::lowering::Lowering;

pub(super) static OPERATORS: &[(&str, Lower)] = &[
    ("BitwiseAnd", |l| bitwise(l, |a, b| a & b)),
    ("BitwiseOr", |l| bitwise(l, |a, b| a | b)),
    ("BitwiseXor", |l| bitwise(l, |a, b| a ^ b)),
    ("EyeLike", eye_like),
    ("NonZero", non_zero),
    ("Range", range),
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
