//! Who produces and who reads each value: kept up to date by a pass while it rewrites nodes in order.

use crate::model::{ModelGraph, ModelOp, Names, Node, Value, ValueId};

/// Producers and numbers of readers.
pub(super) struct Links {
    producer: Vec<Option<usize>>,
    uses: Vec<usize>,
    output: Vec<bool>,
    names: Names,
}

impl Links {
    pub(super) fn new(graph: &ModelGraph) -> Self {
        let mut links = Self {
            producer: vec![None; graph.values.len()],
            uses: vec![0; graph.values.len()],
            output: vec![false; graph.values.len()],
            names: Names::new(graph.values.iter().map(|value| value.name.clone())),
        };
        for (k, node) in graph.nodes.iter().enumerate() {
            links.producer[node.output.index()] = Some(k);
            for id in &node.inputs {
                links.uses[id.index()] += 1;
            }
        }
        for id in &graph.outputs {
            links.output[id.index()] = true;
        }
        links
    }

    /// The node that produces a value.
    pub(super) fn producer(&self, id: ValueId) -> Option<usize> {
        self.producer[id.index()]
    }

    pub(super) fn is_output(&self, id: ValueId) -> bool {
        self.output[id.index()]
    }

    /// One node reads the value, and the caller does not.
    pub(super) fn is_private(&self, id: ValueId) -> bool {
        self.uses[id.index()] == 1 && !self.output[id.index()]
    }

    pub(super) fn set_producer(&mut self, id: ValueId, node: usize) {
        self.producer[id.index()] = Some(node);
    }

    /// Replaces a node's operands.
    pub(super) fn set_inputs(&mut self, node: &mut Node, inputs: Vec<ValueId>) {
        for id in &node.inputs {
            self.uses[id.index()] -= 1;
        }
        for id in &inputs {
            self.uses[id.index()] += 1;
        }
        node.inputs = inputs;
    }

    /// Readers of `from` read `to` from now on; the caller rewrites them.
    pub(super) fn move_uses(&mut self, from: ValueId, to: ValueId) {
        self.uses[to.index()] += std::mem::take(&mut self.uses[from.index()]);
    }

    /// The node's operands are read once less.
    pub(super) fn drop_uses(&mut self, node: &Node) {
        for id in &node.inputs {
            self.uses[id.index()] -= 1;
        }
    }

    /// A name that no value has yet.
    pub(super) fn unique_name(&mut self, base: &str) -> String {
        self.names.unique(base)
    }

    /// Adds a constant in the place of another one, whose name it takes where nothing else reads that one.
    pub(super) fn add_instead(
        &mut self,
        graph: &mut ModelGraph,
        old: ValueId,
        shape: Vec<usize>,
        data: Vec<f32>,
    ) -> ValueId {
        let name = graph.value(old).name.clone();
        let id = self.add_constant(graph, &name, shape, data);
        if self.is_private(old) {
            let fresh = std::mem::replace(&mut graph.values[id.index()].name, name);
            graph.values[old.index()].name = fresh;
        }
        id
    }

    /// Adds a constant for one reader that is about to be counted by [`Self::set_inputs`].
    pub(super) fn add_constant(
        &mut self,
        graph: &mut ModelGraph,
        base: &str,
        shape: Vec<usize>,
        data: Vec<f32>,
    ) -> ValueId {
        let id = ValueId(u32::try_from(graph.values.len()).unwrap_or(u32::MAX));
        let name = self.unique_name(base);
        graph.values.push(Value {
            name,
            shape,
            constant: Some(data.into()),
        });
        self.producer.push(None);
        self.uses.push(0);
        self.output.push(false);
        id
    }
}

/// The constant operand of a product, sum or difference and the other one: `(other, constant, constant is first)`.
pub(super) fn constant_operand(
    graph: &ModelGraph,
    node: &Node,
) -> Option<(ValueId, ValueId, bool)> {
    if !matches!(node.op, ModelOp::Add | ModelOp::Sub | ModelOp::Mul) {
        return None;
    }
    let &[a, b] = node.inputs.as_slice() else {
        return None;
    };
    match (
        graph.value(a).constant.is_some(),
        graph.value(b).constant.is_some(),
    ) {
        (false, true) => Some((a, b, false)),
        (true, false) => Some((b, a, true)),
        _ => None,
    }
}
