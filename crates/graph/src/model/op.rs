//! Operators of the model graph.

use super::FixedPoint;

/// What a node computes, on float tensors. Shapes are those of the operands and the result.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelOp {
    /// Operands `x [N, C, H, W]`, constant `w [O, C/groups, kh, kw]`, optionally constant `b [O]`.
    /// One-dimensional convolutions arrive with `H = 1`. Padding at the far ends follows from the output shape.
    /// Transposed convolutions arrive as [`ModelOp::ZeroStuff`] and a convolution.
    Conv {
        /// Steps between output positions.
        strides: [usize; 2],
        /// Zeros `[top, left]`.
        pads: [usize; 2],
        /// Steps between taps.
        dilations: [usize; 2],
        /// Channel groups.
        groups: usize,
    },
    /// `a [.., M, K] b [.., K, N]`, leading axes broadcast as numpy's `matmul`; rank at least 2 on both sides.
    MatMul,
    /// Sum with numpy's broadcasting; either operand may be constant.
    Add,
    /// Difference with numpy's broadcasting; either operand may be constant.
    Sub,
    /// Product with numpy's broadcasting; either operand may be constant. Division by a constant arrives as this.
    Mul,
    /// Quotient with numpy's broadcasting; a constant divisor arrives as [`ModelOp::Mul`].
    Div,
    /// A function of each entry.
    Unary(UnaryFn),
    /// Sum over these axes, which stay with extent 1.
    ReduceSum {
        /// Axes.
        axes: Vec<usize>,
    },
    /// Maximum over these axes, which stay with extent 1.
    ReduceMax {
        /// Axes.
        axes: Vec<usize>,
    },
    /// Maximum over windows of the last two axes of `[N, C, H, W]`; positions outside never win.
    MaxPool {
        /// Taps.
        kernel: [usize; 2],
        /// Steps between outputs.
        strides: [usize; 2],
        /// `[top, left]`.
        pads: [usize; 2],
        /// Steps between taps.
        dilations: [usize; 2],
    },
    /// Sum over windows of the last two axes of `[N, C, H, W]`, zeros outside. Average pooling arrives as this and a
    /// product by a constant (scalar, or `[1, 1, H, W]` where padding is not counted).
    SumPool {
        /// Taps.
        kernel: [usize; 2],
        /// Steps between outputs.
        strides: [usize; 2],
        /// `[top, left]`.
        pads: [usize; 2],
        /// Steps between taps.
        dilations: [usize; 2],
    },
    /// Result axis `k` is operand axis `perm[k]`.
    Transpose {
        /// Permutation.
        perm: Vec<usize>,
    },
    /// Same entries, row-major, in the result's shape.
    Reshape,
    /// Result index `j` on axis `k` reads `starts[k] + steps[k] * j`.
    Slice {
        /// One per axis.
        starts: Vec<usize>,
        /// One per axis, not zero; negative ones flip.
        steps: Vec<i64>,
    },
    /// Zeros (or `value`) around; operand index 0 lands at `before[k]`. The far end follows from the shape.
    Pad {
        /// One per axis.
        before: Vec<usize>,
        /// What is put around.
        value: f32,
    },
    /// Concatenation along an axis; some operands may be constant.
    Concat {
        /// Axis.
        axis: usize,
    },
    /// Repetition of extent-1 axes to the result's shape; ranks are equal.
    Expand,
    /// Each axis `k` is spread: operand index `i` lands at `starts[k] + steps[k] * i`, zeros elsewhere.
    ZeroStuff {
        /// One per axis.
        starts: Vec<usize>,
        /// One per axis, at least 1.
        steps: Vec<usize>,
    },
    /// Result index `j` on `axis` reads `indices[j]`.
    Gather {
        /// Axis.
        axis: usize,
        /// Constant indices.
        indices: Vec<usize>,
    },
    /// Index of the greatest entry along an axis, which stays with extent 1; ties go to the lowest index (or the
    /// highest). The result holds whole numbers.
    ArgMax {
        /// Axis.
        axis: usize,
        /// Ties go to the highest index.
        select_last: bool,
    },
    /// Index of an entry along the last axis, which stays with extent 1, drawn from `softmax(x / temperature)` of the greatest entries by
    /// the seed that the second operand holds: the greatest of `x / temperature + g`, where g is Gumbel noise of the seed
    /// ([`crate::circuit::noise`]); ties go to the lowest index. The result holds whole numbers.
    Sample {
        /// Greater than zero.
        temperature: f32,
        /// Only entries that are among so many of the greatest, counted with multiplicity; `None` for all.
        top_k: Option<usize>,
    },
    /// `exp(x - max) / sum exp(x - max)` along an axis. A second operand, constant and broadcast to x's shape, says which
    /// entries are real (not zero): the others count neither in the maximum nor in the sum, and their result is zero. Lines
    /// without a real entry are zero.
    Softmax {
        /// Axis.
        axis: usize,
    },
    /// `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` over these axes together, or `x / sqrt(mean(x^2) + epsilon)` where
    /// it is not centred. LayerNormalization, GroupNormalization, InstanceNormalization and RMSNormalization arrive as this; scale
    /// and bias as products and sums behind it.
    Normalize {
        /// Axes, ascending.
        axes: Vec<usize>,
        /// Added to the mean of squares; greater than zero.
        epsilon: f32,
        /// Whether the mean is taken off first.
        centred: bool,
    },
    /// Decision trees on the one row of `x [.., F]`, with constants `nodes [M, 3]` and `leaves [M, K]`. Row n of `nodes` is `(feature, threshold, child)`:
    /// tree `t` starts at row `t` and goes `depth` times from n to `child`, or to `child + 1` where `x[feature] > threshold`. A leaf is its own child, with
    /// the greatest threshold. The result is `[1, num_outputs]`: with `K = num_outputs` the sum of the leaves' rows; with `K = 1` tree t adds its
    /// leaf to entry `t mod num_outputs`.
    Trees {
        /// Trees, a multiple of `num_outputs` where `K = 1`.
        num_trees: usize,
        /// Steps.
        depth: usize,
        /// Entries of the result.
        num_outputs: usize,
    },
    /// Rows of a constant table `[V, H]` chosen by ids `[..]`, whole numbers in `0..V` that depend on the input:
    /// the result is `[.., H]`.
    Embedding,
    /// The whole number nearest to `x / scale`, halves away from zero, cut to a range: where a model's own quantisation begins.
    Quantize {
        /// Real value of 1.
        scale: f32,
        /// Least result.
        min: i32,
        /// Greatest result.
        max: i32,
    },
    /// A rescaling of whole numbers in fixed point, exact to the last bit.
    FixedPoint(FixedPoint),
    /// A function of whole numbers: `values[x - min]`, the nearest of them for other numbers.
    Table {
        /// Number of the first value.
        min: i32,
        /// Its values.
        values: Vec<i32>,
    },
}

/// A function of one real variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UnaryFn {
    /// `max(x, 0)`
    Relu,
    /// `x` where `x >= 0`, else `slope * x`
    LeakyRelu {
        /// Slope of the negative side.
        slope: f32,
    },
    /// `min(max(x, min), max)`
    Clip {
        /// Lower bound, may be `-inf`.
        min: f32,
        /// Upper bound, may be `inf`.
        max: f32,
    },
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
    /// `min(max(alpha * x + beta, 0), 1)`
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Offset.
        beta: f32,
    },
    /// `x * min(max(x / 6 + 1/2, 0), 1)`
    HardSwish,
    /// `x` where `x >= 0`, else `alpha * (exp(x) - 1)`
    Elu {
        /// Factor of the negative side.
        alpha: f32,
    },
    /// `log(1 + exp(x))`
    Softplus,
    /// `x / 2 * (1 + erf(x / sqrt 2))`
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`
    GeluTanh,
    /// `x / (1 + exp(-x))`
    Silu,
    /// `2 / sqrt(pi) * integral from 0 to x of exp(-t^2)`
    Erf,
    /// `exp(x)`
    Exp,
    /// `log(x)`
    Log,
    /// `sqrt(x)`
    Sqrt,
    /// `1 / x`
    Reciprocal,
    /// `x^exponent`
    Pow {
        /// Exponent.
        exponent: f32,
    },
    /// `|x|`
    Abs,
    /// `sin(x)`
    Sin,
    /// `cos(x)`
    Cos,
    /// `tan(x)`
    Tan,
    /// `arcsin(x)`
    Asin,
    /// `arccos(x)`
    Acos,
    /// `arctan(x)`
    Atan,
    /// `sinh(x)`
    Sinh,
    /// `cosh(x)`
    Cosh,
    /// `arsinh(x)`
    Asinh,
    /// `arcosh(x)`
    Acosh,
    /// `artanh(x)`
    Atanh,
    /// The greatest whole number up to `x`.
    Floor,
    /// The least whole number from `x` on.
    Ceil,
    /// The nearest whole number, halves to the even one.
    Round,
    /// The whole part of `x`, towards zero.
    Truncate,
    /// `x / |x|`, 0 for 0.
    Sign,
    /// 1 where `x > 0`, else 0.
    Positive,
    /// 1 where `x >= 0`, else 0.
    NonNegative,
    /// 1 where `x = 0`, else 0.
    Zero,
    /// `x - divisor * floor(x / divisor)`, or with the quotient rounded towards zero.
    Mod {
        /// Not zero.
        divisor: f32,
        /// The result has the sign of `x`, not of the divisor.
        truncated: bool,
    },
    /// `x` where `x > alpha`, else 0.
    ThresholdedRelu {
        /// Threshold.
        alpha: f32,
    },
    /// `x + bias` where `x < -lambd`, `x - bias` where `x > lambd`, else 0.
    Shrink {
        /// What the magnitude loses.
        bias: f32,
        /// Threshold.
        lambd: f32,
    },
}

impl ModelOp {
    /// Whether the result's entries are the operands' (or fill), moved, repeated or left out.
    #[must_use]
    pub fn is_wiring(&self) -> bool {
        matches!(
            self,
            Self::Transpose { .. }
                | Self::Reshape
                | Self::Slice { .. }
                | Self::Pad { .. }
                | Self::Concat { .. }
                | Self::Expand
                | Self::ZeroStuff { .. }
                | Self::Gather { .. }
        )
    }

    /// ONNX-like name for printers and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "Conv",
            Self::MatMul => "MatMul",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Unary(function) => function.name(),
            Self::ReduceSum { .. } => "ReduceSum",
            Self::ReduceMax { .. } => "ReduceMax",
            Self::MaxPool { .. } => "MaxPool",
            Self::SumPool { .. } => "SumPool",
            Self::Transpose { .. } => "Transpose",
            Self::Reshape => "Reshape",
            Self::Slice { .. } => "Slice",
            Self::Pad { .. } => "Pad",
            Self::Concat { .. } => "Concat",
            Self::Expand => "Expand",
            Self::ZeroStuff { .. } => "ZeroStuff",
            Self::Gather { .. } => "Gather",
            Self::ArgMax { .. } => "ArgMax",
            Self::Sample { .. } => "Sample",
            Self::Softmax { .. } => "Softmax",
            Self::Normalize { .. } => "Normalize",
            Self::Trees { .. } => "Trees",
            Self::Embedding => "Embedding",
            Self::Quantize { .. } => "Quantize",
            Self::FixedPoint(_) => "FixedPoint",
            Self::Table { .. } => "Table",
        }
    }
}

impl UnaryFn {
    /// ONNX name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Clip { .. } => "Clip",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Elu { .. } => "Elu",
            Self::Softplus => "Softplus",
            Self::Gelu | Self::GeluTanh => "Gelu",
            Self::Silu => "Silu",
            Self::Erf => "Erf",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Reciprocal => "Reciprocal",
            Self::Pow { .. } => "Pow",
            Self::Abs => "Abs",
            Self::Sin => "Sin",
            Self::Cos => "Cos",
            Self::Tan => "Tan",
            Self::Asin => "Asin",
            Self::Acos => "Acos",
            Self::Atan => "Atan",
            Self::Sinh => "Sinh",
            Self::Cosh => "Cosh",
            Self::Asinh => "Asinh",
            Self::Acosh => "Acosh",
            Self::Atanh => "Atanh",
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
            Self::Truncate => "Truncate",
            Self::Sign => "Sign",
            Self::Positive => "Positive",
            Self::NonNegative => "NonNegative",
            Self::Zero => "Zero",
            Self::Mod { .. } => "Mod",
            Self::ThresholdedRelu { .. } => "ThresholdedRelu",
            Self::Shrink { .. } => "Shrink",
        }
    }
}
