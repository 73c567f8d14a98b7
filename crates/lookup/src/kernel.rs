//! The loops that the time goes into: produce entries, store them, and sum a quadratic function of neighbours with weights.
//!
//! Entries are produced by index, so that folding, recomputation from integers and storage all pass through memory once.

use p3_field::{Algebra, PackedFieldExtension};
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::PackedE;

use crate::geometry::Weights;

/// Entries that one task works on.
pub(crate) const GRAIN: usize = 1 << 8;

/// What the kernels compute with: single or packed elements.
pub(crate) trait Element<E>: Algebra<E> + Copy + Send + Sync {}
impl<E: Ext, T: Algebra<E> + Copy + Send + Sync> Element<E> for T {}

// Bodies of loops are called at one place in the source each, so that they are inlined.

/// `[f(2 index), f(2 index + 1)]`.
#[inline(always)]
pub(crate) fn both<E, T: Element<E>, const K: usize>(index: usize, f: impl Fn(usize) -> [T; K]) -> [[T; K]; 2] {
    let mut out = [[T::ZERO; K]; 2];
    for (side, entry) in out.iter_mut().enumerate() {
        *entry = f(2 * index + side);
    }
    out
}

/// Counts through rows of `row` real entries that are stored with an even length.
#[derive(Clone, Copy)]
struct Rows {
    row: usize,
    position: usize,
    real: usize,
}

impl Rows {
    /// At stored entry `stored`.
    fn at(row: usize, stored: usize) -> Self {
        let len = row + row % 2;
        Self { row, position: stored % len, real: stored / len * row + stored % len }
    }

    /// The number of the real entry that is next, or nothing if it is filler.
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let real = self.real;
        let is_real = self.position < self.row;
        self.real += usize::from(is_real);
        self.position += 1;
        if self.position == self.row + self.row % 2 {
            self.position = 0;
        }
        is_real.then_some(real)
    }
}

/// Fills `out` with `produce(0), produce(1), ..`, `K` values each, every row of `row` entries rounded up to an even length by filler.
pub(crate) fn fill_rows<T: Copy + Send + Sync, const K: usize>(out: &mut [T], row: usize, filler: [T; K], produce: impl Fn(usize) -> [T; K] + Sync) {
    in_parallel(out, K * GRAIN, &|chunk, out| {
        let mut rows = Rows::at(row, chunk * GRAIN);
        for entry in out.as_chunks_mut::<K>().0 {
            // Not a `match` for the value, which would be built elsewhere and copied.
            if let Some(real) = rows.next() {
                *entry = produce(real);
            } else {
                *entry = filler;
            }
        }
    });
}

/// `sum_y f(y, weight(y))`, where `f` is linear in the weight; the weights of the lanes are left to the caller.
pub(crate) fn sum<E: Ext, T: Element<E>, const N: usize>(weights: &Weights<E>, f: impl Fn(usize, E) -> [T; N] + Sync) -> [T; N] {
    let tail = weights.tail.as_slice();
    sum_in_parallel::<E, T, N>(&mut [], 0, weights, &|block, _| {
        let mut sums = [T::ZERO; N];
        for (index, &weight) in tail.iter().enumerate() {
            for (sum, value) in sums.iter_mut().zip(f(block * tail.len() + index, weight)) {
                *sum += value;
            }
        }
        sums
    })
}

/// [`fill_rows`], and `sum_y weight(y) f(entry 2 y, entry 2 y + 1)` over what is stored.
pub(crate) fn fill_and_sum<E: Ext, T: Element<E>, const K: usize>(
    out: &mut [T],
    row: usize,
    filler: [T; K],
    weights: &Weights<E>,
    produce: impl Fn(usize) -> [T; K] + Sync,
    f: impl Fn(&[T; K], &[T; K]) -> [T; 2] + Sync,
) -> [T; 2] {
    let tail = weights.tail.as_slice();
    sum_in_parallel::<E, T, 2>(out, 2 * K, weights, &|block, out| {
        let mut rows = Rows::at(row, 2 * block * tail.len());
        let mut sums = [T::ZERO; 2];
        for (pair, &weight) in out.as_chunks_mut::<K>().0.as_chunks_mut::<2>().0.iter_mut().zip(tail) {
            for entry in pair.iter_mut() {
                if let Some(real) = rows.next() {
                    *entry = produce(real);
                } else {
                    *entry = filler;
                }
            }
            let [a, b] = &*pair;
            let values = f(a, b);
            sums[0] += values[0] * weight;
            sums[1] += values[1] * weight;
        }
        sums
    })
}

/// The sum over the lanes, with their weights.
pub(crate) fn lanes<E: Ext>(weights: &Weights<E>, sum: PackedE<E>) -> E {
    weights.lanes.iter().enumerate().map(|(lane, &weight)| weight * sum.extract(lane)).sum()
}

/// `f` on each item, in parallel if that is worth it.
pub(crate) fn map<A: Send, B: Send>(items: Vec<A>, parallel: bool, f: impl Fn(A) -> B + Send + Sync) -> Vec<B> {
    if parallel { items.into_par_iter().map(f).collect() } else { items.into_iter().map(f).collect() }
}

// The loops over tasks take their bodies as trait objects: one call for each task, and one copy of the scheduling in the binary.

fn in_parallel<T: Send>(out: &mut [T], len: usize, part: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.len() <= len {
        return part(0, out);
    }
    out.par_chunks_mut(len).enumerate().for_each(|(chunk, out)| part(chunk, out));
}

/// `sum_block head(block) part(block, its share of out)`, where `out` holds `values` values for each pair.
fn sum_in_parallel<E: Ext, T: Element<E>, const N: usize>(
    out: &mut [T],
    values: usize,
    weights: &Weights<E>,
    part: &(dyn Fn(usize, &mut [T]) -> [T; N] + Sync),
) -> [T; N] {
    let tail = weights.tail.len();
    // Blocks of one task.
    let blocks = GRAIN.div_ceil(tail);
    let share = values * tail;
    let task = |first: usize, head: &[E], mut out: &mut [T]| {
        let mut sums = [T::ZERO; N];
        for (index, &weight) in head.iter().enumerate() {
            let (own, rest) = std::mem::take(&mut out).split_at_mut(share);
            out = rest;
            for (sum, value) in sums.iter_mut().zip(part(first + index, own)) {
                *sum += value * weight;
            }
        }
        sums
    };
    let heads = weights.head.chunks(blocks);
    if heads.len() == 1 {
        return task(0, &weights.head, out);
    }
    let mut shares: Vec<(usize, &[E], &mut [T])> = Vec::with_capacity(heads.len());
    let mut rest = out;
    for (index, head) in heads.enumerate() {
        let (own, tail) = rest.split_at_mut(share * head.len());
        rest = tail;
        shares.push((index * blocks, head, own));
    }
    let add = |a: [T; N], b: [T; N]| std::array::from_fn(|n| a[n] + b[n]);
    shares.into_par_iter().map(|(first, head, out)| task(first, head, out)).reduce(|| [T::ZERO; N], add)
}
