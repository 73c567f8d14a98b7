//! Normalisations written out: `d / sqrt(a * sum(d^2) + e)`, where `d` is `x` or `x - mean(x)`.
//!
//! With `n` entries in a line this is `1 / sqrt(a n)` times a normalisation with `epsilon = e / (a n)`: LayerNorm and
//! RMSNorm have `a = 1 / n`, an unbiased variance `1 / (n - 1)`, a division by the length of a vector `1`.

use super::pattern::{Affine, View, close};
use super::recognise::Chain;
use crate::model::{ModelOp, Node, UnaryFn, ValueId};

/// PyTorch's lower bounds of a vector's length are at most this: too small to matter.
const MAX_LENGTH_BOUND: f32 = 1e-8;

pub(super) fn find(view: &View<'_>, node: &Node) -> Option<Chain> {
    let &[a, b] = node.inputs.as_slice() else { return None };
    match node.op {
        ModelOp::Div => quotient(view, a, square_under_root(view, b)?),
        ModelOp::Mul => {
            let under = |root| square_under_inverse_root(view, root);
            under(b)
                .and_then(|square| quotient(view, a, square))
                .or_else(|| under(a).and_then(|square| quotient(view, b, square)))
        }
        _ => None,
    }
}

/// `d / sqrt(square)`
fn quotient(view: &View<'_>, d: ValueId, square: Affine) -> Option<Chain> {
    let sum = view.node(square.base)?;
    let ModelOp::ReduceSum { axes } = &sum.op else { return None };
    let (squared, same) = view.pair(sum.inputs[0], &ModelOp::Mul)?;
    if squared != same || squared != d {
        return None;
    }
    let shape = view.shape(d);
    #[expect(clippy::cast_precision_loss, reason = "extents are far below 2^53")]
    let count = axes.iter().map(|&k| shape[k]).product::<usize>() as f64;
    let scale = square.factor * count;
    if !(scale > 0.0 && square.offset >= 0.0) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
    let epsilon = ((square.offset / scale) as f32).max(f32::MIN_POSITIVE);
    let (x, centred) = match centre(view, d, axes, count) {
        Some(x) => (x, true),
        None => (d, false),
    };
    let op = ModelOp::Normalize { axes: axes.clone(), epsilon, centred };
    // whole constants differ in the last bits: 1 / n is rounded
    let factor = 1.0 / scale.sqrt();
    let factor = if close(factor, 1.0) { 1.0 } else { factor };
    epsilon.is_finite().then(|| Chain::new(x).then(op).scaled(factor))
}

/// `x` of `d = x - sum(x) / n`.
fn centre(view: &View<'_>, d: ValueId, axes: &[usize], count: f64) -> Option<ValueId> {
    let (x, mean) = view.pair(d, &ModelOp::Sub)?;
    let (sum, factor) = view.scaled(mean);
    let sum = view.node(sum)?;
    let fits = sum.op == ModelOp::ReduceSum { axes: axes.to_vec() } && sum.inputs[0] == x && close(factor * count, 1.0);
    (fits && view.shape(x) == view.shape(d)).then_some(x)
}

/// What stands under `sqrt(..)`, or under `max(sqrt(..), tiny)`.
fn square_under_root(view: &View<'_>, root: ValueId) -> Option<Affine> {
    let root = match view.node(root).map(|node| (&node.op, &node.inputs)) {
        Some((&ModelOp::Unary(UnaryFn::Clip { min, max: f32::INFINITY }), inputs)) if (0.0..=MAX_LENGTH_BOUND).contains(&min) => {
            inputs[0]
        }
        _ => root,
    };
    Some(view.affine(view.operand_of(root, UnaryFn::Sqrt)?))
}

/// What stands under `1 / sqrt(..)`.
fn square_under_inverse_root(view: &View<'_>, inverse: ValueId) -> Option<Affine> {
    if let Some(square) = view.operand_of(inverse, UnaryFn::Pow { exponent: -0.5 }) {
        return Some(view.affine(square));
    }
    if let Some(root) = view.operand_of(inverse, UnaryFn::Reciprocal) {
        return square_under_root(view, root);
    }
    let (one, root) = view.pair(inverse, &ModelOp::Div)?;
    (view.number(one) == Some(1.0)).then(|| square_under_root(view, root)).flatten()
}
