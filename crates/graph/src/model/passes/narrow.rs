//! Constants that repeat along an axis: where broadcasting gives the repetition, one entry of the axis is enough.
//!
//! Exporters write masks and biases out for every head and sample.

use super::links::Links;
use crate::model::index::{broadcast, broadcast_strides, for_each_index, offset};
use crate::model::{Constant, ModelError, ModelGraph, ModelOp, ValueId};

/// Narrows constant operands of arithmetic, and masks. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn narrow_constants(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut links = Links::new(graph);
    let mut changed = false;
    for k in 0..graph.nodes.len() {
        let node = &graph.nodes[k];
        let at = match (&node.op, node.inputs.as_slice()) {
            (ModelOp::Softmax { .. }, [_, _]) => 1,
            (ModelOp::Add | ModelOp::Sub | ModelOp::Mul | ModelOp::Div, &[a, b]) => {
                let is_constant = |id: ValueId| graph.value(id).constant.is_some();
                match (is_constant(a), is_constant(b)) {
                    (true, false) => 0,
                    (false, true) => 1,
                    _ => continue,
                }
            }
            _ => continue,
        };
        let (constant, other) = (node.inputs[at], node.inputs[1 - at]);
        let value = graph.value(constant);
        let Some(data) = value.constant.as_ref().and_then(Constant::owned) else { continue };
        let Some((shape, data)) = narrow(&value.shape, data) else { continue };
        if broadcast(&shape, &graph.value(other).shape).as_ref() != Some(&graph.value(node.output).shape) {
            continue;
        }
        let narrowed = links.add_instead(graph, constant, shape, data);
        let mut inputs = graph.nodes[k].inputs.clone();
        inputs[at] = narrowed;
        links.set_inputs(&mut graph.nodes[k], inputs);
        changed = true;
    }
    Ok(changed)
}

/// The tensor with extent 1 on every axis that it repeats along; nothing where there is none.
fn narrow(shape: &[usize], data: &[f32]) -> Option<(Vec<usize>, Vec<f32>)> {
    let mut small = shape.to_vec();
    for axis in 0..shape.len() {
        let extent = shape[axis];
        let inner: usize = shape[axis + 1..].iter().product();
        let repeats = extent > 1
            && data.chunks_exact(extent * inner).all(|block| {
                let (first, rest) = block.split_at(inner);
                rest.chunks_exact(inner).all(|line| line.iter().zip(first).all(|(a, b)| a.to_bits() == b.to_bits()))
            });
        if repeats {
            small[axis] = 1;
        }
    }
    if small == shape {
        return None;
    }
    let to = broadcast_strides(&small, shape);
    let mut out = vec![0.0; small.iter().product()];
    let mut at = 0;
    for_each_index(shape, |index| {
        out[offset(index, &to)] = data[at];
        at += 1;
    });
    Some((small, out))
}
