//! Fully connected layer: `y[m, n] = sum_k x[m, k] * w[n, k]`.

use rayon::prelude::*;

use super::gemm::{Digit, Left, Plan, word};
use crate::Params;
use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};
use crate::simd::LANES;

/// Outputs of one task.
const BLOCK: usize = 32;

struct Weights<'a> {
    params: &'a Params,
    param: usize,
    len: usize,
}

impl Left for Weights<'_> {
    fn fill(&self, row: usize, digit: Digit, line: &mut [i16]) {
        let num_planes = self.params.infos()[self.param].num_planes;
        self.params.fill(self.param, num_planes, row * self.len, digit, &mut line[..self.len]);
    }
}

/// The layer on activations within `x_bounds`, whose last axis the weights of shape `[1, N, K]` contract.
pub(crate) fn dense(
    (x, x_bounds): (TensorView<'_>, (i64, i64)),
    (params, param): (&Params, usize),
    width: Width,
) -> TensorData {
    let [_, outputs, len] = params.infos()[param].shape;
    let steps = len.div_ceil(LANES);
    let plan = Plan::new(params.bounds(param), x_bounds, width, &[(0, steps)]);
    let words: Vec<Vec<i16>> =
        (0..plan.num_words).map(|i| with_entries!(x, |x| padded_rows(x, len, i))).collect();
    let weights = Weights { params, param, len };
    let rows = x.len() / len;
    build_entries!(width, |T| {
        let mut y = vec![<T>::default(); rows * outputs];
        let mut tasks: Vec<Vec<&mut [T]>> =
            (0..outputs.div_ceil(BLOCK)).map(|_| Vec::with_capacity(rows)).collect();
        for row in y.chunks_mut(outputs) {
            row.chunks_mut(BLOCK).zip(&mut tasks).for_each(|(part, task)| task.push(part));
        }
        tasks.into_par_iter().enumerate().for_each(|(task, mut parts)| {
            let block = task * BLOCK..outputs.min((task + 1) * BLOCK);
            plan.multiply(&weights, block, &words, rows, |q| q * steps * LANES, |n, m, value| {
                parts[m][n] = <T as Entry>::wrap(value);
            });
        });
        y
    })
}

/// Word `i` of each row, padded to whole steps.
pub(super) fn padded_rows<T: Entry>(x: &[T], len: usize, i: usize) -> Vec<i16> {
    let padded = len.next_multiple_of(LANES);
    let mut words = vec![0; x.len() / len * padded];
    words.par_chunks_mut(padded).with_min_len(16).zip(x.par_chunks(len)).for_each(|(words, row)| {
        words.iter_mut().zip(row).for_each(|(entry, &value)| *entry = word(value, i));
    });
    words
}
