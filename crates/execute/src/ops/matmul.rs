//! Product of activations: `y[l, m, n] = sum_k a[l, m, k] * b[l, k, n]`.

use rayon::prelude::*;

use super::gemm::{Digit, Left, Plan, word};
use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};
use crate::simd::{LANES, ROWS};

struct Rows<'a, T> {
    a: &'a [T],
    len: usize,
}

impl<T: Entry> Left for Rows<'_, T> {
    fn fill(&self, row: usize, digit: Digit, line: &mut [i16]) {
        let values = &self.a[row * self.len..][..self.len];
        line.iter_mut().zip(values).for_each(|(entry, &value)| *entry = digit.of(value.wide()));
    }
}

/// The products of `[.., M, K]` and `[.., K, N]`; each operand comes with its shape and its static bounds.
pub(crate) fn matmul(
    (a, a_shape, a_bounds): (TensorView<'_>, &[usize], (i64, i64)),
    (b, b_shape, b_bounds): (TensorView<'_>, &[usize], (i64, i64)),
    width: Width,
) -> TensorData {
    let (rows, inner) = (a_shape[a_shape.len() - 2], a_shape[a_shape.len() - 1]);
    let columns = b_shape[b_shape.len() - 1];
    let steps = inner.div_ceil(LANES);
    let plan = Plan::new(a_bounds, b_bounds, width, &[(0, steps)]);
    build_entries!(width, |T| {
        let mut y = vec![<T>::default(); a.len() / inner * columns];
        y.par_chunks_mut(rows * columns).enumerate().for_each(|(lead, y)| {
            let b = b.slice(lead * inner * columns, (lead + 1) * inner * columns);
            let words: Vec<Vec<i16>> =
                (0..plan.num_words).map(|i| with_entries!(b, |b| transposed(b, columns, i))).collect();
            with_entries!(a.slice(lead * rows * inner, (lead + 1) * rows * inner), |a| {
                let left = Rows { a, len: inner };
                y.par_chunks_mut(4 * ROWS * columns).enumerate().for_each(|(block, y)| {
                    let first = 4 * ROWS * block;
                    let block = first..rows.min(first + 4 * ROWS);
                    plan.multiply(&left, block, &words, columns, |q| q * steps * LANES, |m, n, value| {
                        y[m * columns + n] = <T as Entry>::wrap(value);
                    });
                });
            });
        });
        y
    })
}

/// Word `i` of a `[K, N]` matrix as `[N, K]`, rows padded to whole steps.
fn transposed<T: Entry>(b: &[T], columns: usize, i: usize) -> Vec<i16> {
    let padded = (b.len() / columns).next_multiple_of(LANES);
    let mut words = vec![0; columns * padded];
    for (k, row) in b.chunks_exact(columns).enumerate() {
        for (n, &value) in row.iter().enumerate() {
            words[n * padded + k] = word(value, i);
        }
    }
    words
}
