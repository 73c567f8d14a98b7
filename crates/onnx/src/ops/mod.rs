//! One file per ONNX operator, each with a `lower` to model operators, and the table that finds them.
//!
//! Shapes follow from the operands; attributes that a lowering does not read are reported as unsupported.

use crate::builder::Stop;
use crate::control_flow::CONTROL_FLOW;
use crate::lowering::Lowering;

mod comparison;
mod elementwise;
mod cosine_window;
mod extreme;
mod linear_map;
mod logic;
mod normalization;
mod pooling;
mod recurrent;
mod reduction;
mod window;

/// Lowers one node.
pub(crate) type Lower = fn(&mut Lowering<'_>) -> Result<(), Stop>;

macro_rules! operators {
    ($($name:literal => $module:ident,)*) => {
        $(pub(crate) mod $module;)*
        static OPERATORS: &[(&str, Lower)] = &[$(($name, $module::lower),)*];
    };
}

operators! {
    "Abs" => abs,
    "Acos" => acos,
    "Acosh" => acosh,
    "Add" => add,
    "AffineGrid" => affine_grid,
    "And" => and,
    "ArgMax" => arg_max,
    "ArgMin" => arg_min,
    "Asin" => asin,
    "Asinh" => asinh,
    "Atan" => atan,
    "Atanh" => atanh,
    "Attention" => attention,
    "AveragePool" => average_pool,
    "BatchNormalization" => batch_normalization,
    "BitShift" => bit_shift,
    "BlackmanWindow" => blackman_window,
    "Cast" => cast,
    "CastLike" => cast_like,
    "Ceil" => ceil,
    "Celu" => celu,
    "CenterCropPad" => center_crop_pad,
    "Clip" => clip,
    "Col2Im" => col2im,
    "Compress" => compress,
    "Concat" => concat,
    "Constant" => constant,
    "ConstantOfShape" => constant_of_shape,
    "Conv" => conv,
    "ConvTranspose" => conv_transpose,
    "Cos" => cos,
    "Cosh" => cosh,
    "CumSum" => cum_sum,
    "DFT" => dft,
    "DepthToSpace" => depth_to_space,
    "Det" => det,
    "Div" => div,
    "Dropout" => dropout,
    "Einsum" => einsum,
    "Elu" => elu,
    "Equal" => equal,
    "Erf" => erf,
    "Exp" => exp,
    "Expand" => expand,
    "Flatten" => flatten,
    "Floor" => floor,
    "GRU" => gru,
    "Gather" => gather,
    "GatherElements" => gather_elements,
    "GatherND" => gather_nd,
    "Gelu" => gelu,
    "Gemm" => gemm,
    "GlobalAveragePool" => global_average_pool,
    "GlobalLpPool" => global_lp_pool,
    "GlobalMaxPool" => global_max_pool,
    "Greater" => greater,
    "GreaterOrEqual" => greater_or_equal,
    "GridSample" => grid_sample,
    "GroupNormalization" => group_normalization,
    "HammingWindow" => hamming_window,
    "HannWindow" => hann_window,
    "HardSigmoid" => hard_sigmoid,
    "HardSwish" => hard_swish,
    "Hardmax" => hardmax,
    "Identity" => identity,
    "InstanceNormalization" => instance_normalization,
    "IsInf" => is_inf,
    "IsNaN" => is_nan,
    "LRN" => lrn,
    "LSTM" => lstm,
    "LayerNormalization" => layer_normalization,
    "LeakyRelu" => leaky_relu,
    "Less" => less,
    "LessOrEqual" => less_or_equal,
    "Log" => log,
    "LogSoftmax" => log_softmax,
    "LpNormalization" => lp_normalization,
    "LpPool" => lp_pool,
    "MatMul" => matmul,
    "Max" => max,
    "MaxPool" => max_pool,
    "MaxUnpool" => max_unpool,
    "Mean" => mean,
    "MeanVarianceNormalization" => mean_variance_normalization,
    "MelWeightMatrix" => mel_weight_matrix,
    "Min" => min,
    "Mish" => mish,
    "Mod" => modulo,
    "Mul" => mul,
    "Neg" => neg,
    "NegativeLogLikelihoodLoss" => negative_log_likelihood_loss,
    "Not" => not,
    "OneHot" => one_hot,
    "Or" => or,
    "PRelu" => prelu,
    "Pad" => pad,
    "Pow" => pow,
    "RMSNormalization" => rms_normalization,
    "RNN" => rnn,
    "Reciprocal" => reciprocal,
    "ReduceL1" => reduce_l1,
    "ReduceL2" => reduce_l2,
    "ReduceLogSum" => reduce_log_sum,
    "ReduceLogSumExp" => reduce_log_sum_exp,
    "ReduceMax" => reduce_max,
    "ReduceMean" => reduce_mean,
    "ReduceMin" => reduce_min,
    "ReduceProd" => reduce_prod,
    "ReduceSum" => reduce_sum,
    "ReduceSumSquare" => reduce_sum_square,
    "Relu" => relu,
    "Reshape" => reshape,
    "Resize" => resize,
    "ReverseSequence" => reverse_sequence,
    "RoiAlign" => roi_align,
    "RotaryEmbedding" => rotary_embedding,
    "Round" => round,
    "STFT" => stft,
    "Scatter" => scatter,
    "ScatterElements" => scatter_elements,
    "ScatterND" => scatter_nd,
    "Selu" => selu,
    "Shape" => shape,
    "Shrink" => shrink,
    "Sigmoid" => sigmoid,
    "Sign" => sign,
    "SimplifiedLayerNormalization" => simplified_layer_normalization,
    "Sin" => sin,
    "Sinh" => sinh,
    "Size" => size,
    "Slice" => slice,
    "Softmax" => softmax,
    "SoftmaxCrossEntropyLoss" => softmax_cross_entropy_loss,
    "Softplus" => softplus,
    "Softsign" => softsign,
    "SpaceToDepth" => space_to_depth,
    "Split" => split,
    "Sqrt" => sqrt,
    "Squeeze" => squeeze,
    "Sub" => sub,
    "Sum" => sum,
    "Swish" => swish,
    "Tan" => tan,
    "Tanh" => tanh,
    "ThresholdedRelu" => thresholded_relu,
    "Tile" => tile,
    "TopK" => top_k,
    "Transpose" => transpose,
    "Trilu" => trilu,
    "Unique" => unique,
    "Unsqueeze" => unsqueeze,
    "Upsample" => upsample,
    "Where" => where_operator,
    "Xor" => xor,
}

mod shape_arithmetic;

/// The lowering of an operator.
pub(crate) fn find(op_type: &str) -> Result<Lower, Stop> {
    let found = OPERATORS
        .iter()
        .chain(shape_arithmetic::OPERATORS)
        .find(|(name, _)| *name == op_type);
    found.map(|(_, lower)| *lower).ok_or_else(|| match op_type {
        "SequenceMap" | "SequenceEmpty" | "SequenceConstruct" | "SequenceInsert" | "SequenceAt" | "SequenceErase" | "SequenceLength"
        | "SplitToSequence" | "ConcatFromSequence" => Stop::hinted("operator of sequences", "use tensors: Split, Concat, Gather"),
        "Optional" | "OptionalGetElement" | "OptionalHasElement" => {
            Stop::hinted("operator of optional values", "pass the tensor itself")
        }
        "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" => Stop::hinted(
            "operator that draws random numbers",
            "a proof shows what a model gives: draw outside, and pass the numbers as an input",
        ),
        "StringConcat" | "StringNormalizer" | "StringSplit" | "RegexFullMatch" | "TfIdfVectorizer" | "ImageDecoder" => {
            Stop::hinted("operator of texts and files", "prepare the data outside, and pass numbers")
        }
        "NonMaxSuppression" => Stop::hinted("operator whose result has a shape that depends on the input", "select outside of the model"),
        "QLinearConv" | "QuantizeLinear" | "DequantizeLinear" | "ConvInteger" | "QLinearMatMul" => Stop::hinted(
            "operator of quantised models",
            "export the float model: veritorch quantises it itself",
        ),
        _ => Stop::hinted("operator", "replace it by supported operators"),
    })
}

/// All operators, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    let registered = OPERATORS.iter().chain(shape_arithmetic::OPERATORS).map(|(name, _)| *name);
    let mut names: Vec<&str> = registered.chain(CONTROL_FLOW).collect();
    names.sort_unstable();
    names
}
