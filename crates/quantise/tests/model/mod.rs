//! Small model graphs, built by hand, and seeded data.

use veritorch_graph::model::{ModelGraph, ModelOp, Node, Value, ValueId};

/// A model graph under construction.
#[derive(Default)]
pub(crate) struct Net {
    pub(crate) graph: ModelGraph,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self { graph: ModelGraph { name: "test".to_owned(), ..ModelGraph::default() } }
    }

    fn value(&mut self, name: String, shape: &[usize], constant: Option<Vec<f32>>) -> ValueId {
        let id = ValueId(u32::try_from(self.graph.values.len()).unwrap());
        self.graph.values.push(Value { name, shape: shape.to_vec(), constant: constant.map(Into::into) });
        id
    }

    pub(crate) fn input(&mut self, shape: &[usize]) -> ValueId {
        let name = format!("x{}", self.graph.inputs.len());
        let id = self.value(name, shape, None);
        self.graph.inputs.push(id);
        id
    }

    pub(crate) fn constant(&mut self, shape: &[usize], data: Vec<f32>) -> ValueId {
        assert_eq!(shape.iter().product::<usize>(), data.len());
        let name = format!("c{}", self.graph.values.len());
        self.value(name, shape, Some(data))
    }

    /// A constant with seeded numbers in -1 .. 1.
    pub(crate) fn weight(&mut self, shape: &[usize]) -> ValueId {
        let seed = self.graph.values.len() as u64;
        self.constant(shape, noise(shape.iter().product(), seed, 1.0))
    }

    pub(crate) fn node(&mut self, op: ModelOp, inputs: &[ValueId], shape: &[usize]) -> ValueId {
        let index = self.graph.nodes.len();
        let output = self.value(format!("v{index}"), shape, None);
        let name = format!("{}{index}", op.name());
        self.graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), output, source: None });
        output
    }

    pub(crate) fn finish(self, outputs: &[ValueId]) -> ModelGraph {
        let graph = self.finish_unchecked(outputs);
        graph.check().unwrap();
        graph
    }

    pub(crate) fn finish_unchecked(mut self, outputs: &[ValueId]) -> ModelGraph {
        self.graph.outputs = outputs.to_vec();
        self.graph
    }
}

/// Seeded numbers in `-amplitude .. amplitude`.
pub(crate) fn noise(len: usize, seed: u64, amplitude: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * amplitude
        })
        .collect()
}

/// Seeded samples for every input of a graph.
pub(crate) fn samples(graph: &ModelGraph, count: usize, amplitude: f32) -> Vec<Vec<f32>> {
    graph
        .inputs
        .iter()
        .enumerate()
        .map(|(index, &id)| noise(count * graph.value(id).len(), 77 + index as u64, amplitude))
        .collect()
}
