//! Operators that are ONNX's under another name: of each entry, of two tensors with broadcasting (ADD, SUB, MUL and DIV with a
//! fused activation), and reductions over axes that are an input.

use veritorch_onnx::building::{Attributes, Operand, Stop};

use super::Lower;
use crate::lowering::Lowering;

macro_rules! renamed {
    ($($name:literal => $rule:ident $onnx:literal,)*) => {
        pub(super) static OPERATORS: &[(&str, Lower)] = &[$(($name, |l| $rule(l, $onnx)),)*];
    };
}

renamed! {
    "ABS" => plain "Abs",
    "ADD" => fused "Add",
    "ADD_N" => plain "Sum",
    "BROADCAST_TO" => plain "Expand",
    "CEIL" => plain "Ceil",
    "COS" => plain "Cos",
    "DIV" => fused "Div",
    "EQUAL" => plain "Equal",
    "EXP" => plain "Exp",
    "FLOOR" => plain "Floor",
    "GATHER_ND" => plain "GatherND",
    "GREATER" => plain "Greater",
    "GREATER_EQUAL" => plain "GreaterOrEqual",
    "HARD_SWISH" => plain "HardSwish",
    "LESS" => plain "Less",
    "LESS_EQUAL" => plain "LessOrEqual",
    "LOG" => plain "Log",
    "LOGICAL_AND" => plain "And",
    "LOGICAL_NOT" => plain "Not",
    "LOGICAL_OR" => plain "Or",
    "LOGISTIC" => plain "Sigmoid",
    "MAXIMUM" => plain "Max",
    "MEAN" => reduction "ReduceMean",
    "MINIMUM" => plain "Min",
    "MUL" => fused "Mul",
    "NEG" => plain "Neg",
    "POW" => plain "Pow",
    "PRELU" => plain "PRelu",
    "REDUCE_MAX" => reduction "ReduceMax",
    "REDUCE_MIN" => reduction "ReduceMin",
    "REDUCE_PROD" => reduction "ReduceProd",
    "RELU" => plain "Relu",
    "ROUND" => plain "Round",
    "SELECT" => plain "Where",
    "SELECT_V2" => plain "Where",
    "SIGN" => plain "Sign",
    "SIN" => plain "Sin",
    "SQRT" => plain "Sqrt",
    "SUB" => fused "Sub",
    "SUM" => reduction "ReduceSum",
    "TANH" => plain "Tanh",
    "TILE" => plain "Tile",
}

/// The operator on all inputs.
fn plain(l: &mut Lowering<'_>, onnx: &str) -> Result<(), Stop> {
    let y = on_inputs(l, onnx, Attributes::new())?;
    l.set(0, y);
    Ok(())
}

/// The operator, and the activation that option 0 says.
fn fused(l: &mut Lowering<'_>, onnx: &str) -> Result<(), Stop> {
    // option 1 of ADD and SUB speaks of 16-bit integers
    l.skip(1);
    let y = on_inputs(l, onnx, Attributes::new())?;
    let y = l.activated(0, y)?;
    l.set(0, y);
    Ok(())
}

/// Input 1 has the axes; option 0 keeps them with extent 1. No axes reduce nothing.
fn reduction(l: &mut Lowering<'_>, onnx: &str) -> Result<(), Stop> {
    let keep = i64::from(l.flag(0)?);
    let attributes = Attributes::new().int("keepdims", keep).int("noop_with_empty_axes", 1);
    let axes = l.ints(1, "the axes")?;
    let (x, axes) = (l.input(0)?, l.list("axes", axes)?);
    let y = l.apply(onnx, attributes, &[&x, &axes])?;
    l.set(0, y);
    Ok(())
}

fn on_inputs(l: &mut Lowering<'_>, onnx: &str, attributes: Attributes) -> Result<Operand, Stop> {
    let operands = (0..l.num_inputs()).map(|k| l.input(k)).collect::<Result<Vec<_>, _>>()?;
    let operands: Vec<&Operand> = operands.iter().collect();
    l.apply(onnx, attributes, &operands)
}
