//! One file per ONNX operator, each with a `lower` to model operators, and the table that finds them.
//!
//! Shapes follow from the operands; attributes that a lowering does not read are reported as unsupported.

use crate::builder::Stop;
use crate::lowering::Lowering;

mod elementwise;
mod extreme;
mod normalization;
mod pooling;
mod reduction;
mod window;

/// Lowers one node.
pub(crate) type Lower = fn(&mut Lowering<'_>) -> Result<(), Stop>;

macro_rules! operators {
    ($($name:literal => $module:ident,)*) => {
        $(mod $module;)*
        static OPERATORS: &[(&str, Lower)] = &[$(($name, $module::lower),)*];
    };
}

operators! {
    "Abs" => abs,
    "Add" => add,
    "ArgMax" => arg_max,
    "ArgMin" => arg_min,
    "Attention" => attention,
    "AveragePool" => average_pool,
    "BatchNormalization" => batch_normalization,
    "Cast" => cast,
    "CastLike" => cast_like,
    "Celu" => celu,
    "Clip" => clip,
    "Concat" => concat,
    "Constant" => constant,
    "ConstantOfShape" => constant_of_shape,
    "Conv" => conv,
    "ConvTranspose" => conv_transpose,
    "DepthToSpace" => depth_to_space,
    "Div" => div,
    "Dropout" => dropout,
    "Einsum" => einsum,
    "Elu" => elu,
    "Erf" => erf,
    "Exp" => exp,
    "Expand" => expand,
    "Flatten" => flatten,
    "Gather" => gather,
    "GatherElements" => gather_elements,
    "GatherND" => gather_nd,
    "Gelu" => gelu,
    "Gemm" => gemm,
    "GlobalAveragePool" => global_average_pool,
    "GlobalMaxPool" => global_max_pool,
    "Greater" => greater,
    "GroupNormalization" => group_normalization,
    "HardSigmoid" => hard_sigmoid,
    "HardSwish" => hard_swish,
    "Identity" => identity,
    "InstanceNormalization" => instance_normalization,
    "IsInf" => is_inf,
    "IsNaN" => is_nan,
    "LayerNormalization" => layer_normalization,
    "LeakyRelu" => leaky_relu,
    "Log" => log,
    "LogSoftmax" => log_softmax,
    "LpNormalization" => lp_normalization,
    "MatMul" => matmul,
    "Max" => max,
    "MaxPool" => max_pool,
    "Mean" => mean,
    "MeanVarianceNormalization" => mean_variance_normalization,
    "Min" => min,
    "Mish" => mish,
    "Mul" => mul,
    "Neg" => neg,
    "OneHot" => one_hot,
    "PRelu" => prelu,
    "Pad" => pad,
    "Pow" => pow,
    "RMSNormalization" => rms_normalization,
    "Reciprocal" => reciprocal,
    "ReduceL1" => reduce_l1,
    "ReduceL2" => reduce_l2,
    "ReduceLogSum" => reduce_log_sum,
    "ReduceLogSumExp" => reduce_log_sum_exp,
    "ReduceMax" => reduce_max,
    "ReduceMean" => reduce_mean,
    "ReduceMin" => reduce_min,
    "ReduceSum" => reduce_sum,
    "ReduceSumSquare" => reduce_sum_square,
    "Relu" => relu,
    "Reshape" => reshape,
    "Resize" => resize,
    "RotaryEmbedding" => rotary_embedding,
    "ScatterElements" => scatter_elements,
    "ScatterND" => scatter_nd,
    "Selu" => selu,
    "Shape" => shape,
    "Sigmoid" => sigmoid,
    "SimplifiedLayerNormalization" => simplified_layer_normalization,
    "Size" => size,
    "Slice" => slice,
    "Softmax" => softmax,
    "Softplus" => softplus,
    "Softsign" => softsign,
    "SpaceToDepth" => space_to_depth,
    "Split" => split,
    "Sqrt" => sqrt,
    "Squeeze" => squeeze,
    "Sub" => sub,
    "Sum" => sum,
    "Swish" => swish,
    "Tanh" => tanh,
    "Tile" => tile,
    "TopK" => top_k,
    "Transpose" => transpose,
    "Trilu" => trilu,
    "Unsqueeze" => unsqueeze,
    "Upsample" => upsample,
    "Where" => where_operator,
}

mod shape_arithmetic;

/// The lowering of an operator.
pub(crate) fn find(op_type: &str) -> Result<Lower, Stop> {
    let found = OPERATORS
        .iter()
        .chain(shape_arithmetic::OPERATORS)
        .find(|(name, _)| *name == op_type);
    found.map(|(_, lower)| *lower).ok_or_else(|| match op_type {
        "If" | "Loop" | "Scan" | "SequenceMap" => Stop::hinted(
            "operator with a subgraph",
            "circuits have no control flow: export the model with example inputs, so that branches and loops unroll",
        ),
        "QLinearConv" | "QuantizeLinear" | "DequantizeLinear" | "ConvInteger" | "QLinearMatMul" => Stop::hinted(
            "operator of quantised models",
            "export the float model: veritorch quantises it itself",
        ),
        "LSTM" | "GRU" | "RNN" => Stop::hinted("recurrent operator", "write the cell out as matrix products and activations"),
        _ => Stop::hinted("operator", "replace it by supported operators"),
    })
}

/// All operators, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = OPERATORS
        .iter()
        .chain(shape_arithmetic::OPERATORS)
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    names
}
