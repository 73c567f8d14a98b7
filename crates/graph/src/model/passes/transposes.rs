//! Transposes behind what does not care about the order of axes: `f(transpose(x)) = transpose(f(x))`.
//!
//! Formats with channels last put transposes around each convolution and pool; behind this pass the two between neighbouring layers meet, and
//! [`simplify`](super::simplify) makes them nothing. Other readers keep their transpose, which costs nothing.

use std::collections::BTreeMap;

use crate::model::{Constant, FixedPoint, ModelError, ModelGraph, ModelOp, Names, Node, Value, ValueId, wire};

/// A value that is a transpose: of what, and how.
type Transposed = BTreeMap<ValueId, (ValueId, Vec<usize>)>;

/// Moves transposes behind operators that act on each entry, on lines or along axes. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn sink_transposes(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut sink = Sink {
        values: Names::new(graph.values.iter().map(|value| value.name.clone())),
        names: Names::new(graph.nodes.iter().map(|node| node.name.clone())),
        transposed: Transposed::new(),
        nodes: Vec::with_capacity(graph.nodes.len()),
    };
    let mut changed = false;
    for node in std::mem::take(&mut graph.nodes) {
        changed |= sink.push(graph, node)?;
    }
    graph.nodes = sink.nodes;
    Ok(changed)
}

struct Sink {
    values: Names,
    names: Names,
    transposed: Transposed,
    nodes: Vec<Node>,
}

impl Sink {
    /// Adds a node, or the same on what its operands are transposes of, and a transpose behind it.
    fn push(&mut self, graph: &mut ModelGraph, node: Node) -> Result<bool, ModelError> {
        if let ModelOp::Transpose { perm } = &node.op {
            self.transposed.insert(node.output, (node.inputs[0], perm.clone()));
            self.nodes.push(node);
            return Ok(false);
        }
        let rank = graph.value(node.output).shape.len();
        let perm = node.inputs.iter().find_map(|id| self.transposed.get(id)).map(|(_, perm)| perm.clone());
        let moved = perm.filter(|perm| perm.len() == rank).and_then(|perm| Some((on_axes(&node.op, &perm)?, perm)));
        let Some((op, perm)) = moved.filter(|(_, perm)| node.inputs.iter().all(|&id| self.fits(graph, id, perm))) else {
            self.nodes.push(node);
            return Ok(false);
        };
        let inputs = node.inputs.iter().map(|&id| self.before(graph, id, &perm, &node)).collect::<Result<Vec<_>, _>>()?;
        let shape = place(&graph.value(node.output).shape, &perm);
        let base = graph.value(node.output).name.clone();
        let result = self.value(graph, &format!("{base}/unmoved"), shape, None);
        let name = self.names.unique(&format!("{}/moved", node.name));
        let source = node.source.clone();
        self.nodes.push(Node { op, inputs, output: result, ..node.clone() });
        self.nodes.push(Node { name, op: ModelOp::Transpose { perm: perm.clone() }, inputs: vec![result], output: node.output, source });
        self.transposed.insert(node.output, (result, perm));
        Ok(true)
    }

    /// Whether an operand can be had without the transpose: it is one, is constant, or has at most one axis.
    fn fits(&self, graph: &ModelGraph, id: ValueId, perm: &[usize]) -> bool {
        let value = graph.value(id);
        match self.transposed.get(&id) {
            Some((_, own)) => own == perm,
            None => value.shape.len() <= perm.len() && (value.constant.is_some() || value.shape.iter().filter(|&&extent| extent > 1).count() <= 1),
        }
    }

    /// An operand without the transpose.
    fn before(&mut self, graph: &mut ModelGraph, id: ValueId, perm: &[usize], reader: &Node) -> Result<ValueId, ModelError> {
        if let Some((source, _)) = self.transposed.get(&id) {
            return Ok(*source);
        }
        let value = graph.value(id);
        if value.len() == 1 && value.constant.is_some() {
            return Ok(id);
        }
        let mut shape = vec![1; perm.len() - value.shape.len()];
        shape.extend(&value.shape);
        let mut inverse = vec![0; perm.len()];
        perm.iter().enumerate().for_each(|(k, &axis)| inverse[axis] = k);
        let to = place(&shape, perm);
        let name = format!("{}/unmoved", value.name);
        if let Some(data) = value.data() {
            let op = ModelOp::Transpose { perm: inverse };
            let moved = wire(&op, &[(&shape, &data)], &to, 0.0)?;
            return Ok(self.value(graph, &name, to, Some(moved.into())));
        }
        let output = self.value(graph, &name, to, None);
        let name = self.names.unique(&format!("{}/operand", reader.name));
        self.nodes.push(Node { name, op: ModelOp::Reshape, inputs: vec![id], output, source: reader.source.clone() });
        Ok(output)
    }

    fn value(&mut self, graph: &mut ModelGraph, name: &str, shape: Vec<usize>, constant: Option<Constant>) -> ValueId {
        // 2^32 values do not fit into memory
        let id = ValueId(u32::try_from(graph.values.len()).unwrap_or(u32::MAX));
        graph.values.push(Value { name: self.values.unique(name), shape, constant });
        id
    }
}

/// Entry `k` at position `perm[k]`.
fn place<T: Copy + Default>(entries: &[T], perm: &[usize]) -> Vec<T> {
    let mut placed = vec![T::default(); perm.len()];
    perm.iter().zip(entries).for_each(|(&axis, &entry)| placed[axis] = entry);
    placed
}

/// The operator on the axes of what its operands are transposes of; `None` for operators that need their order.
fn on_axes(op: &ModelOp, perm: &[usize]) -> Option<ModelOp> {
    let sorted = |axes: &[usize]| {
        let mut axes: Vec<usize> = axes.iter().map(|&axis| perm[axis]).collect();
        axes.sort_unstable();
        axes
    };
    Some(match op {
        ModelOp::Add | ModelOp::Sub | ModelOp::Mul | ModelOp::Div | ModelOp::Unary(_) => op.clone(),
        ModelOp::Quantize { .. } | ModelOp::Table { .. } => op.clone(),
        ModelOp::FixedPoint(rule) => ModelOp::FixedPoint(FixedPoint { axis: perm[rule.axis], ..rule.clone() }),
        ModelOp::ReduceSum { axes } => ModelOp::ReduceSum { axes: sorted(axes) },
        ModelOp::ReduceMax { axes } => ModelOp::ReduceMax { axes: sorted(axes) },
        ModelOp::Normalize { axes, epsilon, centred } => {
            ModelOp::Normalize { axes: sorted(axes), epsilon: *epsilon, centred: *centred }
        }
        ModelOp::Concat { axis } => ModelOp::Concat { axis: perm[*axis] },
        ModelOp::Slice { starts, steps } => ModelOp::Slice { starts: place(starts, perm), steps: place(steps, perm) },
        ModelOp::Pad { before, value } => ModelOp::Pad { before: place(before, perm), value: *value },
        ModelOp::Gather { axis, indices } => ModelOp::Gather { axis: perm[*axis], indices: indices.clone() },
        _ => return None,
    })
}
