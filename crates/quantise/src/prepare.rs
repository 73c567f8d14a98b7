//! Rewrites of the model graph that save rescales.
//!
//! * A node whose operands are all constant is evaluated.
//! * `f(reshape(x)) = reshape(f(x))`, the same for transpose, and for max pools where f does not decrease: the function then
//!   joins the rescale of the linear layer in front.
//! * Scale and bias behind a normalisation go into the products with constant matrices that read them ([`affine`]).

mod affine;

use veritorch_graph::model::{ModelGraph, ModelOp, Operand, UnaryFn, ValueId, evaluate_node};

use crate::QuantiseError;

/// The graph with all rewrites done.
///
/// # Errors
/// A constant node that cannot be evaluated.
pub(crate) fn prepare(graph: &ModelGraph) -> Result<ModelGraph, QuantiseError> {
    let mut graph = graph.clone();
    fold_constants(&mut graph)?;
    while commute_one(&mut graph) {}
    affine::fold(&mut graph);
    Ok(graph)
}

/// How many operands and outputs read each value.
pub(crate) fn count_uses(graph: &ModelGraph) -> Vec<usize> {
    let mut uses = vec![0; graph.values.len()];
    for id in graph.nodes.iter().flat_map(|node| &node.inputs).chain(&graph.outputs) {
        uses[id.index()] += 1;
    }
    uses
}

fn fold_constants(graph: &mut ModelGraph) -> Result<(), QuantiseError> {
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        if node.inputs.iter().any(|&id| graph.value(id).constant.is_none()) {
            kept.push(node);
            continue;
        }
        let data: Vec<_> = node.inputs.iter().map(|&id| graph.value(id).data().unwrap_or_default()).collect();
        let operands: Vec<Operand<'_>> =
            node.inputs.iter().zip(&data).map(|(&id, data)| Operand { shape: &graph.value(id).shape, data }).collect();
        let result = evaluate_node(&node.op, &operands, &graph.value(node.output).shape)
            .map_err(|error| QuantiseError::Model { node: node.name.clone(), reason: error.to_string() })?;
        graph.values[node.output.index()].constant = Some(result.into());
    }
    graph.nodes = kept;
    Ok(())
}

/// Swaps one function with the wiring in front of it; false where there is none.
fn commute_one(graph: &mut ModelGraph) -> bool {
    let uses = count_uses(graph);
    let producer = |id: ValueId| graph.nodes.iter().position(|node| node.output == id);
    for second in 0..graph.nodes.len() {
        let ModelOp::Unary(function) = graph.nodes[second].op else { continue };
        let middle = graph.nodes[second].inputs[0];
        let Some(first) = producer(middle).filter(|_| uses[middle.index()] == 1) else { continue };
        let commutes = match graph.nodes[first].op {
            ModelOp::Reshape | ModelOp::Transpose { .. } => true,
            ModelOp::MaxPool { .. } | ModelOp::ReduceMax { .. } => is_monotone(function),
            _ => false,
        };
        let operand = graph.nodes[first].inputs[0];
        if !commutes || graph.value(operand).constant.is_some() {
            continue;
        }
        graph.values[middle.index()].shape = graph.value(operand).shape.clone();
        graph.values[middle.index()].name = format!("{}:moved", graph.value(graph.nodes[second].output).name);
        let result = graph.nodes[second].output;
        graph.nodes[second].inputs = vec![operand];
        graph.nodes[second].output = middle;
        graph.nodes[first].inputs[0] = middle;
        graph.nodes[first].output = result;
        // The function now feeds the wiring: put it in front, behind everything that it reads.
        let moved = graph.nodes.remove(second);
        graph.nodes.insert(first, moved);
        return true;
    }
    false
}

/// Whether `x <= y` implies `f(x) <= f(y)`.
fn is_monotone(function: UnaryFn) -> bool {
    match function {
        UnaryFn::Relu | UnaryFn::Clip { .. } | UnaryFn::Sigmoid | UnaryFn::Tanh | UnaryFn::Softplus => true,
        UnaryFn::LeakyRelu { slope } => slope >= 0.0,
        UnaryFn::HardSigmoid { alpha, .. } | UnaryFn::Elu { alpha } => alpha >= 0.0,
        UnaryFn::Erf
        | UnaryFn::Exp
        | UnaryFn::Sinh
        | UnaryFn::Asinh
        | UnaryFn::Atan
        | UnaryFn::Floor
        | UnaryFn::Ceil
        | UnaryFn::Round
        | UnaryFn::Truncate
        | UnaryFn::Sign
        | UnaryFn::Positive
        | UnaryFn::NonNegative => true,
        UnaryFn::HardSwish
        | UnaryFn::Gelu
        | UnaryFn::GeluTanh
        | UnaryFn::Silu
        | UnaryFn::Log
        | UnaryFn::Sqrt
        | UnaryFn::Reciprocal
        | UnaryFn::Pow { .. }
        | UnaryFn::Abs
        | UnaryFn::Sin
        | UnaryFn::Cos
        | UnaryFn::Tan
        | UnaryFn::Asin
        | UnaryFn::Acos
        | UnaryFn::Cosh
        | UnaryFn::Acosh
        | UnaryFn::Atanh
        | UnaryFn::Zero
        | UnaryFn::Mod { .. }
        | UnaryFn::ThresholdedRelu { .. }
        | UnaryFn::Shrink { .. } => false,
    }
}
