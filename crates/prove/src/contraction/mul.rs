//! `y[i] = a[i] b[i]`: claims `form_j` with weights `mu_j` are `sum_i K(i) a[i] b[i]`, `K = sum_j mu_j form_j`.
//! Soundness error `3 log n / |E|`.

use veritorch_graph::circuit::TensorId;
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::Mle;
use veritorch_sumcheck::{Ext, Form};

use super::Values;
use crate::claim::Operand;
use crate::contract::{base, combined};

/// The sumcheck over all entries.
#[derive(Clone, Debug)]
pub(crate) struct Mul<E> {
    a: TensorId,
    b: TensorId,
    shape: Vec<usize>,
    forms: Vec<Form<E>>,
    weights: Vec<E>,
}

impl<E: Ext> Mul<E> {
    pub(super) fn new(a: TensorId, b: TensorId, shape: &[usize], forms: &[Form<E>], weights: &[E]) -> Self {
        Self { a, b, shape: shape.to_vec(), forms: forms.to_vec(), weights: weights.to_vec() }
    }

    pub(super) fn num_vars(&self) -> usize {
        padded_vars(&self.shape)
    }

    pub(super) fn tables(&self, values: Values<'_>) -> Vec<Mle<E>> {
        let forms: Vec<&Form<E>> = self.forms.iter().collect();
        let public = Mle::new(combined(&self.shape, &forms, &self.weights));
        let operand = |id| base::<E>(values.tensor(id), &self.shape).into_extension();
        vec![public, operand(self.a), operand(self.b)]
    }

    pub(super) fn public_factor(&self, point: &[E]) -> E {
        self.forms.iter().zip(&self.weights).map(|(form, &weight)| form.evaluate(&self.shape, point) * weight).sum()
    }

    pub(super) fn operands(&self, point: &[E]) -> [Operand<E>; 2] {
        [self.a, self.b].map(|id| Operand::Tensor(id, Form::at_point(&self.shape, point)))
    }
}
