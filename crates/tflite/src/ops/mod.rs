//! One file per operator, each with a `lower`, and the table that finds them. Operators that are ONNX's under another name are in
//! [`renamed`].

use veritorch_onnx::building::Stop;

use crate::builtin::operator_name;
use crate::integer;
use crate::lowering::Lowering;
use crate::schema::Operator;

pub(crate) mod renamed;
pub(crate) mod window;

/// Lowers one operator.
pub(crate) type Lower = fn(&mut Lowering<'_>) -> Result<(), Stop>;

macro_rules! operators {
    ($($name:literal => $module:ident,)*) => {
        $(pub(crate) mod $module;)*
        static OPERATORS: &[(&str, Lower)] = &[$(($name, $module::lower),)*];
    };
}

operators! {
    "ARG_MAX" => arg_max,
    "ARG_MIN" => arg_min,
    "AVERAGE_POOL_2D" => average_pool_2d,
    "BATCH_MATMUL" => batch_matmul,
    "CAST" => cast,
    "CONCATENATION" => concatenation,
    "CONV_2D" => conv_2d,
    "CUMSUM" => cumsum,
    "DEPTHWISE_CONV_2D" => depthwise_conv_2d,
    "DEPTH_TO_SPACE" => depth_to_space,
    "DEQUANTIZE" => dequantize,
    "ELU" => elu,
    "EMBEDDING_LOOKUP" => embedding_lookup,
    "EXPAND_DIMS" => expand_dims,
    "FILL" => fill,
    "FLOOR_DIV" => floor_div,
    "FLOOR_MOD" => floor_mod,
    "FULLY_CONNECTED" => fully_connected,
    "GATHER" => gather,
    "GELU" => gelu,
    "L2_NORMALIZATION" => l2_normalization,
    "LEAKY_RELU" => leaky_relu,
    "LOG_SOFTMAX" => log_softmax,
    "MAX_POOL_2D" => max_pool_2d,
    "MIRROR_PAD" => mirror_pad,
    "NOT_EQUAL" => not_equal,
    "ONE_HOT" => one_hot,
    "PACK" => pack,
    "PAD" => pad,
    "PADV2" => padv2,
    "QUANTIZE" => quantize,
    "RANK" => rank,
    "RELU6" => relu6,
    "RELU_0_TO_1" => relu_0_to_1,
    "RELU_N1_TO_1" => relu_n1_to_1,
    "RESHAPE" => reshape,
    "RESIZE_BILINEAR" => resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR" => resize_nearest_neighbor,
    "REVERSE_V2" => reverse_v2,
    "RSQRT" => rsqrt,
    "SHAPE" => shape,
    "SLICE" => slice,
    "SOFTMAX" => softmax,
    "SPACE_TO_DEPTH" => space_to_depth,
    "SPLIT" => split,
    "SPLIT_V" => split_v,
    "SQUARE" => square,
    "SQUARED_DIFFERENCE" => squared_difference,
    "SQUEEZE" => squeeze,
    "STRIDED_SLICE" => strided_slice,
    "TRANSPOSE" => transpose,
    "TRANSPOSE_CONV" => transpose_conv,
    "UNPACK" => unpack,
    "ZEROS_LIKE" => zeros_like,
}

/// The lowering of an operator.
///
/// With `on_integers` the tensors that depend on the model's input are quantised integers.
pub(crate) fn find(operator: &Operator<'_>, on_integers: bool) -> Result<Lower, Stop> {
    if operator.custom.is_some() {
        return Err(Stop::hinted("operator that TensorFlow Lite does not have", "convert with built-in operators alone (TFLITE_BUILTINS)"));
    }
    let own = operator_name(operator.code);
    let is_it = |name: &str| name == own;
    let found = OPERATORS.iter().chain(renamed::OPERATORS).find(|(name, _)| is_it(name));
    if on_integers && let Some((name, lower)) = found {
        return integer::find(name, *lower);
    }
    found.map(|(_, lower)| *lower).ok_or_else(|| {
        let any = |names: &[&str]| names.iter().any(|name| is_it(name));
        if any(&["WHILE", "IF", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"]) {
            Stop::hinted("control flow and variables", "unroll recurrent layers (keras: unroll=True), and freeze variables")
        } else if any(&["UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "RNN", "SVDF"]) {
            Stop::hinted("recurrent operator", "unroll recurrent layers (keras: unroll=True)")
        } else if any(&["RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"]) {
            Stop::hinted("operator that draws random numbers", "a proof shows what a model gives: draw outside, and pass the numbers as an input")
        } else {
            Stop::hinted("operator", "replace it by supported operators")
        }
    })
}

/// All operators, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = OPERATORS.iter().chain(renamed::OPERATORS).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}
