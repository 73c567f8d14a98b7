//! Operators that change nothing, chains of reshapes or transposes, and HardSwish written out.

use std::collections::BTreeSet;

use super::links::Links;
use crate::model::{ModelError, ModelGraph, ModelOp, Node, UnaryFn, ValueId};

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
        let node = &graph.nodes[k];
        if !is_identity(graph, node) {
            continue;
        }
        let (input, output) = (node.inputs[0], node.output);
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
