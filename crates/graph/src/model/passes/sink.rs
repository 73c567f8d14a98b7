//! Reshapes behind elementwise operators: `f(reshape(x)) = reshape(f(x))`.
//!
//! One-dimensional convolutions arrive between two reshapes; behind this pass their activation, bias and residual sum
//! follow the convolution itself, and the reshapes between two layers cancel.

use super::links::{Links, constant_operand};
use crate::model::{ModelError, ModelGraph, ModelOp, ValueId};

/// Moves reshapes that one elementwise operator reads behind it. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn sink_reshapes(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut links = Links::new(graph);
    let mut changed = false;
    for k in 0..graph.nodes.len() {
        changed |= match &graph.nodes[k].op {
            ModelOp::Unary(_) => {
                let x = graph.nodes[k].inputs[0];
                reshape_behind(graph, &links, x).is_some_and(|(reshape, source)| {
                    sink(graph, &mut links, k, reshape, vec![source]);
                    true
                })
            }
            ModelOp::Add | ModelOp::Sub | ModelOp::Mul => sink_arithmetic(graph, &mut links, k),
            _ => false,
        };
    }
    Ok(changed)
}

/// The reshape that alone makes `x` for one reader, and what it reads.
fn reshape_behind(graph: &ModelGraph, links: &Links, x: ValueId) -> Option<(usize, ValueId)> {
    let at = links.producer(x).filter(|_| links.is_private(x))?;
    let node = &graph.nodes[at];
    matches!(node.op, ModelOp::Reshape).then(|| (at, node.inputs[0]))
}

/// `f(reshape(x))` becomes `reshape(f(x))`, the function in the reshape's place.
fn sink(graph: &mut ModelGraph, links: &mut Links, k: usize, reshape: usize, inputs: Vec<ValueId>) {
    let middle = graph.nodes[reshape].output;
    let shape = graph.value(graph.nodes[reshape].inputs[0]).shape.clone();
    let base = &graph.value(graph.nodes[k].output).name;
    let base = format!("{}/unshaped", base.trim_end_matches("/unshaped"));
    let name = links.unique_name(&base);
    let value = &mut graph.values[middle.index()];
    (value.name, value.shape) = (name, shape);
    let [first, second] = [reshape, k];
    let (head, tail) = graph.nodes.split_at_mut(second);
    let (earlier, later) = (&mut head[first], &mut tail[0]);
    std::mem::swap(&mut earlier.op, &mut later.op);
    std::mem::swap(&mut earlier.name, &mut later.name);
    std::mem::swap(&mut earlier.source, &mut later.source);
    links.set_inputs(earlier, inputs);
    links.set_inputs(later, vec![middle]);
}

fn sink_arithmetic(graph: &mut ModelGraph, links: &mut Links, k: usize) -> bool {
    let node = &graph.nodes[k];
    let shape = graph.value(node.output).shape.clone();
    if let Some((x, constant, constant_first)) = constant_operand(graph, node) {
        let Some((reshape, source)) = reshape_behind(graph, links, x) else {
            return false;
        };
        if graph.value(x).shape != shape {
            return false;
        }
        let value = graph.value(constant);
        let Some(moved) = constant_before(&value.shape, &shape, &graph.value(source).shape) else {
            return false;
        };
        let data = value.data().unwrap_or_default().into_owned();
        let moved = links.add_instead(graph, constant, moved, data);
        sink(
            graph,
            links,
            k,
            reshape,
            if constant_first {
                vec![moved, source]
            } else {
                vec![source, moved]
            },
        );
        return true;
    }
    let &[a, b] = node.inputs.as_slice() else {
        return false;
    };
    let (Some((first, x)), Some((second, y))) = (
        reshape_behind(graph, links, a),
        reshape_behind(graph, links, b),
    ) else {
        return false;
    };
    let same = graph.value(x).shape == graph.value(y).shape
        && graph.value(a).shape == shape
        && graph.value(b).shape == shape;
    if !same {
        return false;
    }
    // the later of the two reshapes has both sources before it
    sink(graph, links, k, first.max(second), vec![x, y]);
    true
}

/// Shape that a constant needs to meet `from` as it met `to`, a reshape of `from`: where both differ only in axes of
/// extent 1, or for a single number.
fn constant_before(constant: &[usize], to: &[usize], from: &[usize]) -> Option<Vec<usize>> {
    if constant.iter().all(|&extent| extent == 1) {
        return Some(vec![1; from.len()]);
    }
    let real = |shape: &[usize]| -> Vec<usize> {
        shape
            .iter()
            .copied()
            .filter(|&extent| extent != 1)
            .collect()
    };
    if real(to) != real(from) {
        return None;
    }
    let missing = to.len().checked_sub(constant.len())?;
    let mut extents = (0..to.len()).filter(|&axis| to[axis] != 1).map(|axis| {
        if axis < missing {
            1
        } else {
            constant[axis - missing]
        }
    });
    Some(
        from.iter()
            .map(|&extent| {
                if extent == 1 {
                    1
                } else {
                    extents.next().unwrap_or(1)
                }
            })
            .collect(),
    )
}
