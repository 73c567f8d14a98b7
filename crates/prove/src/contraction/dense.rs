//! `y[l, n] = sum_k x[l, k] w[n, k]`.
//!
//! A claim `lead (x) eq(rho)` on `y` is `sum_k X(k) B(k)` with `X(k) = sum_l lead(l) x[l, k]` and
//! `B(k) = sum_n eq(rho, n) w[n, k]`: one pass over the activations, one over the weights, and a sumcheck over the inner
//! dimension. Soundness error `2 log K / |E|`. [Thaler 2013, sec. 5]

use veritorch_graph::circuit::{Circuit, Op, TensorId};
use veritorch_sumcheck::mle::{Mle, eq_table, log_padded};
use veritorch_sumcheck::{Ext, Factor, Form};

use super::{Values, leading_vector, split_leading};
use crate::claim::{Operand, ParamForm};
use crate::contract::{bind_leading, pad};
use crate::params::bind_output;

/// The sumcheck over `k`.
#[derive(Clone, Debug)]
pub(crate) struct Dense<E> {
    x: TensorId,
    x_shape: Vec<usize>,
    param: usize,
    num_outputs: usize,
    lead: Vec<(usize, Factor<E>)>,
    output: Vec<E>,
}

impl<E: Ext> Dense<E> {
    pub(super) fn new(circuit: &Circuit, x: TensorId, w: TensorId, form: &Form<E>) -> Option<Self> {
        let (lead, tail) = split_leading(form, 1)?;
        let Some(Factor::Eq(output)) = tail.into_iter().next() else { return None };
        let Op::Weight { param } = circuit.tensor(w).op else { return None };
        let num_outputs = circuit.tensor(w).shape[1];
        Some(Self { x, x_shape: circuit.tensor(x).shape.clone(), param, num_outputs, lead, output })
    }

    fn inner(&self) -> usize {
        self.x_shape.last().copied().unwrap_or(1)
    }

    pub(super) fn num_vars(&self) -> usize {
        log_padded(self.inner())
    }

    pub(super) fn tables(&self, values: Values<'_>) -> Vec<Mle<E>> {
        let inner = [self.inner()];
        let lead = leading_vector(&self.lead, &self.x_shape[..self.x_shape.len() - 1]);
        let (x, scale) = bind_leading(values.tensor(self.x), &inner, &lead);
        let mut eq = eq_table(&self.output);
        eq.truncate(self.num_outputs);
        eq.iter_mut().for_each(|value| *value *= scale);
        vec![x, Mle::new(pad(&bind_output(values.params, self.param, &eq), &inner))]
    }

    pub(super) fn operands(&self, point: &[E]) -> [Operand<E>; 2] {
        let mut factors = self.lead.clone();
        factors.push((1, Factor::Eq(point.to_vec())));
        let weight = ParamForm {
            param: self.param,
            kernel: vec![E::ONE],
            output: self.output.clone(),
            column: Factor::Eq(point.to_vec()),
        };
        [Operand::Tensor(self.x, Form { factors }), Operand::Param(weight)]
    }
}
