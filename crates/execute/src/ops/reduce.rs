//! Sums over an axis, whole or by windows: the axis maps that read several entries per result.

use rayon::prelude::*;
use veritorch_graph::circuit::AxisMap;

use crate::data::{Entry, TensorView, with_entries};

/// A tensor with some axes summed; entries are exact modulo `2^64`.
pub(super) struct Reduced {
    pub(super) values: Vec<i64>,
    pub(super) shape: Vec<usize>,
}

/// `y[.., j, ..] = sum_i m[j, i] x[.., i, ..]` on one axis with `output_len` results.
pub(super) fn reduce_axis(
    x: TensorView<'_>,
    shape: &[usize],
    axis: usize,
    map: Option<&AxisMap>,
    output_len: usize,
) -> Reduced {
    let len = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    // Results whose sources are `sources[starts[j] .. starts[j + 1]]`.
    let mut starts = vec![0; output_len + 1];
    let mut sources = Vec::new();
    match map {
        None => {
            sources.extend((0..len).map(|i| (i, 1)));
            starts[1] = len;
        }
        Some(map) => {
            for (j, i, factor) in map.entries(len, output_len) {
                sources.push((i, factor));
                starts[j + 1] = sources.len();
            }
            for j in 0..output_len {
                starts[j + 1] = starts[j + 1].max(starts[j]);
            }
        }
    }
    let mut values = vec![0i64; outer * output_len * inner];
    with_entries!(x, |x| values.par_chunks_mut(output_len * inner).zip(x.par_chunks(len * inner)).for_each(|(y, x)| {
        if map.is_none() && inner == 1 {
            y[0] = x.iter().fold(0i64, |sum, x| sum.wrapping_add(x.wide()));
            return;
        }
        for (j, y) in y.chunks_exact_mut(inner).enumerate() {
            for &(i, factor) in &sources[starts[j]..starts[j + 1]] {
                for (y, x) in y.iter_mut().zip(&x[i * inner..][..inner]) {
                    *y = y.wrapping_add(x.wide().wrapping_mul(factor));
                }
            }
        }
    }));
    let mut shape = shape.to_vec();
    shape[axis] = output_len;
    Reduced { values, shape }
}
