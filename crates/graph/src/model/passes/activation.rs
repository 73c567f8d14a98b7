//! Gated activations written out: `x * g(x)`, with constant factors anywhere.
//!
//! * `g = sigmoid(k x)`: `silu(k x) / k`;
//! * `g = 1 + erf(k x)`: `2 gelu(s x) / s` with `s = k sqrt 2`;
//! * `g = 1 + tanh(k x + l x^3)`: the same with GELU's tanh form, `s = k / sqrt(2 / pi)`, where `l` fits.

use std::f64::consts::{PI, SQRT_2};

use super::pattern::{View, close};
use super::recognise::Chain;
use crate::model::{ModelOp, Node, UnaryFn, ValueId};

pub(super) fn find(view: &View<'_>, node: &Node) -> Option<Chain> {
    let &[a, b] = node.inputs.as_slice() else { return None };
    let output = view.shape(node.output);
    let chain = match node.op {
        ModelOp::Mul => gated(view, a, b).or_else(|| gated(view, b, a)),
        ModelOp::Div => divided(view, a, b),
        _ => None,
    }?;
    (view.shape(chain.x) == output).then_some(chain)
}

/// `function(s x) * factor`
fn chain(x: ValueId, s: f64, function: UnaryFn, factor: f64) -> Option<Chain> {
    let good = s.is_finite() && s != 0.0 && factor.is_finite();
    let round = |number: f64| if close(number, 1.0) { 1.0 } else { number };
    good.then(|| Chain::new(x).scaled(round(s)).then(ModelOp::Unary(function)).scaled(round(factor)))
}

fn gated(view: &View<'_>, x: ValueId, gate: ValueId) -> Option<Chain> {
    let (x, c) = view.scaled(x);
    let gate = view.affine(gate);
    let node = view.node(gate.base)?;
    let ModelOp::Unary(function) = node.op else { return None };
    let inner = node.inputs[0];
    let c = c * gate.factor;
    if function == UnaryFn::Sigmoid {
        let (of, k) = view.scaled(inner);
        return if of == x && gate.offset == 0.0 { chain(x, k, UnaryFn::Silu, c / k) } else { None };
    }
    if !close(gate.offset, gate.factor) {
        return None;
    }
    match function {
        UnaryFn::Erf => {
            let (of, k) = view.scaled(inner);
            let s = k * SQRT_2;
            if of == x { chain(x, s, UnaryFn::Gelu, 2.0 * c / s) } else { None }
        }
        UnaryFn::Tanh => {
            let root = (2.0 / PI).sqrt();
            let [zero, linear, square, cube] = view.polynomial(inner, x)?;
            let s = linear / root;
            let fits = zero == 0.0 && square == 0.0 && close(cube, root * 0.044_715 * s * s * s);
            if fits { chain(x, s, UnaryFn::GeluTanh, 2.0 * c / s) } else { None }
        }
        _ => None,
    }
}

/// `x / (1 + exp(-k x))`
fn divided(view: &View<'_>, x: ValueId, divisor: ValueId) -> Option<Chain> {
    let (x, c) = view.scaled(x);
    let divisor = view.affine(divisor);
    let (of, k) = view.scaled(view.operand_of(divisor.base, UnaryFn::Exp)?);
    if of != x || !close(divisor.offset, divisor.factor) {
        return None;
    }
    chain(x, -k, UnaryFn::Silu, -c / (k * divisor.factor))
}
