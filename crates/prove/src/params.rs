//! Weights against vectors: one integer pass.

use veritorch_execute::{Params, kernels};
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::mle::eq_table;

use crate::claim::ParamForm;
use crate::contract::{from_limbs, to_limbs};

/// `B(k, c) = sum_o outputs(o) W(k, o, c)`, row-major.
pub(crate) fn bind_output<E: Ext>(params: &Params, param: usize, outputs: &[E]) -> Vec<E> {
    let info = &params.infos()[param];
    let [kernel, num_outputs, columns] = info.shape;
    let coefficients = plane_coefficients(outputs, info.num_planes);
    let mut bound = Vec::with_capacity(kernel * columns);
    for k in 0..kernel {
        let rows: Vec<&[i8]> = (0..info.num_planes)
            .flat_map(|plane| {
                let start = k * num_outputs * columns;
                params.plane(param, plane)[start..start + num_outputs * columns].chunks_exact(columns)
            })
            .collect();
        bound.extend(combine_rows::<E>(&rows, &coefficients));
    }
    bound
}

fn plane_coefficients<E: Ext>(outputs: &[E], num_planes: usize) -> Vec<E> {
    (0..num_planes)
        .flat_map(|plane| {
            let weight = E::from_u64(1 << (8 * plane));
            outputs.iter().map(move |&value| value * weight)
        })
        .collect()
}

fn combine_rows<E: Ext>(rows: &[&[i8]], coefficients: &[E]) -> Vec<E> {
    match E::DEGREE {
        2 => from_limbs(kernels::combine_rows(rows, &to_limbs::<E, 2>(coefficients))),
        _ => from_limbs(kernels::combine_rows(rows, &to_limbs::<E, 3>(coefficients))),
    }
}

/// `B(k, i) = sum_{c: target(c) = (i, a)} a W(k, 0, c)` for `i < len`, row-major: weights whose outputs are columns.
pub(crate) fn bind_columns<E: Ext>(params: &Params, param: usize, target: impl Fn(usize) -> (usize, E), len: usize) -> Vec<E> {
    let [kernel, _, columns] = params.infos()[param].shape;
    let values = params.values(param);
    let mut bound = vec![E::ZERO; kernel * len];
    for (k, row) in values.chunks_exact(columns).enumerate() {
        for (c, &weight) in row.iter().enumerate() {
            let (i, coefficient) = target(c);
            bound[k * len + i] += coefficient * E::from_int(weight);
        }
    }
    bound
}

impl<E: Ext> ParamForm<E> {
    /// The form's value on the weights.
    pub(crate) fn evaluate(&self, params: &Params) -> E {
        let [kernel, num_outputs, columns] = params.infos()[self.param].shape;
        let mut outputs = eq_table(&self.output);
        outputs.truncate(num_outputs);
        let bound = bind_output(params, self.param, &outputs);
        let column = self.column.vector(columns);
        (0..kernel)
            .map(|k| {
                let row = &bound[k * columns..(k + 1) * columns];
                self.kernel[k] * row.iter().zip(&column).map(|(&a, &b)| a * b).sum::<E>()
            })
            .sum()
    }
}
