//! What the elementwise operators share: one function of each entry, and arithmetic with numpy's broadcasting.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::{Data, Fault, zip};
use crate::element::Kind;
use crate::lowering::{Lowering, require_float};

/// `y = function(x)`, entry by entry.
pub(super) fn unary(l: &mut Lowering<'_>, function: UnaryFn) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let y = l.emit("function", ModelOp::Unary(function), &[&x], x.shape.clone())?;
    l.set(0, y);
    Ok(())
}

/// The same of whole numbers too, which the function keeps whole.
pub(super) fn unary_of_any(l: &mut Lowering<'_>, function: UnaryFn) -> Result<(), Stop> {
    let x = l.input(0)?;
    let (kind, real) = (x.kind, l.real(&x)?);
    let y = l.function("function", function, &real)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}

/// `y = a op b`; whole numbers stay whole, and do not wrap around.
pub(super) fn arithmetic(
    l: &mut Lowering<'_>,
    part: &str,
    op: ModelOp,
    ints: fn(i64, i64) -> Option<i64>,
    a: &Operand,
    b: &Operand,
) -> Result<Operand, Stop> {
    match both_ints(l, part, ints, a, b)? {
        Some(folded) => Ok(folded),
        None if a.kind == Kind::Int && b.kind == Kind::Int => {
            let (a, b) = (l.real(a)?, l.real(b)?);
            let y = l.binary(part, op, &a, &b)?;
            l.of_kind(y, Kind::Int)
        }
        None => l.binary(part, op, a, b),
    }
}

/// The result of integer arithmetic where both operands are known integers.
pub(super) fn both_ints(
    l: &mut Lowering<'_>,
    part: &str,
    ints: fn(i64, i64) -> Option<i64>,
    a: &Operand,
    b: &Operand,
) -> Result<Option<Operand>, Stop> {
    let (Some(Data::Int(x)), Some(Data::Int(y))) = (a.data(), b.data()) else {
        return Ok(None);
    };
    charge_broadcast(l, a, b)?;
    let f = |x: i64, y: i64| {
        ints(x, y).ok_or_else(|| format!("{x} and {y}: the result does not fit 64 bits"))
    };
    let (shape, data) = zip((&a.shape, x), (&b.shape, y), f).map_err(Stop::Invalid)?;
    l.constant(part, shape, Data::Int(data)).map(Some)
}

/// The result of float arithmetic where both operands are known floats.
pub(super) fn both_floats(
    l: &mut Lowering<'_>,
    part: &str,
    f: impl Fn(f32, f32) -> Result<f32, Fault>,
    a: &Operand,
    b: &Operand,
) -> Result<Option<Operand>, Stop> {
    let (Some(x), Some(y)) = (a.floats(), b.floats()) else {
        return Ok(None);
    };
    charge_broadcast(l, a, b)?;
    let (shape, data) = zip((&a.shape, x), (&b.shape, y), f).map_err(Stop::Invalid)?;
    l.constant(part, shape, Data::Float(data)).map(Some)
}

/// Reserves memory for the broadcast of two operands.
pub(super) fn charge_broadcast(l: &mut Lowering<'_>, a: &Operand, b: &Operand) -> Result<(), Stop> {
    let shape = veritorch_graph::model::index::broadcast(&a.shape, &b.shape).ok_or_else(|| {
        Stop::invalid(format!("{:?} and {:?} do not broadcast", a.shape, b.shape))
    })?;
    l.charge(veritorch_graph::model::index::element_count(&shape).unwrap_or(usize::MAX))
}
