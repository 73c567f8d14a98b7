//! `y[l, m, n] = sum_k a[l, m, k] b[l, k, n]`, both operands activations.
//!
//! A claim `lead (x) s (x) t` on `y` is `sum_{l, k} lead(l) A(l, k) B(l, k)` with `A(l, k) = sum_m s(m) a[l, m, k]` and
//! `B(l, k) = sum_n t(n) b[l, k, n]`: a sumcheck over `(l, k)` with the public factor `lead`, which is constant along `k`.
//! Soundness error `3 log(LK) / |E|`. [Thaler 2013, sec. 5]

use veritorch_graph::circuit::{Circuit, TensorId};
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::Mle;
use veritorch_sumcheck::sumcheck::Shape;
use veritorch_sumcheck::{Ext, Factor, Form};

use super::{Values, split_leading};
use crate::claim::Operand;
use crate::contract::{contract_rows, contract_row_blocks, pad};

/// The sumcheck over `(l, k)`.
#[derive(Clone, Debug)]
pub(crate) struct MatMul<E> {
    a: TensorId,
    b: TensorId,
    /// Leading axes, then `k`.
    cube: Vec<usize>,
    lead: Form<E>,
    row: Factor<E>,
    column: Factor<E>,
    num_rows: usize,
    num_columns: usize,
}

impl<E: Ext> MatMul<E> {
    pub(super) fn new(circuit: &Circuit, a: TensorId, b: TensorId, form: &Form<E>) -> Option<Self> {
        let (lead, tail) = split_leading(form, 2)?;
        let Ok([row, column]) = <[Factor<E>; 2]>::try_from(tail) else { return None };
        let (leading, [num_rows, inner]) = circuit.tensor(a).shape.split_last_chunk::<2>()?;
        let mut cube = leading.to_vec();
        cube.push(*inner);
        let num_columns = *circuit.tensor(b).shape.last()?;
        Some(Self { a, b, cube, lead: Form { factors: lead }, row, column, num_rows: *num_rows, num_columns })
    }

    fn leading(&self) -> &[usize] {
        &self.cube[..self.cube.len() - 1]
    }

    pub(super) fn sumcheck_shape(&self) -> Shape {
        Shape { num_vars: padded_vars(&self.cube), degree: 3 }
    }

    pub(super) fn tables(&self, values: Values<'_>) -> Vec<Mle<E>> {
        let inner = self.cube[self.cube.len() - 1];
        let left = contract_row_blocks(values.tensor(self.a), inner, &self.row.vector(self.num_rows));
        let right = contract_rows(values.tensor(self.b), &self.column.vector(self.num_columns));
        let lead: Vec<E> =
            self.lead.vector(self.leading()).into_iter().flat_map(|value| std::iter::repeat_n(value, inner)).collect();
        [lead, left, right].into_iter().map(|table| Mle::new(pad(&table, &self.cube))).collect()
    }

    pub(super) fn public_factor(&self, point: &[E]) -> E {
        let inner = self.cube[self.cube.len() - 1];
        let (lead, own) = point.split_at(padded_vars(self.leading()));
        // Constant along real `k`, zero on its padding.
        let along: E = Factor::<E>::ones().evaluate(&[inner], own);
        self.lead.evaluate(self.leading(), lead) * along
    }

    pub(super) fn operands(&self, point: &[E]) -> [Operand<E>; 2] {
        let (lead, inner) = point.split_at(padded_vars(self.leading()));
        let with = |tail: [Factor<E>; 2]| {
            let mut form = Form::at_point(self.leading(), lead);
            form.factors.extend(tail.map(|factor| (1, factor)));
            form
        };
        let inner = Factor::Eq(inner.to_vec());
        [
            Operand::Tensor(self.a, with([self.row.clone(), inner.clone()])),
            Operand::Tensor(self.b, with([inner, self.column.clone()])),
        ]
    }
}
