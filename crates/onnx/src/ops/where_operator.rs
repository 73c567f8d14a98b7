//! Where: `a` where the condition holds, else `b`, broadcast together. A condition `c` that depends on the input gives
//! `b + c * (a - b)`; one that is constant:
//!
//! * Constants fold.
//! * `-inf` picked beside a value that depends on the input masks that value for the softmax that follows.
//! * Otherwise `y = a * c + b * (1 - c)` with the condition `c` as 0 and 1.
//!
//! Two forms of PyTorch's are no choice: `where(beta * x > threshold, x, softplus(beta * x) / beta)`,
//! both sides of which agree far out to the last bit but one, is the softplus alone; `where(isnan(p), 0, p)` behind a softmax
//! `p` is `p`, as masked lines are zero already.

use veritorch_graph::model::index::{broadcast, broadcast_strides, element_count, for_each_index, offset};
use veritorch_graph::model::{ModelOp, UnaryFn, ValueId};

use super::is_nan::dead_entries;
use crate::builder::{Operand, Source, Stop};
use crate::constant::{Constant, Data, zip};
use crate::element::Kind;
use crate::lowering::Lowering;
use crate::masked::is_infinite;

/// Beyond this `softplus(x) - x = log(1 + exp(-x))` is below single precision of `x`.
const SOFTPLUS_IS_LINEAR: f32 = 14.0;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (condition, a, b) = (l.input(0)?, l.input(1)?, l.input(2)?);
    if let Source::Above { value, threshold } = condition.source {
        if threshold >= SOFTPLUS_IS_LINEAR && is_softplus(l, value, &a, &b) {
            l.set(0, b);
            return Ok(());
        }
    }
    let Some(Data::Bool(flags)) = condition.data() else { return by_input(l, &condition, &a, &b) };
    let shape = broadcast(&a.shape, &b.shape)
        .and_then(|shape| broadcast(&shape, &condition.shape))
        .ok_or_else(|| Stop::invalid(format!("{:?}, {:?} and {:?} do not broadcast", condition.shape, a.shape, b.shape)))?;
    let count = element_count(&shape).ok_or_else(|| Stop::invalid(format!("{shape:?} is too large")))?;
    let y = match (a.data(), b.data()) {
        (Some(x), Some(y)) => {
            l.charge(count.saturating_mul(2))?;
            let flags = (condition.shape.as_slice(), flags.as_slice());
            let data = match (x, y) {
                (Data::Int(x), Data::Int(y)) => Data::Int(pick(flags, (&a.shape, x), (&b.shape, y))?),
                (Data::Float(x), Data::Float(y)) => Data::Float(pick(flags, (&a.shape, x), (&b.shape, y))?),
                (Data::Bool(x), Data::Bool(y)) => Data::Bool(pick(flags, (&a.shape, x), (&b.shape, y))?),
                _ => return Err(Stop::invalid("operands are of different types")),
            };
            l.constant("where", shape, data)?
        }
        _ if flags.iter().all(|&flag| flag) => l.expand("where", &a, &shape)?,
        _ if flags.iter().all(|&flag| !flag) => l.expand("where", &b, &shape)?,
        _ => choose(l, &condition, &a, &b, &shape)?,
    };
    l.set(0, y);
    Ok(())
}

/// `b + c * (a - b)` with a condition `c` that depends on the input.
fn by_input(l: &mut Lowering<'_>, condition: &Operand, a: &Operand, b: &Operand) -> Result<(), Stop> {
    let is_mask = |x: &Operand| matches!(x.source, Source::Masked { .. }) || is_infinite(x);
    if is_mask(a) || is_mask(b) {
        return Err(Stop::hinted(
            "masks by a condition that depends on the model's input",
            "mask by constants only, or fix the mask input to a number",
        ));
    }
    if condition.kind != Kind::Bool || a.kind != b.kind {
        return Err(Stop::invalid("operands are of the wrong types"));
    }
    let kind = a.kind;
    let (c, a, b) = (l.real(condition)?, l.real(a)?, l.real(b)?);
    let y = if is_everywhere(&b, 0.0) {
        l.binary("where", ModelOp::Mul, &c, &a)?
    } else {
        let difference = l.binary("difference", ModelOp::Sub, &a, &b)?;
        let chosen = l.binary("chosen", ModelOp::Mul, &c, &difference)?;
        l.binary("where", ModelOp::Add, &chosen, &b)?
    };
    let shape = broadcast(&y.shape, &a.shape)
        .and_then(|shape| broadcast(&shape, &b.shape))
        .ok_or_else(|| Stop::invalid("operands do not broadcast"))?;
    let y = l.expand("shape", &y, &shape)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}

/// A choice of which at least one side depends on the model's input, and both occur.
fn choose(l: &mut Lowering<'_>, condition: &Operand, a: &Operand, b: &Operand, shape: &[usize]) -> Result<Operand, Stop> {
    let Some(Data::Bool(flags)) = condition.data() else { return Err(Stop::invalid("the condition is no truth value")) };
    let opposite: Vec<bool> = flags.iter().map(|flag| !flag).collect();
    let keep = |data: &[bool]| Constant { shape: condition.shape.clone(), data: Data::Bool(data.to_vec()) };
    l.charge(flags.len().saturating_mul(3))?;
    if is_everywhere(b, f32::NEG_INFINITY) {
        let x = l.expand("where", a, shape)?;
        return l.masked("mask", &x, keep(flags));
    }
    if is_everywhere(a, f32::NEG_INFINITY) {
        let x = l.expand("where", b, shape)?;
        return l.masked("mask", &x, keep(&opposite));
    }
    if is_everywhere(a, 0.0) && is_zero_at(l, b, condition, flags) {
        return l.expand("where", b, shape);
    }
    let number = |data: &[bool]| Data::Float(data.iter().map(|&flag| f32::from(u8::from(flag))).collect());
    let chosen = l.constant("chosen", condition.shape.clone(), number(flags))?;
    let other = l.constant("other", condition.shape.clone(), number(&opposite))?;
    let first = l.binary("first", ModelOp::Mul, a, &chosen)?;
    if is_everywhere(b, 0.0) {
        return l.expand("where", &first, shape);
    }
    let second = l.binary("second", ModelOp::Mul, b, &other)?;
    let y = l.binary("where", ModelOp::Add, &first, &second)?;
    l.expand("shape", &y, shape)
}

/// A constant of this one number.
#[expect(clippy::float_cmp, reason = "the number itself is meant")]
fn is_everywhere(x: &Operand, number: f32) -> bool {
    x.kind == Kind::Float && x.floats().is_some_and(|data| data.iter().all(|&x| x == number))
}

/// A softmax whose masked lines hold every entry that the condition names.
fn is_zero_at(l: &Lowering<'_>, x: &Operand, condition: &Operand, flags: &[bool]) -> bool {
    let (Source::Value(id), Some(_)) = (&x.source, broadcast(&condition.shape, &x.shape).filter(|shape| *shape == x.shape)) else {
        return false;
    };
    let Some(dead) = dead_entries(l, *id, &x.shape) else { return false };
    let from = broadcast_strides(&condition.shape, &x.shape);
    let mut holds = true;
    let mut at = 0;
    for_each_index(&x.shape, |index| {
        holds &= dead[at] || !flags[offset(index, &from)];
        at += 1;
    });
    holds
}

fn pick<T: Copy>(condition: (&[usize], &[bool]), a: (&[usize], &[T]), b: (&[usize], &[T])) -> Result<Vec<T>, Stop> {
    let (shape, pairs) = zip(a, b, |x, y| Ok((x, y))).map_err(Stop::Invalid)?;
    let (_, picked) = zip(condition, (&shape, &pairs), |c, (x, y)| Ok(if c { x } else { y })).map_err(Stop::Invalid)?;
    Ok(picked)
}

/// `b = softplus(beta * a) / beta` with `beta * a` compared; `beta` may be 1 and left out.
fn is_softplus(l: &Lowering<'_>, compared: ValueId, a: &Operand, b: &Operand) -> bool {
    let (&Source::Value(x), &Source::Value(y)) = (&a.source, &b.source) else { return false };
    let reads = |id: ValueId, op: &ModelOp| -> Option<ValueId> {
        l.producer(id).filter(|node| node.op == *op).and_then(|node| node.inputs.first().copied())
    };
    let softplus = ModelOp::Unary(UnaryFn::Softplus);
    if reads(y, &softplus) == Some(compared) {
        return compared == x;
    }
    let product = |id: ValueId| -> Option<(ValueId, f32)> {
        let node = l.producer(id).filter(|node| node.op == ModelOp::Mul)?;
        let &[of, factor] = node.inputs.as_slice() else { return None };
        Some((of, l.number(factor)?))
    };
    let (Some((scaled, shrink)), Some((of, beta))) = (product(y), product(compared)) else { return false };
    reads(scaled, &softplus) == Some(compared) && of == x && beta > 0.0 && (beta * shrink - 1.0).abs() < 1e-6
}
