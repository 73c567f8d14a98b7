//! Convolution whose groups have one channel: `y[n, o, h, w] = sum_{i, j} W[i * kw + j, o] * x[n, g(o), ..]`,
//! as one pass over a row of the result per kernel tap.

use rayon::prelude::*;

use super::conv::Shapes;
use super::segment::Accumulator;
use crate::Params;
use crate::data::{Entry, Width};

pub(super) fn depthwise<S: Entry, T: Entry>(
    x: &[S],
    params: &Params,
    param: usize,
    shapes: &Shapes,
    width: Width,
) -> Vec<T> {
    let weights = params.values(param);
    let area: usize = shapes.output.iter().product();
    let mut y = vec![T::default(); shapes.samples * shapes.outputs * area];
    y.par_chunks_mut(area).enumerate().for_each(|(index, y)| {
        let (n, o) = (index / shapes.outputs, index % shapes.outputs);
        let channel = o / shapes.group().1;
        let [h_len, w_len] = shapes.input;
        let plane = &x[(n * shapes.channels + channel) * h_len * w_len..][..h_len * w_len];
        if width == Width::W64 {
            filter::<i64, S, T>(plane, &weights, o, shapes, y);
        } else {
            filter::<i32, S, T>(plane, &weights, o, shapes, y);
        }
    });
    y
}

fn filter<A: Accumulator, S: Entry, T: Entry>(x: &[S], weights: &[i64], o: usize, shapes: &Shapes, y: &mut [T]) {
    let g = &shapes.geometry;
    let [h_len, w_len] = shapes.input;
    let columns = shapes.output[1];
    let mut sums = vec![A::default(); columns];
    for (h, y) in y.chunks_exact_mut(columns).enumerate() {
        sums.fill(A::default());
        for i in 0..g.kernel[0] {
            let Some(row) = (h * g.strides[0] + i * g.dilations[0]).checked_sub(g.pads[0]) else { continue };
            if row >= h_len {
                continue;
            }
            let x = &x[row * w_len..][..w_len];
            for j in 0..g.kernel[1] {
                let weight = A::wrap(weights[(i * g.kernel[1] + j) * shapes.outputs + o]);
                // Output w reads w * stride + tap - pad, which must lie in 0 .. w_len.
                let (tap, stride, pad) = (j * g.dilations[1], g.strides[1], g.pads[1]);
                let first = pad.saturating_sub(tap).div_ceil(stride);
                let end = (w_len + pad).saturating_sub(tap).div_ceil(stride).min(columns);
                if first >= end {
                    continue;
                }
                let x = &x[first * stride + tap - pad..];
                A::add_scaled(&mut sums[first..end], x, stride, weight);
            }
        }
        for (y, sum) in y.iter_mut().zip(&sums) {
            *y = T::wrap(sum.value());
        }
    }
}
