//! Operators of the circuit.

use serde::{Deserialize, Serialize};

use super::{AxisFactor, SeparableMap, TableId, TensorId};

/// One summand `coefficient * map(x)` of [`Op::Linear`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Operand.
    pub x: TensorId,
    /// Non-zero factor.
    pub coefficient: i64,
    /// Public map from the operand's shape to the result's shape.
    pub map: SeparableMap,
}

/// Geometry of a two-dimensional convolution; one-dimensional ones have height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvGeometry {
    /// Kernel extents `[height, width]`.
    pub kernel: [usize; 2],
    /// Steps between output positions.
    pub strides: [usize; 2],
    /// Steps between kernel taps.
    pub dilations: [usize; 2],
    /// Zero rows above and zero columns to the left; padding at the other end follows from the output shape.
    pub pads: [usize; 2],
    /// Number of channel groups; divides input and output channels.
    pub groups: usize,
}

/// What defines a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// Input `index` of the model.
    Input {
        /// Position in `Circuit::inputs`.
        index: usize,
    },
    /// Weight tensor: shape `[kernel, output, column]` as in `Circuit::params[param]`. Has no batch axis.
    Weight {
        /// Position in `Circuit::params`.
        param: usize,
    },
    /// `y = sum_i coefficient_i * map_i(x_i) + sum_j value_j * (factor_j0 (x) factor_j1 (x) ..)`.
    Linear {
        /// Summands; at most one per operand and map.
        terms: Vec<Term>,
        /// Public constant as a sum of rank-one tensors, each with one factor per axis of the result.
        constant: Vec<(i64, Vec<AxisFactor>)>,
    },
    /// `y[.., o, h, w] = sum_{c, i, j} w[i * kw + j, o, c] * x[.., c, h*sh + i*dh - ph, w*sw + j*dw - pw]`
    /// (zero outside). With `groups > 1` the weight has shape `[kh*kw, 1, O*(C/groups)]`, its column index being
    /// `o * (C/groups) + c` and `c` counted within the group of `o`; else `[kh*kw, O, C]`.
    Conv {
        /// Activations `[.., C, H, W]`.
        x: TensorId,
        /// A tensor defined by [`Op::Weight`].
        w: TensorId,
        /// Strides, pads and the rest.
        geometry: ConvGeometry,
    },
    /// `y[.., n] = sum_k x[.., k] * w[0, n, k]` with `w` a weight of shape `[1, N, K]`.
    Dense {
        /// Activations `[.., K]`.
        x: TensorId,
        /// A tensor defined by [`Op::Weight`].
        w: TensorId,
    },
    /// `y[.., m, n] = sum_k a[.., m, k] * b[.., k, n]`, both activations with equal leading axes.
    MatMul {
        /// Left operand `[.., M, K]`.
        a: TensorId,
        /// Right operand `[.., K, N]`.
        b: TensorId,
    },
    /// Entrywise product of two activations of one shape.
    Mul {
        /// Left factor.
        a: TensorId,
        /// Right factor.
        b: TensorId,
    },
    /// Same entries in row-major order under another shape.
    Reshape {
        /// Operand.
        x: TensorId,
    },
    /// Hint `y = floor(x / 2^shift)`.
    FloorShift {
        /// Operand.
        x: TensorId,
        /// At least 1, at most 48.
        shift: u32,
    },
    /// Hint `y = table[x]`; the table has two columns. An operand outside the table's keys makes the executor refuse the input.
    Lookup {
        /// Operand.
        x: TensorId,
        /// Function table.
        table: TableId,
    },
    /// Hint `y = floor(2^log_numerator / x)`; the executor refuses `x < 1`.
    Reciprocal {
        /// Operand.
        x: TensorId,
        /// At most 48.
        log_numerator: u32,
    },
    /// Hint `y = floor(sqrt(x))`; the executor refuses `x < 0`.
    SquareRoot {
        /// Operand.
        x: TensorId,
    },
    /// Hint `y = floor(a / b)`, both of one shape; the executor refuses `b < 1`.
    Divide {
        /// Dividend.
        a: TensorId,
        /// Divisor.
        b: TensorId,
    },
    /// Hint `y[i] = data[index[i]]`: entries of a weight, or of an activation of the same sample, by their row-major number.
    /// The executor refuses numbers that are not there.
    Gather {
        /// Numbers of entries.
        index: TensorId,
        /// What is read.
        data: TensorId,
    },
    /// Noise that both sides compute from public numbers: entries of a function table, chosen by words of the stream of the sample's
    /// seed ([`super::noise`]).
    Noise {
        /// A public input of the model.
        seed: TensorId,
        /// Function table of at least 32 rows; its keys do not matter.
        table: TableId,
    },
    /// Hint: the entry of each line of the last axis that stands at this place when they are sorted, the greatest first. The axis stays
    /// with extent 1.
    Largest {
        /// Operand.
        x: TensorId,
        /// 1 for the greatest; at most the extent of the axis.
        rank: usize,
    },
}

impl Op {
    /// Whether the prover chooses the values, so that constraints must pin them.
    #[must_use]
    pub fn is_hint(&self) -> bool {
        matches!(
            self,
            Self::FloorShift { .. }
                | Self::Lookup { .. }
                | Self::Reciprocal { .. }
                | Self::SquareRoot { .. }
                | Self::Divide { .. }
                | Self::Gather { .. }
                | Self::Largest { .. }
        )
    }

    /// Tensors that the operator reads, in the order of its definition.
    #[must_use]
    pub fn operands(&self) -> Vec<TensorId> {
        match self {
            Self::Input { .. } | Self::Weight { .. } => Vec::new(),
            Self::Linear { terms, .. } => terms.iter().map(|term| term.x).collect(),
            Self::Conv { x, w, .. } | Self::Dense { x, w } => vec![*x, *w],
            Self::MatMul { a, b } | Self::Mul { a, b } | Self::Divide { a, b } => vec![*a, *b],
            Self::Gather { index, data } => vec![*index, *data],
            Self::Noise { seed, .. } => vec![*seed],
            Self::Reshape { x }
            | Self::FloorShift { x, .. }
            | Self::Lookup { x, .. }
            | Self::Reciprocal { x, .. }
            | Self::SquareRoot { x }
            | Self::Largest { x, .. } => vec![*x],
        }
    }

    /// Short name for printers and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "Input",
            Self::Weight { .. } => "Weight",
            Self::Linear { .. } => "Linear",
            Self::Conv { .. } => "Conv",
            Self::Dense { .. } => "Dense",
            Self::MatMul { .. } => "MatMul",
            Self::Mul { .. } => "Mul",
            Self::Reshape { .. } => "Reshape",
            Self::FloorShift { .. } => "FloorShift",
            Self::Lookup { .. } => "Lookup",
            Self::Reciprocal { .. } => "Reciprocal",
            Self::SquareRoot { .. } => "SquareRoot",
            Self::Divide { .. } => "Divide",
            Self::Gather { .. } => "Gather",
            Self::Noise { .. } => "Noise",
            Self::Largest { .. } => "Largest",
        }
    }
}
