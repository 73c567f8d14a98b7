//! Order of the nodes: topological, otherwise as in the file; names produced once, every read name produced.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::OnnxError;
use crate::proto::Node;

/// Indices of `nodes` so that each follows those it reads from. `ready` are the inputs and constants.
pub(crate) fn schedule(nodes: &[Node], ready: &BTreeSet<String>) -> Result<Vec<usize>, OnnxError> {
    let fail = |reason: String| OnnxError::Graph { reason };
    let mut producer: BTreeMap<&str, usize> = BTreeMap::new();
    for (k, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if ready.contains(name) || producer.insert(name, k).is_some() {
                return Err(fail(format!("value `{name}` is produced more than once")));
            }
        }
    }
    let mut waits: Vec<usize> = vec![0; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (k, node) in nodes.iter().enumerate() {
        for name in node
            .input
            .iter()
            .filter(|name| !name.is_empty() && !ready.contains(*name))
        {
            let Some(&from) = producer.get(name.as_str()) else {
                return Err(fail(format!(
                    "{} node `{}` reads `{name}`, which nothing produces",
                    node.op_type, node.name
                )));
            };
            readers[from].push(k);
            waits[k] += 1;
        }
    }
    let mut free: BTreeSet<usize> = (0..nodes.len()).filter(|&k| waits[k] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(k) = free.pop_first() {
        order.push(k);
        for &reader in &readers[k] {
            waits[reader] -= 1;
            if waits[reader] == 0 {
                free.insert(reader);
            }
        }
    }
    match (0..nodes.len()).find(|&k| waits[k] > 0) {
        None => Ok(order),
        Some(k) => Err(fail(format!(
            "{} node `{}` is part of a cycle, or behind one",
            nodes[k].op_type, nodes[k].name
        ))),
    }
}
