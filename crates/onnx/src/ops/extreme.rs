//! What Max and Min share.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::{both_floats, both_ints};
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

/// Which entry wins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Greatest,
    Least,
}

pub(super) fn extreme(l: &mut Lowering<'_>, which: Extreme) -> Result<(), Stop> {
    let mut best = l.input(0)?;
    for k in 1..l.num_inputs() {
        let x = l.input(k)?;
        best = pair(l, which, &best, &x)?;
    }
    l.set(0, best);
    Ok(())
}

pub(super) fn pair(l: &mut Lowering<'_>, which: Extreme, a: &Operand, b: &Operand) -> Result<Operand, Stop> {
    let ints: fn(i64, i64) -> Option<i64> = match which {
        Extreme::Greatest => |a, b| Some(a.max(b)),
        Extreme::Least => |a, b| Some(a.min(b)),
    };
    if let Some(y) = both_ints(l, "extreme", ints, a, b)? {
        return Ok(y);
    }
    // a NaN wins, as in numpy
    let floats = |x: f32, y: f32| {
        Ok(match which {
            _ if x.is_nan() || y.is_nan() => f32::NAN,
            Extreme::Greatest => x.max(y),
            Extreme::Least => x.min(y),
        })
    };
    if let Some(y) = both_floats(l, "extreme", floats, a, b)? {
        return Ok(y);
    }
    let kind = a.kind;
    let (a, b) = (l.real(a)?, l.real(b)?);
    let y = of_numbers(l, which, &a, &b)?;
    l.of_kind(y, kind)
}

/// The same of operands of which at least one depends on the input.
fn of_numbers(l: &mut Lowering<'_>, which: Extreme, a: &Operand, b: &Operand) -> Result<Operand, Stop> {
    for (x, bound) in [(a, b), (b, a)] {
        let Some(&[bound_at]) = bound.floats() else { continue };
        if bound.shape.len() > x.shape.len() || bound_at.is_nan() {
            continue;
        }
        // exporters write "no bound" as the greatest number
        let function = match which {
            Extreme::Greatest if bound_at <= f32::MIN => return Ok(x.clone()),
            Extreme::Least if bound_at >= f32::MAX => return Ok(x.clone()),
            Extreme::Greatest if bound_at == 0.0 => UnaryFn::Relu,
            Extreme::Greatest => UnaryFn::Clip { min: bound_at, max: f32::INFINITY },
            Extreme::Least => UnaryFn::Clip { min: f32::NEG_INFINITY, max: bound_at },
        };
        return l.emit("clip", ModelOp::Unary(function), &[x], x.shape.clone());
    }
    let (first, second) = if which == Extreme::Greatest { (b, a) } else { (a, b) };
    let distance = l.binary("distance", ModelOp::Sub, first, second)?;
    let shape = distance.shape.clone();
    let excess = l.emit("relu", ModelOp::Unary(UnaryFn::Relu), &[&distance], shape)?;
    l.binary("extreme", if which == Extreme::Greatest { ModelOp::Add } else { ModelOp::Sub }, a, &excess)
}
