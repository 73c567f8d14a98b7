//! Public noise, and the entry at a place of each line's order.

use rayon::prelude::*;
use veritorch_graph::circuit::noise::noise;

use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};

/// `samples` times `len` entries of a table, each sample's by its part of the seeds.
pub(crate) fn noise_of(seeds: TensorView<'_>, (samples, len): (usize, usize), values: &[i32], width: Width) -> TensorData {
    let own = seeds.len() / samples;
    let seed = |sample: usize| -> Vec<i64> {
        with_entries!(seeds, |seeds| seeds[sample * own..(sample + 1) * own].iter().map(|word| word.wide()).collect())
    };
    build_entries!(width, |T| {
        let mut y = vec![<T>::default(); samples * len];
        y.par_chunks_mut(len.max(1)).enumerate().for_each(|(sample, y)| {
            y.iter_mut().zip(noise(&seed(sample), values, len)).for_each(|(y, entry)| *y = <T as Entry>::wrap(entry));
        });
        y
    })
}

/// The `rank`-th greatest entry of each line of so many.
pub(crate) fn largest(x: TensorView<'_>, extent: usize, rank: usize, width: Width) -> TensorData {
    build_entries!(width, |T| with_entries!(x, |x| {
        x.par_chunks(extent).map(|line| <T as Entry>::wrap(place(line, rank))).collect()
    }))
}

fn place<S: Entry>(line: &[S], rank: usize) -> i64 {
    let mut line: Vec<i64> = line.iter().map(|entry| entry.wide()).collect();
    *line.select_nth_unstable_by(rank - 1, |a, b| b.cmp(a)).1
}
