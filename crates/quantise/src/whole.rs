//! Which values are whole numbers for any input: they keep the scale 1, so that comparisons, truth values and indices are exact.

use veritorch_graph::model::{ModelGraph, ModelOp, UnaryFn};

/// Greatest magnitude of whole numbers that keep the scale 1.
pub(crate) const MOST: f64 = (1u64 << 22) as f64;

/// Per value of the graph, whether every entry is a whole number whatever the input.
pub(crate) fn whole(graph: &ModelGraph) -> Vec<bool> {
    let integral = |x: f32| x.fract() == 0.0 && f64::from(x.abs()) <= MOST;
    let mut result: Vec<bool> = graph
        .values
        .iter()
        .map(|value| value.constant.as_ref().and_then(|data| data.owned()).is_some_and(|data| data.iter().all(|&x| integral(x))))
        .collect();
    for id in &graph.integers {
        result[id.index()] = true;
    }
    for node in &graph.nodes {
        let all = node.inputs.iter().all(|id| result[id.index()]);
        result[node.output.index()] = match &node.op {
            ModelOp::Unary(function) => keeps(*function, all),
            ModelOp::ArgMax { .. } | ModelOp::Sample { .. } | ModelOp::Quantize { .. } | ModelOp::FixedPoint(_) | ModelOp::Table { .. } => true,
            ModelOp::Pad { value, .. } => all && integral(*value),
            ModelOp::Div | ModelOp::Softmax { .. } | ModelOp::Normalize { .. } | ModelOp::Embedding => false,
            _ => all,
        };
    }
    result
}

/// Whether a function gives whole numbers, `all` its operand being whole.
fn keeps(function: UnaryFn, all: bool) -> bool {
    match function {
        UnaryFn::Floor
        | UnaryFn::Ceil
        | UnaryFn::Round
        | UnaryFn::Truncate
        | UnaryFn::Sign
        | UnaryFn::Positive
        | UnaryFn::NonNegative
        | UnaryFn::Zero => true,
        UnaryFn::Relu | UnaryFn::Abs | UnaryFn::ThresholdedRelu { .. } => all,
        UnaryFn::Clip { min, max } => {
            all && [min, max].iter().all(|bound| bound.is_infinite() || bound.fract() == 0.0)
        }
        UnaryFn::Mod { divisor, .. } => all && divisor.fract() == 0.0,
        UnaryFn::Shrink { bias, .. } => all && bias.fract() == 0.0,
        _ => false,
    }
}
