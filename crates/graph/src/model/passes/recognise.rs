//! Operators that exporters write as several: each pattern becomes one operator again.
//!
//! * `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` and `x / sqrt(mean(x^2) + epsilon)` become `Normalize`;
//! * `x / 2 * (1 + erf(x / sqrt 2))`, its form with tanh, and `x * sigmoid(x)` become `Gelu` and `Silu`;
//! * a sum with a constant that is very negative in places, before a softmax, becomes the softmax's mask.
//!
//! Constant factors may stand anywhere in a pattern: what they leave is a factor before or behind the operator.

use super::pattern::View;
use super::{activation, mask, normalization};
use crate::model::{ModelError, ModelGraph, ModelOp, Names, Node, Value, ValueId};

/// What stands in place of a node: operators in a row, each on the result before it.
pub(super) struct Chain {
    /// What the first operator reads.
    pub(super) x: ValueId,
    pub(super) steps: Vec<Step>,
}

/// An operator of a chain, and its second operand where it has one. The result has the shape of the node's.
pub(super) struct Step {
    pub(super) op: ModelOp,
    pub(super) constant: Option<(Vec<usize>, Vec<f32>)>,
}

impl Chain {
    pub(super) fn new(x: ValueId) -> Self {
        Self { x, steps: Vec::new() }
    }

    pub(super) fn then(mut self, op: ModelOp) -> Self {
        self.steps.push(Step { op, constant: None });
        self
    }

    pub(super) fn with(mut self, op: ModelOp, shape: Vec<usize>, data: Vec<f32>) -> Self {
        self.steps.push(Step { op, constant: Some((shape, data)) });
        self
    }

    /// A product by a number, where that changes anything.
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
    pub(super) fn scaled(self, factor: f64) -> Self {
        if (factor - 1.0).abs() < 1e-6 {
            return self;
        }
        self.with(ModelOp::Mul, Vec::new(), vec![factor as f32])
    }
}

/// Replaces patterns by operators. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn recognise(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let view = View::new(graph);
    let found: Vec<Option<Chain>> = graph
        .nodes
        .iter()
        .map(|node| {
            normalization::find(&view, node)
                .or_else(|| activation::find(&view, node))
                .or_else(|| mask::find(&view, node))
        })
        .collect();
    if found.iter().all(Option::is_none) {
        return Ok(false);
    }
    let mut value_names = Names::new(graph.values.iter().map(|value| value.name.clone()));
    let mut node_names = Names::new(graph.nodes.iter().map(|node| node.name.clone()));
    let nodes = std::mem::take(&mut graph.nodes);
    for (node, chain) in nodes.into_iter().zip(found) {
        let Some(chain) = chain else {
            graph.nodes.push(node);
            continue;
        };
        let shape = graph.value(node.output).shape.clone();
        let last = chain.steps.len() - 1;
        let mut x = chain.x;
        for (k, step) in chain.steps.into_iter().enumerate() {
            let mut inputs = vec![x];
            let base = format!("{}/{}", node.name, step.op.name().to_lowercase());
            if let Some((shape, data)) = step.constant {
                let name = value_names.unique(&format!("{base}_constant"));
                inputs.push(add_value(graph, name, shape, Some(data)));
            }
            let (name, output) = if k == last {
                (node.name.clone(), node.output)
            } else {
                let name = value_names.unique(&base);
                (node_names.unique(&base), add_value(graph, name, shape.clone(), None))
            };
            graph.nodes.push(Node { name, op: step.op, inputs, output, source: node.source.clone() });
            x = output;
        }
    }
    Ok(true)
}

fn add_value(graph: &mut ModelGraph, name: String, shape: Vec<usize>, constant: Option<Vec<f32>>) -> ValueId {
    let id = ValueId(u32::try_from(graph.values.len()).unwrap_or(u32::MAX));
    graph.values.push(Value { name, shape, constant: constant.map(Into::into) });
    id
}
