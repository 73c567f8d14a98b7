//! Where: `a` where the condition holds, else `b`; constants fold.
//!
//! PyTorch exports its Softplus as `where(beta * x > threshold, x, softplus(beta * x) / beta)`: far out both sides agree
//! to the last bit but one, so the softplus alone is taken.

use veritorch_graph::model::index::{broadcast, element_count};
use veritorch_graph::model::{ModelOp, UnaryFn, ValueId};

use super::shape_arithmetic::finish;
use crate::builder::{Operand, Source, Stop};
use crate::constant::{Data, zip};
use crate::lowering::Lowering;

/// Beyond this `softplus(x) - x = log(1 + exp(-x))` is below single precision of `x`.
const SOFTPLUS_IS_LINEAR: f32 = 14.0;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (condition, a, b) = (l.input(0)?, l.input(1)?, l.input(2)?);
    if let Source::Above { value, threshold } = condition.source {
        let softplus = threshold >= SOFTPLUS_IS_LINEAR && is_softplus(l, value, &a, &b);
        return finish(l, softplus.then_some(b));
    }
    let Some(Data::Bool(flags)) = condition.data() else { return finish(l, None) };
    let (condition, flags) = (condition.shape.as_slice(), flags.as_slice());
    let count = broadcast(&a.shape, &b.shape)
        .and_then(|shape| broadcast(&shape, condition))
        .and_then(|shape| element_count(&shape))
        .ok_or_else(|| Stop::invalid(format!("{condition:?}, {:?} and {:?} do not broadcast", a.shape, b.shape)))?;
    l.charge(count.saturating_mul(2))?;
    let (shape, data) = match (a.data(), b.data()) {
        (Some(Data::Int(x)), Some(Data::Int(y))) => {
            let (shape, data) = pick((condition, flags), (&a.shape, x), (&b.shape, y))?;
            (shape, Data::Int(data))
        }
        (Some(Data::Float(x)), Some(Data::Float(y))) => {
            let (shape, data) = pick((condition, flags), (&a.shape, x), (&b.shape, y))?;
            (shape, Data::Float(data))
        }
        _ => return finish(l, None),
    };
    let y = l.constant("where", shape, data)?;
    finish(l, Some(y))
}

fn pick<T: Copy>(
    condition: (&[usize], &[bool]),
    a: (&[usize], &[T]),
    b: (&[usize], &[T]),
) -> Result<(Vec<usize>, Vec<T>), Stop> {
    let (shape, pairs) = zip(a, b, |x, y| Ok((x, y))).map_err(Stop::Invalid)?;
    zip(condition, (&shape, &pairs), |c, (x, y)| Ok(if c { x } else { y })).map_err(Stop::Invalid)
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
