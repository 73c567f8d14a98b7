//! Claims of any form on a virtual tensor become one claim at a point, over all axes or one.
//!
//! `sum_j mu^j <form_j, T> = sum_x K(x) T(x)` with the public `K = sum_j mu^j form_j` ends at a point `r` with `K(r)`, which the
//! verifier evaluates, and the claim `T(r)`. Along one axis, the other axes stay contracted with the form. Soundness error
//! `(J + 2 log n) / |E|`.

use veritorch_graph::circuit::{Circuit, TensorId};
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::{Mle, log_padded};
use veritorch_sumcheck::sumcheck::{Products, Shape};
use veritorch_sumcheck::{Ext, Factor, Form};

use crate::contract::{base, combined, contract_others, pad};
use crate::contraction::Values;

/// The public side of a reduction.
#[derive(Clone, Debug)]
pub(crate) struct PointReduction<E> {
    tensor: TensorId,
    shape: Vec<usize>,
    forms: Vec<Form<E>>,
    weights: Vec<E>,
    /// The axis and its factor's position in the only form.
    axis: Option<(usize, usize)>,
}

impl<E: Ext> PointReduction<E> {
    /// Of all claims, over all axes.
    pub(crate) fn all(circuit: &Circuit, tensor: TensorId, forms: Vec<Form<E>>, weights: Vec<E>) -> Self {
        Self { tensor, shape: circuit.tensor(tensor).shape.clone(), forms, weights, axis: None }
    }

    /// Of one claim, along an axis whose factor and all later ones span one axis each.
    pub(crate) fn along(circuit: &Circuit, tensor: TensorId, form: Form<E>, axis: usize) -> Self {
        let shape = circuit.tensor(tensor).shape.clone();
        let position = (form.factors.len() + axis).saturating_sub(shape.len());
        Self { tensor, shape, forms: vec![form], weights: vec![E::ONE], axis: Some((axis, position)) }
    }

    pub(crate) fn sumcheck_shape(&self) -> Shape {
        let num_vars = match self.axis {
            Some((axis, _)) => log_padded(self.shape[axis]),
            None => padded_vars(&self.shape),
        };
        Shape { num_vars, degree: 2 }
    }

    /// The tables `[K, T]`.
    pub(crate) fn tables(&self, values: Values<'_>) -> Products<E> {
        let data = values.tensor(self.tensor);
        let term = match self.axis {
            Some((axis, position)) => {
                let (_, factor) = &self.forms[0].factors[position];
                let len = [self.shape[axis]];
                let own = contract_others(data, &self.shape, &self.forms[0], axis, position);
                vec![Mle::new(factor.padded(&len)), Mle::new(pad(&own, &len))]
            }
            None => {
                let forms: Vec<&Form<E>> = self.forms.iter().collect();
                vec![Mle::new(combined(&self.shape, &forms, &self.weights)), base(data, &self.shape)]
            }
        };
        Products { terms: vec![term] }
    }

    /// `K(point)`.
    pub(crate) fn public_factor(&self, point: &[E]) -> E {
        match self.axis {
            Some((axis, position)) => self.forms[0].factors[position].1.evaluate(&[self.shape[axis]], point),
            None => self.forms.iter().zip(&self.weights).map(|(form, &w)| form.evaluate(&self.shape, point) * w).sum(),
        }
    }

    /// The form that is left.
    pub(crate) fn result(&self, point: &[E]) -> Form<E> {
        match self.axis {
            Some((_, position)) => {
                let mut form = self.forms[0].clone();
                form.factors[position] = (1, Factor::Eq(point.to_vec()));
                form
            }
            None => Form::at_point(&self.shape, point),
        }
    }
}
