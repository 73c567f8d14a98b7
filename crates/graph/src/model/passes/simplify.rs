//! Operators that change nothing, chains of reshapes or transposes, expansions that broadcasting does as well, and
//! HardSwish written out.

use std::collections::BTreeSet;

use super::links::{Links, constant_operand};
use crate::model::index::broadcast;
use crate::model::{Constant, ModelError, ModelGraph, ModelOp, Node, UnaryFn, ValueId};

/// Removes identities, fuses chains of reshapes and of transposes, and makes transposes that only move axes of extent 1
/// reshapes. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn simplify(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut links = Links::new(graph);
    let mut now: Vec<ValueId> = (0..).map(ValueId).take(graph.values.len()).collect();
    let mut dropped = BTreeSet::new();
    let mut changed = false;
    for k in 0..graph.nodes.len() {
        for id in &mut graph.nodes[k].inputs {
            *id = now[id.index()];
        }
        changed |= fuse(graph, &mut links, k);
        changed |= without_expansion(graph, &mut links, k);
        let node = &graph.nodes[k];
        let input = match neutral(graph, node) {
            Some(input) => {
                let node = &mut graph.nodes[k];
                node.op = ModelOp::Reshape;
                links.set_inputs(node, vec![input]);
                input
            }
            None if is_identity(graph, node) => node.inputs[0],
            None => continue,
        };
        let output = graph.nodes[k].output;
        if !links.is_output(output) {
            links.drop_uses(&graph.nodes[k]);
            links.move_uses(output, input);
            now[output.index()] = input;
        } else if let Some(producer) = links.producer(input).filter(|_| links.is_private(input)) {
            // the producer writes the output itself
            links.drop_uses(&graph.nodes[k]);
            graph.nodes[producer].output = output;
            links.set_producer(output, producer);
        } else {
            continue;
        }
        dropped.insert(k);
        changed = true;
    }
    let mut at = 0;
    graph.nodes.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
    Ok(changed)
}

/// Joins a node with the one before it.
fn fuse(graph: &mut ModelGraph, links: &mut Links, k: usize) -> bool {
    let node = &graph.nodes[k];
    let Some(&input) = node.inputs.first() else {
        return false;
    };
    if let ModelOp::Transpose { perm } = &node.op {
        let shape = &graph.value(input).shape;
        let moved: Vec<usize> = perm
            .iter()
            .copied()
            .filter(|&axis| shape[axis] != 1)
            .collect();
        if moved.is_sorted() {
            graph.nodes[k].op = ModelOp::Reshape;
            return true;
        }
    }
    if let Some(x) = hard_swish(graph, links, node) {
        let node = &mut graph.nodes[k];
        node.op = ModelOp::Unary(UnaryFn::HardSwish);
        links.set_inputs(node, vec![x]);
        return true;
    }
    let Some(before) = links.producer(input).map(|p| &graph.nodes[p]) else {
        return false;
    };
    let op = match (&before.op, &node.op) {
        (ModelOp::Reshape, ModelOp::Reshape) => ModelOp::Reshape,
        (ModelOp::Transpose { perm: first }, ModelOp::Transpose { perm: second }) => {
            ModelOp::Transpose {
                perm: second.iter().map(|&axis| first[axis]).collect(),
            }
        }
        _ => return false,
    };
    let inputs = before.inputs.clone();
    let node = &mut graph.nodes[k];
    node.op = op;
    links.set_inputs(node, inputs);
    true
}

/// The operand of `x * hard_sigmoid(x)` with slope 1/6 and offset 1/2, as exporters before opset 14 write HardSwish.
fn hard_swish(graph: &ModelGraph, links: &Links, node: &Node) -> Option<ValueId> {
    let (&ModelOp::Mul, &[a, b]) = (&node.op, node.inputs.as_slice()) else {
        return None;
    };
    let gates = |gate: ValueId, x: ValueId| {
        links
            .producer(gate)
            .map(|p| &graph.nodes[p])
            .is_some_and(|node| {
                let ModelOp::Unary(UnaryFn::HardSigmoid { alpha, beta }) = node.op else {
                    return false;
                };
                node.inputs == [x] && (alpha * 6.0 - 1.0).abs() < 1e-6 && (beta - 0.5).abs() < 1e-6
            })
    };
    if gates(b, a) {
        Some(a)
    } else {
        gates(a, b).then_some(b)
    }
}

/// The operand of a product by one, or of a sum or difference with zero, of the result's shape.
fn neutral(graph: &ModelGraph, node: &Node) -> Option<ValueId> {
    let (x, constant, constant_first) = constant_operand(graph, node)?;
    if graph.value(x).shape != graph.value(node.output).shape {
        return None;
    }
    let number = match node.op {
        ModelOp::Mul => 1.0,
        ModelOp::Sub if constant_first => return None,
        _ => 0.0,
    };
    #[expect(clippy::float_cmp, reason = "the number itself is meant")]
    let is_number = |data: &[f32]| data.iter().all(|&x| x == number);
    graph
        .value(constant)
        .constant
        .as_ref()
        .and_then(Constant::owned)
        .is_some_and(is_number)
        .then_some(x)
}

/// Arithmetic on an expanded operand, where its own broadcasting gives the same shape.
fn without_expansion(graph: &mut ModelGraph, links: &mut Links, k: usize) -> bool {
    let node = &graph.nodes[k];
    if !matches!(node.op, ModelOp::Add | ModelOp::Sub | ModelOp::Mul | ModelOp::Div) {
        return false;
    }
    let mut inputs = node.inputs.clone();
    for at in 0..inputs.len() {
        let Some(before) = links.producer(inputs[at]).map(|p| &graph.nodes[p]) else {
            continue;
        };
        if !matches!(before.op, ModelOp::Expand) {
            continue;
        }
        let other = &graph.value(inputs[1 - at]).shape;
        let joint = broadcast(&graph.value(before.inputs[0]).shape, other);
        if joint.as_ref() == Some(&graph.value(node.output).shape) {
            inputs[at] = before.inputs[0];
        }
    }
    if inputs == node.inputs {
        return false;
    }
    links.set_inputs(&mut graph.nodes[k], inputs);
    true
}

fn is_identity(graph: &ModelGraph, node: &Node) -> bool {
    let Some(&input) = node.inputs.first() else {
        return false;
    };
    let (from, to) = (&graph.value(input).shape, &graph.value(node.output).shape);
    if from != to {
        return false;
    }
    match &node.op {
        ModelOp::Reshape | ModelOp::Expand | ModelOp::Pad { .. } => true,
        ModelOp::ReduceSum { axes } | ModelOp::ReduceMax { axes } => {
            axes.iter().all(|&axis| from[axis] == 1)
        }
        ModelOp::Transpose { perm } => perm.is_sorted(),
        ModelOp::Slice { starts, steps } => {
            (0..from.len()).all(|axis| from[axis] == 1 || (starts[axis] == 0 && steps[axis] == 1))
        }
        ModelOp::ZeroStuff { .. } => true,
        ModelOp::Concat { .. } => node.inputs.len() == 1,
        ModelOp::Gather { indices, .. } => indices.iter().copied().eq(0..indices.len()),
        ModelOp::MaxPool {
            kernel,
            strides,
            pads,
            ..
        }
        | ModelOp::SumPool {
            kernel,
            strides,
            pads,
            ..
        } => *kernel == [1; 2] && *strides == [1; 2] && *pads == [0; 2],
        _ => false,
    }
}
