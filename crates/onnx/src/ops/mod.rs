//! One file per ONNX operator, each with a `lower` to model operators, and the table that finds them.
//!
//! Shapes follow from the operands; attributes that a lowering does not read are reported as unsupported.

use crate::builder::Stop;
use crate::lowering::Lowering;

mod elementwise;
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
    "Add" => add,
    "ArgMax" => arg_max,
    "ArgMin" => arg_min,
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
    "Elu" => elu,
    "Expand" => expand,
    "Flatten" => flatten,
    "Gather" => gather,
    "Gemm" => gemm,
    "GlobalAveragePool" => global_average_pool,
    "GlobalMaxPool" => global_max_pool,
    "Greater" => greater,
    "HardSigmoid" => hard_sigmoid,
    "HardSwish" => hard_swish,
    "Identity" => identity,
    "LeakyRelu" => leaky_relu,
    "MatMul" => matmul,
    "MaxPool" => max_pool,
    "Mean" => mean,
    "Mul" => mul,
    "Neg" => neg,
    "PRelu" => prelu,
    "Pad" => pad,
    "ReduceMax" => reduce_max,
    "ReduceMean" => reduce_mean,
    "ReduceMin" => reduce_min,
    "ReduceSum" => reduce_sum,
    "Relu" => relu,
    "Reshape" => reshape,
    "Resize" => resize,
    "Selu" => selu,
    "Shape" => shape,
    "Sigmoid" => sigmoid,
    "Size" => size,
    "Slice" => slice,
    "Softmax" => softmax,
    "Softplus" => softplus,
    "SpaceToDepth" => space_to_depth,
    "Split" => split,
    "Squeeze" => squeeze,
    "Sub" => sub,
    "Sum" => sum,
    "Tanh" => tanh,
    "Tile" => tile,
    "Transpose" => transpose,
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
        "Erf" | "Gelu" => Stop::hinted("operator", "use ReLU, Hardswish or SiLU in place of GELU"),
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
