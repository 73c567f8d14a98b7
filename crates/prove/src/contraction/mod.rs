//! Contractions and products: what a sumcheck is needed for.
//!
//! Each kind is one file with its equation. [`Contraction`] is the public side, which prover and verifier share: what the
//! claims must look like, the size of the sumcheck, its public factor, and the forms on the operands where it ends. The
//! tables of the sumcheck are built by the prover alone.

mod conv;
mod dense;
mod matmul;
mod mul;

use veritorch_execute::{Params, TensorData};
use veritorch_graph::circuit::{Circuit, Op, TensorId};
use veritorch_sumcheck::sumcheck::{Products, Shape};
use veritorch_sumcheck::{Ext, Factor, Form};

use crate::claim::Operand;

/// What the prover reads.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) tensors: &'a [TensorData],
    pub(crate) params: &'a Params,
}

impl<'a> Values<'a> {
    pub(crate) fn tensor(&self, id: TensorId) -> &'a TensorData {
        &self.tensors[id.index()]
    }
}

/// A sumcheck `sum_x public(x) left(x) right(x)`, seen from both sides.
#[derive(Clone, Debug)]
pub(crate) enum Contraction<E> {
    Conv(conv::Conv<E>),
    Dense(dense::Dense<E>),
    MatMul(matmul::MatMul<E>),
    Mul(mul::Mul<E>),
}

/// How claims on a contraction's result are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preparation {
    /// There is one claim, and it has the right form.
    None,
    /// One claim, to be turned into a point along this axis.
    Axis(usize),
    /// All claims are merged into one point.
    Point,
}

/// What the claims on this tensor need before its contraction can begin.
pub(crate) fn preparation<E: Ext>(circuit: &Circuit, tensor: TensorId, forms: &[&Form<E>]) -> Preparation {
    let rank = circuit.tensor(tensor).shape.len();
    let [form] = forms else {
        return match circuit.tensor(tensor).op {
            Op::Mul { .. } => Preparation::None,
            _ => Preparation::Point,
        };
    };
    // The axis along which the weights' rows are combined, counted from the back, must carry a point.
    let (separable, output) = match circuit.tensor(tensor).op {
        Op::Conv { geometry, .. } => (3, (geometry.groups == 1).then_some(3)),
        Op::Dense { .. } => (1, Some(1)),
        Op::MatMul { .. } => (2, None),
        _ => (0, None),
    };
    if form.factors.iter().rev().take(separable).any(|(axes, _)| *axes != 1) || form.factors.len() < separable {
        return Preparation::Point;
    }
    match output.and_then(|back| form.factors.len().checked_sub(back)) {
        Some(position) if !matches!(form.factors[position].1, Factor::Eq(_)) => {
            Preparation::Axis(rank - output.unwrap_or(0))
        }
        _ => Preparation::None,
    }
}

impl<E: Ext> Contraction<E> {
    /// The sumcheck of a tensor on which `forms` are claimed with these weights; all but [`Op::Mul`] take one form.
    pub(crate) fn new(circuit: &Circuit, tensor: TensorId, forms: &[Form<E>], weights: &[E]) -> Option<Self> {
        let shape = &circuit.tensor(tensor).shape;
        let form = forms.first()?;
        Some(match circuit.tensor(tensor).op {
            Op::Conv { x, w, geometry } => Self::Conv(conv::Conv::new(circuit, x, w, geometry, shape, form)?),
            Op::Dense { x, w } => Self::Dense(dense::Dense::new(circuit, x, w, form)?),
            Op::MatMul { a, b } => Self::MatMul(matmul::MatMul::new(circuit, a, b, form)?),
            Op::Mul { a, b } => Self::Mul(mul::Mul::new(a, b, shape, forms, weights)),
            _ => return None,
        })
    }

    /// Variables and degree.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Conv(conv) => Shape { num_vars: conv.num_vars(), degree: 2 },
            Self::Dense(dense) => Shape { num_vars: dense.num_vars(), degree: 2 },
            Self::MatMul(matmul) => matmul.sumcheck_shape(),
            Self::Mul(mul) => Shape { num_vars: mul.num_vars(), degree: 3 },
        }
    }

    /// The tables of the sumcheck.
    pub(crate) fn tables(&self, values: Values<'_>) -> Products<E> {
        Products {
            terms: vec![match self {
                Self::Conv(conv) => conv.tables(values),
                Self::Dense(dense) => dense.tables(values),
                Self::MatMul(matmul) => matmul.tables(values),
                Self::Mul(mul) => mul.tables(values),
            }],
        }
    }

    /// The value of the public factor where the sumcheck ends.
    pub(crate) fn public_factor(&self, point: &[E]) -> E {
        match self {
            Self::Conv(_) | Self::Dense(_) => E::ONE,
            Self::MatMul(matmul) => matmul.public_factor(point),
            Self::Mul(mul) => mul.public_factor(point),
        }
    }

    /// The forms on the two operands where the sumcheck ends.
    pub(crate) fn operands(&self, point: &[E]) -> [Operand<E>; 2] {
        match self {
            Self::Conv(conv) => conv.operands(point),
            Self::Dense(dense) => dense.operands(point),
            Self::MatMul(matmul) => matmul.operands(point),
            Self::Mul(mul) => mul.operands(point),
        }
    }
}

/// The vectors of a form's leading factors, and the factors of its last axes.
fn split_leading<E: Ext>(form: &Form<E>, trailing: usize) -> Option<(Vec<(usize, Factor<E>)>, Vec<Factor<E>>)> {
    let cut = form.factors.len().checked_sub(trailing)?;
    let (lead, tail) = form.factors.split_at(cut);
    Some((lead.to_vec(), tail.iter().map(|(_, factor)| factor.clone()).collect()))
}

/// The Kronecker product of leading factors.
fn leading_vector<E: Ext>(lead: &[(usize, Factor<E>)], shape: &[usize]) -> Vec<E> {
    Form { factors: lead.to_vec() }.vector(shape)
}
