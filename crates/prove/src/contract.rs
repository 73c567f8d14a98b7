//! Integer tensors against forms: `<form, T>`, and `T` bound along its leading axes.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use veritorch_execute::{TensorData, TensorView, kernels};
use veritorch_sumcheck::field::int;
use veritorch_sumcheck::form::{kronecker, padded_index, padded_vars};
use veritorch_sumcheck::mle::Mle;
use veritorch_sumcheck::{Ext, F, Form};

/// Entries that the innermost contraction should at least run over.
const MIN_TAIL: usize = 256;

/// `<form, tensor>`.
pub(crate) fn contract<E: Ext>(data: &TensorData, shape: &[usize], form: &Form<E>) -> E {
    let (head, tail) = form.split(shape, MIN_TAIL);
    contract_rows(data, &tail).into_iter().zip(head).map(|(a, b)| a * b).sum()
}

/// `sum_l lead(l) T(l, ..)` as a polynomial on the cube of the remaining axes. Where the leading axes have one entry, its
/// coefficient is returned beside the tensor in the base field.
pub(crate) fn bind_leading<E: Ext>(data: &TensorData, rest: &[usize], lead: &[E]) -> (Mle<E>, E) {
    if let [single] = lead {
        return (base(data, rest), *single);
    }
    (Mle::new(pad(&contract_first(data.view(), lead), rest)), E::ONE)
}

/// The tensor on the cube of its padded axes.
pub(crate) fn base<E: Ext>(data: &TensorData, shape: &[usize]) -> Mle<E> {
    let len = 1 << padded_vars(shape);
    let mut values = vec![F::ZERO; len];
    if len == data.len() {
        values.par_iter_mut().enumerate().with_min_len(1 << 12).for_each(|(i, cell)| *cell = int(data.get(i)));
    } else {
        for (i, value) in data.iter().enumerate() {
            values[padded_index(shape, i)] = int(value);
        }
    }
    Mle::from_base(&values)
}

/// The values on the cube of padded axes, zero outside.
pub(crate) fn pad<E: Ext>(values: &[E], shape: &[usize]) -> Vec<E> {
    let len = 1 << padded_vars(shape);
    if len == values.len() {
        return values.to_vec();
    }
    let mut padded = vec![E::ZERO; len];
    for (i, &value) in values.iter().enumerate() {
        padded[padded_index(shape, i)] = value;
    }
    padded
}

/// `sum_j weight_j form_j` on the cube of padded axes.
pub(crate) fn combined<E: Ext>(shape: &[usize], forms: &[&Form<E>], weights: &[E]) -> Vec<E> {
    let mut sum = vec![E::ZERO; 1 << padded_vars(shape)];
    for (form, &weight) in forms.iter().zip(weights) {
        let (head, tail) = form.padded_split(shape, MIN_TAIL);
        sum.par_chunks_mut(tail.len()).zip(head).for_each(|(chunk, head)| {
            let factor = head * weight;
            chunk.iter_mut().zip(&tail).for_each(|(cell, &value)| *cell += factor * value);
        });
    }
    sum
}

/// The tensor contracted with a form on all axes but one, whose factor is at `position` and spans that axis alone.
pub(crate) fn contract_others<E: Ext>(
    data: &TensorData,
    shape: &[usize],
    form: &Form<E>,
    axis: usize,
    position: usize,
) -> Vec<E> {
    let vectors: Vec<Vec<E>> = form.spans(shape).map(|(span, factor)| factor.vector(span.iter().product())).collect();
    let (before, after) = vectors.split_at(position);
    let head = kronecker(before.iter().cloned());
    let rows = contract_rows(data, &kronecker(after.iter().skip(1).cloned()));
    let len = shape[axis];
    (0..len).map(|o| head.iter().zip(rows.iter().skip(o).step_by(len)).map(|(&a, &b)| a * b).sum()).collect()
}

/// `sum_n vector(n) T(.., n)`.
pub(crate) fn contract_rows<E: Ext>(data: &TensorData, vector: &[E]) -> Vec<E> {
    match E::DEGREE {
        2 => from_limbs(kernels::contract_last(data.view(), &to_limbs::<E, 2>(vector))),
        _ => from_limbs(kernels::contract_last(data.view(), &to_limbs::<E, 3>(vector))),
    }
}

/// `sum_m vector(m) T(l, m, k)` for all `l` and `k < inner`.
pub(crate) fn contract_row_blocks<E: Ext>(data: &TensorData, inner: usize, vector: &[E]) -> Vec<E> {
    let block = vector.len() * inner;
    let view = data.view();
    (0..view.len() / block).flat_map(|l| contract_first(view.slice(l * block, (l + 1) * block), vector)).collect()
}

fn contract_first<E: Ext>(view: TensorView<'_>, vector: &[E]) -> Vec<E> {
    match E::DEGREE {
        2 => from_limbs(kernels::contract_first(view, &to_limbs::<E, 2>(vector))),
        _ => from_limbs(kernels::contract_first(view, &to_limbs::<E, 3>(vector))),
    }
}

pub(crate) fn to_limbs<E: Ext, const D: usize>(values: &[E]) -> Vec<[u64; D]> {
    values
        .iter()
        .map(|value| {
            let mut limbs = [0; D];
            limbs.copy_from_slice(&value.limbs());
            limbs
        })
        .collect()
}

pub(crate) fn from_limbs<E: Ext, const D: usize>(values: Vec<[u64; D]>) -> Vec<E> {
    values.iter().map(|limbs| E::from_limbs(limbs)).collect()
}
