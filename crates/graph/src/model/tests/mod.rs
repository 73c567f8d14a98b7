//! Tests of the model graph: checker, evaluator, printer, passes.

mod check;
mod constant;
mod evaluate;
mod passes;
mod recognise;

use super::{ModelGraph, ModelOp, Node, Value, ValueId};

/// Builds graphs in a few lines; results get the name of their node.
#[derive(Default)]
pub(super) struct Sketch {
    pub(super) graph: ModelGraph,
}

impl Sketch {
    pub(super) fn value(
        &mut self,
        name: &str,
        shape: &[usize],
        constant: Option<Vec<f32>>,
    ) -> ValueId {
        let id = ValueId(u32::try_from(self.graph.values.len()).expect("few values"));
        self.graph.values.push(Value {
            name: name.to_owned(),
            shape: shape.to_vec(),
            constant: constant.map(Into::into),
        });
        id
    }

    pub(super) fn input(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let id = self.value(name, shape, None);
        self.graph.inputs.push(id);
        id
    }

    pub(super) fn constant(&mut self, name: &str, shape: &[usize], data: &[f32]) -> ValueId {
        self.value(name, shape, Some(data.to_vec()))
    }

    pub(super) fn node(
        &mut self,
        name: &str,
        op: ModelOp,
        inputs: &[ValueId],
        shape: &[usize],
    ) -> ValueId {
        let output = self.value(name, shape, None);
        let source = Some(format!("model.py:{}", self.graph.nodes.len() + 1));
        self.graph.nodes.push(Node {
            name: format!("{name}_node"),
            op,
            inputs: inputs.to_vec(),
            output,
            source,
        });
        output
    }

    pub(super) fn finish(mut self, outputs: &[ValueId]) -> ModelGraph {
        self.graph.name = "sketch".to_owned();
        self.graph.outputs = outputs.to_vec();
        self.graph.check().expect("a sound graph");
        self.graph
    }
}

/// A convolution without strides, pads, dilations and groups.
pub(super) fn plain_conv() -> ModelOp {
    ModelOp::Conv {
        strides: [1; 2],
        pads: [0; 2],
        dilations: [1; 2],
        groups: 1,
    }
}
