//! Common results: nodes that compute the same from the same operands become one, constants of the same numbers as well.

use std::collections::BTreeMap;

use crate::model::{Constant, ModelError, ModelGraph, ModelOp, ValueId};

/// Results by operands and operator's name.
type Known = BTreeMap<(Vec<ValueId>, &'static str), Vec<(ModelOp, ValueId)>>;

/// Makes equal nodes and constants one. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn share(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut now: Vec<ValueId> = (0..).map(ValueId).take(graph.values.len()).collect();
    let mut changed = share_constants(graph, &mut now);
    let outputs: Vec<bool> = {
        let mut flags = vec![false; graph.values.len()];
        graph.outputs.iter().for_each(|id| flags[id.index()] = true);
        flags
    };
    let mut known = Known::new();
    let nodes = std::mem::take(&mut graph.nodes);
    for mut node in nodes {
        for id in &mut node.inputs {
            *id = now[id.index()];
        }
        let equals = known.entry((node.inputs.clone(), node.op.name())).or_default();
        let same_shape = |id: ValueId| graph.value(id).shape == graph.value(node.output).shape;
        let twin = equals.iter().find(|(op, id)| *op == node.op && same_shape(*id));
        match twin {
            Some(&(_, id)) if !outputs[node.output.index()] => {
                now[node.output.index()] = id;
                changed = true;
            }
            _ => {
                equals.push((node.op.clone(), node.output));
                graph.nodes.push(node);
            }
        }
    }
    Ok(changed)
}

fn share_constants(graph: &ModelGraph, now: &mut [ValueId]) -> bool {
    let mut known: BTreeMap<(&[usize], u64), Vec<ValueId>> = BTreeMap::new();
    let mut read = vec![false; graph.values.len()];
    graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|id| read[id.index()] = true);
    let mut changed = false;
    for (k, value) in graph.values.iter().enumerate() {
        let Some(data) = value.constant.as_ref().and_then(Constant::owned) else { continue };
        let same = |id: ValueId| {
            let other = graph.value(id).constant.as_ref().and_then(Constant::owned).unwrap_or_default();
            data.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let equals = known.entry((&value.shape, digest(data))).or_default();
        match equals.iter().find(|id| same(**id)) {
            Some(&id) => {
                now[k] = id;
                changed |= read[k];
            }
            None => equals.push(ValueId(u32::try_from(k).unwrap_or(u32::MAX))),
        }
    }
    changed
}

/// A number that equal constants share (FNV-1a over the bits).
fn digest(data: &[f32]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, x| {
        (hash ^ u64::from(x.to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
