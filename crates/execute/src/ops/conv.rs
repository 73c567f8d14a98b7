//! Convolution: `y[n, o, h, w] = sum_{c, i, j} W[i * kw + j, o, c] * x[n, c, h*sh + i*dh - ph, w*sw + j*dw - pw]`.
//!
//! Activations are laid out once with channels last and zero borders, so that a kernel row is one contiguous run
//! `(j, c)` for every output position; no im2col. Depthwise groups have a loop of their own.

use rayon::prelude::*;
use veritorch_graph::circuit::ConvGeometry;

use super::depthwise::depthwise;
use super::gemm::{Digit, Left, Plan, word};
use crate::Params;
use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};
use crate::simd::LANES;

/// Positions of one sample that a task covers when there are many.
const POSITIONS: usize = 1024;

/// Shapes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shapes {
    pub(super) samples: usize,
    pub(super) channels: usize,
    pub(super) input: [usize; 2],
    pub(super) outputs: usize,
    pub(super) output: [usize; 2],
    pub(super) geometry: ConvGeometry,
}

impl Shapes {
    fn new(x: &[usize], y: &[usize], geometry: ConvGeometry) -> Self {
        let (lead, x) = x.split_at(x.len() - 3);
        let y = &y[y.len() - 3..];
        Self {
            samples: lead.iter().product(),
            channels: x[0],
            input: [x[1], x[2]],
            outputs: y[0],
            output: [y[1], y[2]],
            geometry,
        }
    }

    /// Channels and outputs of one group.
    pub(super) fn group(&self) -> (usize, usize) {
        (self.channels / self.geometry.groups, self.outputs / self.geometry.groups)
    }

    /// Extents with borders: exactly what the output positions read.
    fn padded(&self) -> [usize; 2] {
        let g = &self.geometry;
        std::array::from_fn(|a| (self.output[a] - 1) * g.strides[a] + (g.kernel[a] - 1) * g.dilations[a] + 1)
    }
}

/// The convolution of activations within `x_bounds`, in the smallest type for the result's range.
pub(crate) fn conv(
    (x, x_shape, x_bounds): (TensorView<'_>, &[usize], (i64, i64)),
    (params, param): (&Params, usize),
    geometry: ConvGeometry,
    (y_shape, width): (&[usize], Width),
) -> TensorData {
    let shapes = Shapes::new(x_shape, y_shape, geometry);
    build_entries!(width, |T| {
        if shapes.group().0 == 1 && shapes.channels > 1 {
            with_entries!(x, |x| depthwise(x, params, param, &shapes, width))
        } else {
            direct::<T>(x, x_bounds, params, param, &shapes, width)
        }
    })
}

/// Rows of the weight as `(kernel row, kernel column and channel)`, or one run per tap under dilation.
struct Kernel<'a> {
    params: &'a Params,
    param: usize,
    taps: usize,
    outputs: usize,
    channels: usize,
    /// Taps of one run.
    merged: usize,
    /// Entries of one run with its padding.
    run: usize,
}

impl Left for Kernel<'_> {
    fn fill(&self, row: usize, digit: Digit, line: &mut [i16]) {
        let num_planes = self.params.infos()[self.param].num_planes;
        for tap in 0..self.taps {
            let start = (tap * self.outputs + row) * self.channels;
            let at = tap / self.merged * self.run + tap % self.merged * self.channels;
            let line = &mut line[at..at + self.channels];
            self.params.fill(self.param, num_planes, start, digit, line);
        }
    }
}

impl Params {
    /// Writes one digit of consecutive weights.
    #[inline]
    pub(super) fn fill(&self, param: usize, num_planes: usize, start: usize, digit: Digit, line: &mut [i16]) {
        let end = start + line.len();
        if num_planes == 1 && digit == Digit::Whole {
            let weights = &self.plane(param, 0)[start..end];
            line.iter_mut().zip(weights).for_each(|(entry, &w)| *entry = i16::from(w));
            return;
        }
        match digit {
            // Balanced bytes are the planes themselves; a plane beyond the last is zero.
            Digit::Byte(plane) if plane as usize >= num_planes => line.fill(0),
            Digit::Byte(plane) => {
                let weights = &self.plane(param, plane as usize)[start..end];
                line.iter_mut().zip(weights).for_each(|(entry, &w)| *entry = i16::from(w));
            }
            Digit::Whole | Digit::Low | Digit::High => {
                line.fill(0);
                for plane in (0..num_planes).rev() {
                    let weights = &self.plane(param, plane)[start..end];
                    line.iter_mut().zip(weights).for_each(|(entry, &w)| {
                        *entry = entry.wrapping_mul(256).wrapping_add(i16::from(w));
                    });
                }
                line.iter_mut().for_each(|entry| *entry = digit.of(i64::from(*entry)));
            }
        }
    }
}

fn direct<T: Entry>(
    x: TensorView<'_>,
    x_bounds: (i64, i64),
    params: &Params,
    param: usize,
    shapes: &Shapes,
    width: Width,
) -> Vec<T> {
    let g = &shapes.geometry;
    let (group_channels, group_outputs) = shapes.group();
    let [height, row] = shapes.padded();
    let merged = if g.dilations[1] == 1 { g.kernel[1] } else { 1 };
    let steps = (merged * group_channels).div_ceil(LANES);
    let taps = g.kernel[0] * g.kernel[1];
    let runs: Vec<(usize, usize)> = (0..taps)
        .step_by(merged)
        .map(|tap| {
            let (i, j) = (tap / g.kernel[1], tap % g.kernel[1]);
            ((i * g.dilations[0] * row + j * g.dilations[1]) * group_channels, steps)
        })
        .collect();
    let plan = Plan::new(params.bounds(param), x_bounds, width, &runs);
    let words: Vec<Vec<i16>> =
        (0..plan.num_words).map(|i| with_entries!(x, |x| channels_last(x, i, shapes))).collect();
    let kernel = Kernel {
        params,
        param,
        taps,
        outputs: shapes.outputs,
        channels: group_channels,
        merged,
        run: steps * LANES,
    };

    // Tasks: a piece of the positions of all samples, for a block of outputs of one group.
    let [_, columns] = shapes.output;
    let positions: usize = shapes.output.iter().product();
    let piece = if positions >= 2 * POSITIONS { POSITIONS } else { positions };
    let block = if positions * shapes.samples >= 64 { 4 } else { 16 };
    let blocks = group_outputs.div_ceil(block);
    let num_tasks = positions.div_ceil(piece) * g.groups * blocks;
    let mut y = vec![T::default(); shapes.samples * shapes.outputs * positions];
    let mut tasks: Vec<Vec<&mut [T]>> = (0..num_tasks).map(|_| Vec::with_capacity(shapes.samples * block)).collect();
    for (index, row) in y.chunks_mut(positions).enumerate() {
        let o = index % shapes.outputs;
        let block = o / group_outputs * blocks + o % group_outputs / block;
        for (i, part) in row.chunks_mut(piece).enumerate() {
            tasks[i * g.groups * blocks + block].push(part);
        }
    }
    tasks.into_par_iter().enumerate().for_each(|(task, mut rows)| {
        let (part, task) = (task / (g.groups * blocks), task % (g.groups * blocks));
        let (group, first) = (task / blocks, task % blocks * block);
        let outputs = group * group_outputs + first..group * group_outputs + group_outputs.min(first + block);
        let (num_rows, len) = (outputs.len(), rows[0].len());
        let base = |q: usize| {
            let (n, p) = (q / len, part * piece + q % len);
            let (h, w) = (p / columns, p % columns);
            (((group * shapes.samples + n) * height + h * g.strides[0]) * row + w * g.strides[1]) * group_channels
        };
        plan.multiply(&kernel, outputs, &words, shapes.samples * len, base, |r, q, value| {
            rows[q / len * num_rows + r][q % len] = T::wrap(value);
        });
    });
    y
}

/// Word `i` of the activations as `[group, sample, height, width, channel]` with zero borders and one spare step.
fn channels_last<T: Entry>(x: &[T], i: usize, shapes: &Shapes) -> Vec<i16> {
    const TILE: usize = 16;
    let [height, row] = shapes.padded();
    let (channels, _) = shapes.group();
    let [h_len, w_len] = shapes.input;
    let [pad_h, pad_w] = shapes.geometry.pads;
    let area = h_len * w_len;
    let line = row * channels;
    let mut words = vec![0i16; shapes.geometry.groups * shapes.samples * height * line + LANES];
    let columns = w_len.min(row.saturating_sub(pad_w));
    let used = words.len() - LANES;
    words[..used].par_chunks_mut(line).with_min_len(8).enumerate().for_each(|(index, line)| {
        let (h, n, group) = (index % height, index / height % shapes.samples, index / height / shapes.samples);
        let Some(h) = h.checked_sub(pad_h).filter(|&h| h < h_len) else { return };
        let plane = &x[(n * shapes.channels + group * channels) * area..][..channels * area];
        let (_, line) = line.split_at_mut((pad_w * channels).min(line.len()));
        for first in (0..channels).step_by(TILE) {
            let last = channels.min(first + TILE);
            for start in (0..columns).step_by(TILE) {
                let end = columns.min(start + TILE);
                if last - first == TILE && end - start == TILE {
                    let mut tile = [[0i16; TILE]; TILE];
                    for (c, tile) in tile.iter_mut().enumerate() {
                        let source = &plane[(first + c) * area + h * w_len + start..][..TILE];
                        for (entry, &value) in tile.iter_mut().zip(source) {
                            *entry = word(value, i);
                        }
                    }
                    for w in 0..TILE {
                        let target = &mut line[(start + w) * channels + first..][..TILE];
                        for (entry, tile) in target.iter_mut().zip(&tile) {
                            *entry = tile[w];
                        }
                    }
                } else {
                    for c in first..last {
                        let source = &plane[c * area + h * w_len + start..][..end - start];
                        for (w, &value) in source.iter().enumerate() {
                            line[(start + w) * channels + c] = word(value, i);
                        }
                    }
                }
            }
        }
    });
    words
}
