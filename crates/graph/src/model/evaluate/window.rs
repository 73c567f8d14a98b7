//! Convolution and pooling:
//! `y[n,o,h,w] = b[o] + sum_{c,i,j} x[n, c, h*stride + i*dilation - pad, ..] * k[o,c,i,j]`, zeros outside.
#![expect(
    clippy::cast_possible_truncation,
    reason = "rounds to the graph's number type"
)]

use super::Operand;

/// Geometry of a window, `[vertical, horizontal]`.
#[derive(Clone, Copy)]
pub(super) struct Taps {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) pads: [usize; 2],
    pub(super) dilations: [usize; 2],
}

impl Taps {
    /// Position that tap `tap` of output `out` reads on axis `k`, if it is inside.
    fn source(&self, k: usize, out: usize, tap: usize, extent: usize) -> Option<usize> {
        (out * self.strides[k] + tap * self.dilations[k])
            .checked_sub(self.pads[k])
            .filter(|&at| at < extent)
    }
}

pub(super) fn conv(
    operands: &[Operand<'_>],
    shape: &[usize],
    strides: [usize; 2],
    pads: [usize; 2],
    dilations: [usize; 2],
    groups: usize,
) -> Vec<f32> {
    let (x, w) = (operands[0], operands[1]);
    let (batch, channels, height, width) = (shape[0], shape[1], shape[2], shape[3]);
    let (in_channels, in_height, in_width) = (x.shape[1], x.shape[2], x.shape[3]);
    let group_channels = w.shape[1];
    let kernel = [w.shape[2], w.shape[3]];
    let taps = Taps {
        kernel,
        strides,
        pads,
        dilations,
    };
    let mut out = Vec::with_capacity(shape.iter().product());
    let mut plane = vec![0.0f64; height * width];
    for n in 0..batch {
        for o in 0..channels {
            plane.fill(operands.get(2).map_or(0.0, |bias| f64::from(bias.data[o])));
            let group = o / (channels / groups);
            for c in 0..group_channels {
                let in_plane =
                    (n * in_channels + group * group_channels + c) * in_height * in_width;
                for i in 0..kernel[0] {
                    for j in 0..kernel[1] {
                        let weight = f64::from(
                            w.data[((o * group_channels + c) * kernel[0] + i) * kernel[1] + j],
                        );
                        for h in 0..height {
                            let Some(row) = taps.source(0, h, i, in_height) else {
                                continue;
                            };
                            let row = &x.data[in_plane + row * in_width..][..in_width];
                            for (v, sum) in plane[h * width..(h + 1) * width].iter_mut().enumerate()
                            {
                                if let Some(column) = taps.source(1, v, j, in_width) {
                                    *sum += weight * f64::from(row[column]);
                                }
                            }
                        }
                    }
                }
            }
            out.extend(plane.iter().map(|&sum| sum as f32));
        }
    }
    out
}

pub(super) fn pool(
    x: Operand<'_>,
    shape: &[usize],
    taps: Taps,
    start: f64,
    f: impl Fn(f64, f64) -> f64,
) -> Vec<f32> {
    let (height, width) = (x.shape[2], x.shape[3]);
    let mut out = Vec::with_capacity(shape.iter().product());
    for plane in x.data.chunks_exact(height * width) {
        for h in 0..shape[2] {
            for v in 0..shape[3] {
                let mut value = start;
                for i in 0..taps.kernel[0] {
                    let Some(row) = taps.source(0, h, i, height) else {
                        continue;
                    };
                    for j in 0..taps.kernel[1] {
                        if let Some(column) = taps.source(1, v, j, width) {
                            value = f(value, f64::from(plane[row * width + column]));
                        }
                    }
                }
                out.push(value as f32);
            }
        }
    }
    out
}
