//! Public linear maps that act on each axis separately: slices, pads, concatenation, broadcast,
//! transposition, sums, per-channel factors, windows. On a rank-one form they are rewrites of its vectors.

use serde::{Deserialize, Serialize};

/// A sparse public matrix from one input axis to one output axis: `y[j] = sum_i m[j, i] * x[i]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AxisMap {
    /// `y[j] = x[j]`; extents are equal.
    Identity,
    /// `y[j] = x[start + step * j]`, zero where that lies outside: slices, pads, flips, concatenation.
    Strided {
        /// Index read by output 0; may lie outside.
        start: i64,
        /// Non-zero step.
        step: i64,
    },
    /// `y[j] = factor[j] * x[j]`; extents are equal.
    Diagonal(Vec<i64>),
    /// `y[start + step * i] = x[i]`, zero elsewhere: transposed convolution, zero stuffing.
    Dilate {
        /// Output index of input 0.
        start: usize,
        /// At least 1.
        step: usize,
    },
    /// `y[j] = sum_{k < kernel} x[j * stride + k * dilation - pad]`, zero outside: sum pooling.
    Window {
        /// Taps.
        kernel: usize,
        /// Step between outputs.
        stride: usize,
        /// Step between taps.
        dilation: usize,
        /// Zeros in front.
        pad: usize,
    },
    /// `y[j] = x[index[j]]`: repetition, permutation, nearest upsampling.
    Gather(Vec<u32>),
}

impl AxisMap {
    /// The entries `(j, i, m[j, i])` that are not zero, in increasing `j`.
    #[must_use]
    pub fn entries(&self, input_len: usize, output_len: usize) -> Vec<(usize, usize, i64)> {
        let inside = |i: i64| usize::try_from(i).ok().filter(|&i| i < input_len);
        let mut entries = Vec::with_capacity(output_len);
        match self {
            Self::Identity => entries.extend((0..output_len).map(|j| (j, j, 1))),
            Self::Strided { start, step } => {
                for j in 0..output_len {
                    if let Some(i) = inside(start + step * j as i64) {
                        entries.push((j, i, 1));
                    }
                }
            }
            Self::Diagonal(factors) => {
                entries.extend(factors.iter().enumerate().map(|(j, &factor)| (j, j, factor)));
            }
            Self::Dilate { start, step } => {
                for i in 0..input_len {
                    let j = start + step * i;
                    if j < output_len {
                        entries.push((j, i, 1));
                    }
                }
            }
            Self::Window { kernel, stride, dilation, pad } => {
                for j in 0..output_len {
                    for k in 0..*kernel {
                        if let Some(i) = inside((j * stride + k * dilation) as i64 - *pad as i64) {
                            entries.push((j, i, 1));
                        }
                    }
                }
            }
            Self::Gather(index) => {
                entries.extend(index.iter().enumerate().map(|(j, &i)| (j, i as usize, 1)));
            }
        }
        entries
    }
}

/// What happens to an axis under a [`SeparableMap`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AxisLink {
    /// Output axis `output` is a function of input axis `input`.
    Map {
        /// Axis of the operand.
        input: usize,
        /// Axis of the result.
        output: usize,
        /// The function.
        map: AxisMap,
    },
    /// Output axis `output` repeats the operand.
    Broadcast {
        /// Axis of the result.
        output: usize,
    },
    /// Input axis `input` is summed.
    Sum {
        /// Axis of the operand.
        input: usize,
    },
}

/// A tensor product of axis maps. Every axis of the operand stands in exactly one `Map` or `Sum`,
/// every axis of the result in exactly one `Map` or `Broadcast`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeparableMap {
    /// One link per axis.
    pub links: Vec<AxisLink>,
}

impl SeparableMap {
    /// The identity on tensors of this rank.
    #[must_use]
    pub fn identity(rank: usize) -> Self {
        Self {
            links: (0..rank)
                .map(|axis| AxisLink::Map { input: axis, output: axis, map: AxisMap::Identity })
                .collect(),
        }
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.links.iter().all(|link| {
            matches!(link, AxisLink::Map { input, output, map: AxisMap::Identity } if input == output)
        })
    }
}

/// One axis of a public rank-one constant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AxisFactor {
    /// 1 at every index.
    Ones,
    /// 1 at `start <= j < end`, 0 elsewhere.
    Interval {
        /// First index.
        start: usize,
        /// One past the last index.
        end: usize,
    },
    /// These values.
    Values(Vec<i64>),
}

impl AxisFactor {
    /// Value at index `j`.
    #[must_use]
    pub fn at(&self, j: usize) -> i64 {
        match self {
            Self::Ones => 1,
            Self::Interval { start, end } => i64::from((*start..*end).contains(&j)),
            Self::Values(values) => values.get(j).copied().unwrap_or(0),
        }
    }
}
