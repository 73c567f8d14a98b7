//! Constant folding: nodes whose operands are all constant are computed by the reference evaluator.

use std::borrow::Cow;

use crate::model::{ModelError, ModelGraph, ModelOp, Node, Operand, evaluate_node};

/// Multiplications that one pass may spend: what is beyond stays in the graph.
const MAX_WORK: usize = 1 << 32;

/// Computes what depends on no input. True where something was computed.
///
/// # Errors
/// A node that breaks its operator's shape rule.
pub fn fold_constants(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut work_left = MAX_WORK;
    let mut kept = Vec::with_capacity(graph.nodes.len());
    let mut changed = false;
    for node in std::mem::take(&mut graph.nodes) {
        let known = node
            .inputs
            .iter()
            .all(|&id| graph.value(id).constant.is_some());
        let cost = if known {
            work(graph, &node)
        } else {
            usize::MAX
        };
        if cost > work_left {
            kept.push(node);
            continue;
        }
        let data: Vec<Cow<'_, [f32]>> = node
            .inputs
            .iter()
            .map(|&id| graph.value(id).data().unwrap_or_default())
            .collect();
        let operands: Vec<Operand<'_>> = node
            .inputs
            .iter()
            .zip(&data)
            .map(|(&id, data)| Operand {
                shape: &graph.value(id).shape,
                data,
            })
            .collect();
        let result = evaluate_node(&node.op, &operands, &graph.value(node.output).shape)
            .map_err(|e| e.at(&node.name))?;
        if result.iter().all(|x| x.is_finite()) {
            work_left -= cost;
            changed = true;
            graph.values[node.output.index()].constant = Some(result.into());
        } else {
            kept.push(node);
        }
    }
    graph.nodes = kept;
    Ok(changed)
}

/// Entries written times entries read for each.
fn work(graph: &ModelGraph, node: &Node) -> usize {
    let shape = |k: usize| graph.value(node.inputs[k]).shape.as_slice();
    let taps = match &node.op {
        ModelOp::Conv { .. } => shape(1)[1..].iter().product(),
        ModelOp::MatMul => shape(0).last().copied().unwrap_or(1),
        ModelOp::MaxPool { kernel, .. } | ModelOp::SumPool { kernel, .. } => {
            kernel[0].saturating_mul(kernel[1])
        }
        _ => 1,
    };
    let read: usize = node.inputs.iter().map(|&id| graph.value(id).len()).sum();
    graph
        .value(node.output)
        .len()
        .saturating_mul(taps)
        .saturating_add(read)
}
