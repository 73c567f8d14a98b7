//! Dead code: nodes and constants that no output needs.

use crate::model::{ModelError, ModelGraph, ValueId};

/// Removes nodes and values that no output depends on; inputs stay. True where something went.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn remove_dead(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut live = vec![false; graph.values.len()];
    for id in graph.outputs.iter().chain(&graph.inputs) {
        live[id.index()] = true;
    }
    let mut keep = vec![false; graph.nodes.len()];
    for (k, node) in graph.nodes.iter().enumerate().rev() {
        if live[node.output.index()] {
            keep[k] = true;
            for id in &node.inputs {
                live[id.index()] = true;
            }
        }
    }
    let changed = live.contains(&false) || keep.contains(&false);
    if !changed {
        return Ok(false);
    }
    let mut next = 0;
    let map: Vec<ValueId> = live
        .iter()
        .map(|&live| {
            let id = ValueId(next);
            next += u32::from(live);
            id
        })
        .collect();
    let mut at = 0;
    graph.values.retain(|_| {
        at += 1;
        live[at - 1]
    });
    let mut at = 0;
    graph.nodes.retain(|_| {
        at += 1;
        keep[at - 1]
    });
    for node in &mut graph.nodes {
        node.output = map[node.output.index()];
        node.inputs.iter_mut().for_each(|id| *id = map[id.index()]);
    }
    for id in graph.inputs.iter_mut().chain(&mut graph.outputs) {
        *id = map[id.index()];
    }
    graph.integers = std::mem::take(&mut graph.integers).into_iter().map(|id| map[id.index()]).collect();
    Ok(true)
}
