//! Fully connected layer: `y[m, n] = sum_k x[m, k] * w[n, k]`; where x is mostly zeros (one of many), by its ones alone.

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
    if x_bounds == (0, 1)
        && let Some(ones) = with_entries!(x, |x| few_ones(x))
    {
        return sums_of_columns(&ones, x.len() / len, (params, param), width);
    }
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

/// Indices of the ones among zeros, if these are fewer than one in 32.
fn few_ones<T: Entry>(x: &[T]) -> Option<Vec<usize>> {
    let most = x.len() / 32;
    let ones: Vec<usize> = (0..x.len()).filter(|&at| x[at].wide() != 0).take(most + 1).collect();
    (ones.len() <= most).then_some(ones)
}

/// `y[m, n] = sum_k w[n, k]` over the ones at `m * len + k`, ascending.
fn sums_of_columns(ones: &[usize], rows: usize, (params, param): (&Params, usize), width: Width) -> TensorData {
    let [_, outputs, len] = params.infos()[param].shape;
    build_entries!(width, |T| {
        let mut y = vec![<T>::default(); rows * outputs];
        y.par_chunks_mut(outputs).enumerate().for_each(|(m, y)| {
            let columns = &ones[ones.partition_point(|&at| at < m * len)..ones.partition_point(|&at| at < (m + 1) * len)];
            for (n, y) in y.iter_mut().enumerate() {
                let sum = columns.iter().map(|&at| params.value(param, n * len + at % len)).fold(0, i64::wrapping_add);
                *y = <T as Entry>::wrap(sum);
            }
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
