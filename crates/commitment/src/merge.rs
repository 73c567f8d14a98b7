//! The weights `K = sum_j w_j form_j` of a merged claim `sum_x C(x) K(x) = sum_j w_j value_j` on a stack.
//!
//! A form is rank one, `head (x) tail` on its tensor's block, so the prover adds scaled copies of the tail; the verifier
//! evaluates `K(x) = sum_j w_j eq(prefix_j, x_head) form_j(x_tail)` from the factors, or `K(row, x)` for each row of the stack cut
//! into rows.

use p3_field::{PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::field::{Ext, PackedE, PackedF};
use veritorch_sumcheck::mle::pack;
use veritorch_sumcheck::{F, Factor, Form};

use crate::stack::StackLayout;

/// Packed cells that one task adds to.
const CHUNK: usize = 1 << 8;
/// Shortest tail that a form is split into, in cells.
const MIN_TAIL: usize = 1 << 9;

/// A tail, in the base field where it is a vector of powers.
enum Tail<E: Ext> {
    Base(Vec<PackedF>),
    Extension(Vec<PackedE<E>>),
}

/// A weighted form on one tensor: `head (x) tail`, the weight in the head.
struct Part<E: Ext> {
    head: Vec<E>,
    tail: Tail<E>,
}

/// `K` over the `num_cells` cells of a stack and what fills it up, from `(tensor, w_j, form_j)`.
pub(crate) fn weights<E: Ext>(layout: &StackLayout, forms: &[(usize, E, &Form<E>)], num_cells: usize) -> Vec<PackedE<E>> {
    let width = PackedF::WIDTH;
    let mut by_tensor: Vec<Vec<(E, &Form<E>)>> = vec![Vec::new(); layout.num_tensors()];
    for &(tensor, weight, form) in forms {
        by_tensor[tensor].push((weight, form));
    }
    let mut packed = PackedE::<E>::zero_vec(num_cells / width);
    let mut rest = packed.as_mut_slice();
    let mut blocks = Vec::new();
    // Blocks lie by falling size, so that those narrower than a vector share what is left of the stack.
    let mut narrow: Vec<E> = Vec::new();
    for &tensor in layout.order() {
        let len = 1usize << layout.block_vars(tensor);
        if len >= width {
            let (block, tail) = rest.split_at_mut(len / width);
            rest = tail;
            blocks.push((tensor, block));
        } else {
            let mut cells = vec![E::ZERO; len];
            for &(power, form) in &by_tensor[tensor] {
                let (_, vector) = form.padded_split(layout.shape(tensor), usize::MAX);
                cells.iter_mut().zip(vector).for_each(|(cell, value)| *cell += power * value);
            }
            narrow.extend(cells);
        }
    }
    narrow.resize(narrow.len().next_multiple_of(width), E::ZERO);
    rest.iter_mut().zip(pack(&narrow)).for_each(|(cell, value)| *cell = value);

    blocks.into_par_iter().for_each(|(tensor, block)| add_claims(layout.shape(tensor), &by_tensor[tensor], block));
    packed
}

/// Adds weighted forms on a tensor to its block, which is at least one vector wide.
pub(crate) fn add_claims<E: Ext>(shape: &[usize], claims: &[(E, &Form<E>)], block: &mut [PackedE<E>]) {
    if claims.is_empty() {
        return;
    }
    let parts = split_all(shape, claims);
    block.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
        for part in &parts {
            match &part.tail {
                Tail::Base(tail) => add(&part.head, tail, chunk * CHUNK, out),
                Tail::Extension(tail) => add(&part.head, tail, chunk * CHUNK, out),
            }
        }
    });
}

/// Splits forms. Those that differ in the vector of a long last axis only are added up along that axis first:
/// `sum_j w_j (u (x) v_j) = u (x) sum_j w_j v_j`.
fn split_all<E: Ext>(shape: &[usize], claims: &[(E, &Form<E>)]) -> Vec<Part<E>> {
    let mut alone = Vec::new();
    let mut families: Vec<Vec<(E, &Form<E>)>> = Vec::new();
    for &(weight, form) in claims {
        let long = match form.factors.as_slice() {
            [_, .., (1, _)] => shape.last().is_some_and(|len| *len >= MIN_TAIL),
            _ => false,
        };
        if !long {
            alone.push((weight, form));
        } else if let Some(family) = families.iter_mut().find(|family| outer(family[0].1) == outer(form)) {
            family.push((weight, form));
        } else {
            families.push(vec![(weight, form)]);
        }
    }
    alone.extend(families.extract_if(.., |family| family.len() == 1).flatten());
    let mut parts: Vec<Part<E>> = alone.par_iter().map(|&(weight, form)| split(shape, weight, form)).collect();
    for family in families {
        let (axes, last) = (&shape[..shape.len() - 1], &shape[shape.len() - 1..]);
        let vectors: Vec<(E, Form<E>)> =
            family.iter().map(|(weight, form)| (*weight, Form { factors: form.factors[form.factors.len() - 1..].to_vec() })).collect();
        let vectors: Vec<(E, &Form<E>)> = vectors.iter().map(|(weight, form)| (*weight, form)).collect();
        let mut tail = vec![PackedE::<E>::ZERO; last[0].next_power_of_two() / PackedF::WIDTH];
        add_claims(last, &vectors, &mut tail);
        let (_, head) = Form { factors: outer(family[0].1).to_vec() }.padded_split(axes, usize::MAX);
        parts.push(Part { head, tail: Tail::Extension(tail) });
    }
    parts
}

/// All factors but the last.
fn outer<E>(form: &Form<E>) -> &[(usize, Factor<E>)] {
    &form.factors[..form.factors.len() - 1]
}

/// Adds cells `start ..` of `head (x) tail` to `out`; all lengths and `start` in packed cells, lengths powers of two.
fn add<E: Ext, T: Copy>(head: &[E], tail: &[T], start: usize, out: &mut [PackedE<E>])
where
    PackedE<E>: std::ops::Mul<T, Output = PackedE<E>>,
{
    let within = start % tail.len();
    let first = start / tail.len();
    for (out, &scale) in out.chunks_mut(tail.len()).zip(&head[first..]) {
        if scale == E::ZERO {
            continue;
        }
        let scale = PackedE::<E>::from(scale);
        out.iter_mut().zip(&tail[within..]).for_each(|(out, &value)| *out += scale * value);
    }
}

/// Splits a form on a block of at least one vector, so that the tail is at least `MIN_TAIL` long or the whole block.
fn split<E: Ext>(shape: &[usize], weight: E, form: &Form<E>) -> Part<E> {
    let (shape, form) = refine(shape, form);
    let last = form.factors.last().zip(shape.last());
    if let Some(((1, Factor::Powers(base)), &len)) = last
        && len >= MIN_TAIL
    {
        let outer = Form { factors: form.factors[..form.factors.len() - 1].to_vec() };
        let (_, mut head) = outer.padded_split(&shape[..shape.len() - 1], usize::MAX);
        head.iter_mut().for_each(|value| *value *= weight);
        let mut powers: Vec<F> = base.powers().take(len).collect();
        powers.resize(len.next_power_of_two(), F::ZERO);
        return Part { head, tail: Tail::Base(PackedF::pack_slice(&powers).to_vec()) };
    }
    let (mut head, tail) = form.padded_split(&shape, MIN_TAIL);
    head.iter_mut().for_each(|value| *value *= weight);
    Part { head, tail: Tail::Extension(pack(&tail)) }
}

/// Cuts long axes whose vector is itself a Kronecker product: `eq((a, b), (i, j)) = eq(a, i) eq(b, j)`, and
/// `x^(i n + j) = (x^n)^i x^j`.
fn refine<E: Ext>(shape: &[usize], form: &Form<E>) -> (Vec<usize>, Form<E>) {
    let mut axes = Vec::with_capacity(shape.len() + 1);
    let mut factors = Vec::with_capacity(form.factors.len() + 1);
    for (span, factor) in form.spans(shape) {
        match (span, factor) {
            (&[len], Factor::Eq(point)) if len > MIN_TAIL && len.is_power_of_two() => {
                let (high, low) = point.split_at(point.len() - MIN_TAIL.trailing_zeros() as usize);
                axes.extend([len / MIN_TAIL, MIN_TAIL]);
                factors.extend([(1, Factor::Eq(high.to_vec())), (1, Factor::Eq(low.to_vec()))]);
            }
            (&[len], Factor::Powers(base)) if len > MIN_TAIL && len.is_power_of_two() => {
                axes.extend([len / MIN_TAIL, MIN_TAIL]);
                factors.extend([
                    (1, Factor::Powers(base.exp_u64(MIN_TAIL as u64))),
                    (1, Factor::Powers(*base)),
                ]);
            }
            _ => {
                axes.extend_from_slice(span);
                factors.push((span.len(), factor.clone()));
            }
        }
    }
    (axes, Form { factors })
}

/// `K(x)`.
pub(crate) fn evaluate<E: Ext>(layout: &StackLayout, forms: &[(usize, E, &Form<E>)], point: &[E]) -> E {
    forms
        .iter()
        .map(|&(tensor, weight, form)| {
            let (head, tail) = point.split_at(layout.num_vars() - layout.block_vars(tensor));
            let prefix = layout.offset(tensor) >> layout.block_vars(tensor);
            weight * selector(prefix, head) * form.evaluate(layout.shape(tensor), tail)
        })
        .sum()
}

/// `K(row, x)` for each of `num_rows` rows of `2^(number of coordinates)` cells.
pub(crate) fn evaluate_rows<E: Ext>(layout: &StackLayout, forms: &[(usize, E, &Form<E>)], num_rows: usize, point: &[E]) -> Vec<E> {
    let mut rows = vec![E::ZERO; num_rows];
    for &(tensor, weight, form) in forms {
        let vars = layout.block_vars(tensor);
        let first_row = layout.offset(tensor) >> point.len();
        let shape = layout.shape(tensor);
        if let Some(head_vars) = vars.checked_sub(point.len()) {
            for (index, row) in rows.iter_mut().skip(first_row).take(1 << head_vars).enumerate() {
                let head = (0..head_vars).rev().map(|bit| if index >> bit & 1 == 1 { E::ONE } else { E::ZERO });
                let point: Vec<E> = head.chain(point.iter().copied()).collect();
                *row += weight * form.evaluate(shape, &point);
            }
        } else {
            let (head, tail) = point.split_at(point.len() - vars);
            let prefix = layout.offset(tensor) >> vars;
            if let Some(row) = rows.get_mut(first_row) {
                *row += weight * selector(prefix, head) * form.evaluate(shape, tail);
            }
        }
    }
    rows
}

/// `eq(prefix, head)` for the low bits of a prefix.
fn selector<E: Ext>(prefix: usize, head: &[E]) -> E {
    head.iter().rev().enumerate().map(|(bit, &x)| if prefix >> bit & 1 == 1 { x } else { E::ONE - x }).product()
}

#[cfg(test)]
mod tests {
    use veritorch_sumcheck::mle::Mle;
    use veritorch_sumcheck::{E2, E3};

    use super::*;

    fn ext<E: Ext>(seed: u64) -> E {
        E::from_basis_coefficients_fn(|d| F::from_u64((seed + 17 * d as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2))
    }

    fn exts<E: Ext>(count: usize, seed: u64) -> Vec<E> {
        (0..count as u64).map(|i| ext(i + 1000 * seed)).collect()
    }

    fn weights_evaluate_to_the_forms<E: Ext>() {
        let shapes = [vec![3, 40], vec![2, 4096], vec![5], vec![], vec![3, 7, 4, 50], vec![2048], vec![2, 2], vec![1, 1], vec![2, 1777]];
        let layout = StackLayout::new(&shapes);
        let forms: Vec<(usize, Form<E>)> = vec![
            (4, Form { factors: vec![(2, Factor::Explicit(exts(21, 1))), (1, Factor::Eq(exts(2, 2))), (1, Factor::Eq(exts(6, 3)))] }),
            (0, Form::at_point(&shapes[0], &exts(8, 4))),
            (1, Form::separable(vec![Factor::Explicit(exts(2, 5)), Factor::Powers(F::from_u64(77))])),
            (1, Form::separable(vec![Factor::Eq(exts(1, 6)), Factor::Eq(exts(12, 7))])),
            (2, Form::joint(1, exts(5, 8))),
            (3, Form { factors: vec![] }),
            (5, Form::separable(vec![Factor::Powers(F::from_u64(5))])),
            (6, Form::joint(2, exts(4, 9))),
            (1, Form::joint(2, exts(8192, 10))),
            (7, Form::joint(2, exts(1, 12))),
            (1, Form::separable(vec![Factor::Explicit(exts(2, 5)), Factor::Powers(F::from_u64(78))])),
            (1, Form::separable(vec![Factor::Explicit(exts(2, 5)), Factor::Eq(exts(12, 13))])),
            (5, Form::separable(vec![Factor::Powers(F::from_u64(6))])),
            (8, Form::separable(vec![Factor::Explicit(exts(2, 5)), Factor::Powers(F::from_u64(9))])),
            (8, Form::separable(vec![Factor::Explicit(exts(2, 5)), Factor::Powers(F::from_u64(10))])),
            (8, Form::separable(vec![Factor::Explicit(exts(2, 14)), Factor::Powers(F::from_u64(11))])),
        ];
        let forms: Vec<(usize, E, &Form<E>)> =
            ext::<E>(99).powers().zip(&forms).map(|(weight, (tensor, form))| (*tensor, weight, form)).collect();
        let point: Vec<E> = exts(layout.num_vars(), 11);
        let table = weights(&layout, &forms, 1 << layout.num_vars());
        let whole = Mle::Packed(table.clone());
        assert_eq!(whole.num_vars(), layout.num_vars());
        assert_eq!(whole.evaluate(&point), evaluate(&layout, &forms, &point));
        for log_cells in [9, 11, 13] {
            let point = &point[point.len() - log_cells..];
            let num_rows = layout.num_cells().div_ceil(1 << log_cells);
            let rows = table.chunks((1 << log_cells) / PackedF::WIDTH).map(|row| Mle::Packed(row.to_vec()).evaluate(point));
            assert_eq!(rows.take(num_rows).collect::<Vec<E>>(), evaluate_rows(&layout, &forms, num_rows, point));
        }
    }

    #[test]
    fn prover_and_verifier_have_the_same_weights() {
        weights_evaluate_to_the_forms::<E2>();
        weights_evaluate_to_the_forms::<E3>();
    }
}
