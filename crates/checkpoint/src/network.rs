//! A model graph under construction: layers as they stand in transformers' modules, tensors by their names in the checkpoint.
//!
//! Activations are `[1, S, H]`: one sequence of `S` positions. A node and its result carry the name of the module.

use veritorch_graph::model::index::broadcast;
use veritorch_graph::model::{Constant, ModelGraph, ModelOp, Names, Node, Stored, UnaryFn, Value, ValueId};

use crate::CheckpointError;
use crate::weights::Weights;

/// The graph, and the tensors that it is made of.
pub(crate) struct Network<'a> {
    graph: ModelGraph,
    names: Names,
    weights: &'a mut Weights,
    /// Positions in the sequence.
    pub(crate) seq_len: usize,
}

/// How a checkpoint stores the matrix of a dense layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// `[out, in]`: `torch.nn.Linear`.
    Linear,
    /// `[in, out]`: `Conv1D` of GPT-2.
    Conv1d,
}

impl<'a> Network<'a> {
    pub(crate) fn new(weights: &'a mut Weights, seq_len: usize) -> Self {
        Self { graph: ModelGraph::default(), names: Names::default(), weights, seq_len }
    }

    fn value(&mut self, name: &str, shape: &[usize], constant: Option<Constant>) -> ValueId {
        // 2^32 values do not fit into memory
        let id = ValueId(u32::try_from(self.graph.values.len()).unwrap_or(u32::MAX));
        self.graph.values.push(Value { name: self.names.unique(name), shape: shape.to_vec(), constant });
        id
    }

    pub(crate) fn shape(&self, id: ValueId) -> &[usize] {
        &self.graph.value(id).shape
    }

    /// Ids of the sequence `[1, S]`, whole numbers.
    pub(crate) fn ids(&mut self, name: &str) -> ValueId {
        self.input(name, &[1, self.seq_len])
    }

    /// An input that holds whole numbers.
    pub(crate) fn input(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let id = self.value(name, shape, None);
        self.graph.inputs.push(id);
        self.graph.integers.insert(id);
        id
    }

    /// Numbers that follow from the configuration.
    pub(crate) fn constant(&mut self, name: &str, shape: &[usize], data: Vec<f32>) -> ValueId {
        self.value(name, shape, Some(data.into()))
    }

    /// A tensor of the checkpoint.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<ValueId, CheckpointError> {
        let stored = self.weights.take(name, shape)?;
        Ok(self.value(name, shape, Some(Constant::Stored(stored))))
    }

    /// The first rows of a matrix of the checkpoint, `shape` whole.
    pub(crate) fn rows(&mut self, name: &str, shape: [usize; 2], rows: usize) -> Result<ValueId, CheckpointError> {
        let stored = self.weights.take(name, &shape)?;
        let first = stored.first(rows * shape[1]).map(Constant::Stored);
        Ok(self.value(name, &[rows, shape[1]], first))
    }

    /// A matrix for `x W` with `W [inputs, outputs]`.
    fn matrix(&mut self, name: &str, [inputs, outputs]: [usize; 2], layout: Layout) -> Result<ValueId, CheckpointError> {
        let constant = match layout {
            Layout::Conv1d => Some(self.weights.take(name, &[inputs, outputs])?),
            Layout::Linear => self.weights.take(name, &[outputs, inputs])?.transposed(inputs),
        };
        Ok(self.value(name, &[inputs, outputs], constant.map(Constant::Stored)))
    }

    pub(crate) fn node(&mut self, name: &str, op: ModelOp, inputs: &[ValueId], shape: &[usize]) -> ValueId {
        let output = self.value(name, shape, None);
        let name = self.graph.value(output).name.clone();
        self.graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), output, source: None });
        output
    }

    // ---- operators; shapes that do not fit are found by the check of the finished graph ----

    fn elementwise(&mut self, name: &str, op: ModelOp, a: ValueId, b: ValueId) -> ValueId {
        let shape = broadcast(self.shape(a), self.shape(b)).unwrap_or_default();
        self.node(name, op, &[a, b], &shape)
    }

    pub(crate) fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.elementwise(name, ModelOp::Add, a, b)
    }

    pub(crate) fn sub(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.elementwise(name, ModelOp::Sub, a, b)
    }

    pub(crate) fn mul(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.elementwise(name, ModelOp::Mul, a, b)
    }

    /// `factor x`
    pub(crate) fn scale(&mut self, name: &str, x: ValueId, factor: f32) -> ValueId {
        let constant = self.constant(&format!("{name}.factor"), &[], vec![factor]);
        self.mul(name, x, constant)
    }

    pub(crate) fn unary(&mut self, name: &str, function: UnaryFn, x: ValueId) -> ValueId {
        let shape = self.shape(x).to_vec();
        self.node(name, ModelOp::Unary(function), &[x], &shape)
    }

    pub(crate) fn reshape(&mut self, name: &str, x: ValueId, shape: &[usize]) -> ValueId {
        self.node(name, ModelOp::Reshape, &[x], shape)
    }

    pub(crate) fn transpose(&mut self, name: &str, x: ValueId, perm: &[usize]) -> ValueId {
        let shape: Vec<usize> = perm.iter().filter_map(|&k| self.shape(x).get(k).copied()).collect();
        self.node(name, ModelOp::Transpose { perm: perm.to_vec() }, &[x], &shape)
    }

    /// Entries `indices` of one axis.
    pub(crate) fn gather(&mut self, name: &str, x: ValueId, axis: usize, indices: Vec<usize>) -> ValueId {
        let mut shape = self.shape(x).to_vec();
        shape[axis] = indices.len();
        self.node(name, ModelOp::Gather { axis, indices }, &[x], &shape)
    }

    /// `len` entries of the last axis from `start` on.
    pub(crate) fn slice_last(&mut self, name: &str, x: ValueId, start: usize, len: usize) -> ValueId {
        let mut shape = self.shape(x).to_vec();
        let last = shape.len() - 1;
        shape[last] = len;
        let mut starts = vec![0; shape.len()];
        starts[last] = start;
        self.node(name, ModelOp::Slice { starts, steps: vec![1; shape.len()] }, &[x], &shape)
    }

    pub(crate) fn matmul(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        let mut shape = self.shape(a).to_vec();
        if let (Some(last), Some(&columns)) = (shape.last_mut(), self.shape(b).last()) {
            *last = columns;
        }
        self.node(name, ModelOp::MatMul, &[a, b], &shape)
    }

    // ---- layers ----

    /// Rows of `{name}.weight [vocabulary, width]`.
    pub(crate) fn embedding(&mut self, name: &str, ids: ValueId, table: [usize; 2]) -> Result<ValueId, CheckpointError> {
        let weight = self.tensor(&format!("{name}.weight"), &table)?;
        let shape = [self.shape(ids), &table[1..]].concat();
        Ok(self.node(name, ModelOp::Embedding, &[weight, ids], &shape))
    }

    /// `x W`, and `+ b` where the configuration has a bias.
    pub(crate) fn dense(
        &mut self,
        name: &str,
        x: ValueId,
        outputs: usize,
        layout: Layout,
        has_bias: bool,
    ) -> Result<ValueId, CheckpointError> {
        let inputs = self.shape(x).last().copied().unwrap_or_default();
        let weight = self.matrix(&format!("{name}.weight"), [inputs, outputs], layout)?;
        let product = self.matmul(name, x, weight);
        if !has_bias {
            return Ok(product);
        }
        let bias = self.tensor(&format!("{name}.bias"), &[outputs])?;
        Ok(self.add(&format!("{name}.sum"), product, bias))
    }

    /// `x W^T` with an embedding's table `[vocabulary, width]`.
    pub(crate) fn tied_head(&mut self, name: &str, x: ValueId, table: &str, vocabulary: usize) -> Result<ValueId, CheckpointError> {
        let width = self.shape(x).last().copied().unwrap_or_default();
        let stored: Option<Stored> = self.weights.take(table, &[vocabulary, width])?.transposed(width);
        let weight = self.value(&format!("{name}.weight"), &[width, vocabulary], stored.map(Constant::Stored));
        Ok(self.matmul(name, x, weight))
    }

    /// `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last axis.
    pub(crate) fn layer_norm(&mut self, name: &str, x: ValueId, epsilon: f32) -> Result<ValueId, CheckpointError> {
        let width = self.shape(x).last().copied().unwrap_or_default();
        let normal = self.normalize(name, x, epsilon, true);
        let weight = self.tensor(&format!("{name}.weight"), &[width])?;
        let scaled = self.mul(&format!("{name}.scaled"), normal, weight);
        let bias = self.tensor(&format!("{name}.bias"), &[width])?;
        Ok(self.add(&format!("{name}.sum"), scaled, bias))
    }

    /// `x / sqrt(mean(x^2) + epsilon) * weight` over the last axis.
    pub(crate) fn rms_norm(&mut self, name: &str, x: ValueId, epsilon: f32) -> Result<ValueId, CheckpointError> {
        let width = self.shape(x).last().copied().unwrap_or_default();
        let normal = self.normalize(name, x, epsilon, false);
        let weight = self.tensor(&format!("{name}.weight"), &[width])?;
        Ok(self.mul(&format!("{name}.scaled"), normal, weight))
    }

    /// Normalises the last axis.
    pub(crate) fn normalize(&mut self, name: &str, x: ValueId, epsilon: f32, centred: bool) -> ValueId {
        let shape = self.shape(x).to_vec();
        let axes = vec![shape.len() - 1];
        self.node(name, ModelOp::Normalize { axes, epsilon, centred }, &[x], &shape)
    }

    /// `[1, S, heads * dim]` to `[1, heads, S, dim]`.
    pub(crate) fn split_heads(&mut self, name: &str, x: ValueId, heads: usize, dim: usize) -> ValueId {
        let split = self.reshape(&format!("{name}.split"), x, &[1, self.seq_len, heads, dim]);
        self.transpose(&format!("{name}.heads"), split, &[0, 2, 1, 3])
    }

    /// `softmax(scale q k^T) v` over heads `[1, heads, S, dim]`, as `[1, S, heads * dim]`. A mask `[S, S]` tells which
    /// positions a row may see.
    pub(crate) fn attention(&mut self, name: &str, [q, k, v]: [ValueId; 3], scale: f32, mask: Option<ValueId>) -> ValueId {
        let (heads, dim) = (self.shape(q)[1], self.shape(q)[3]);
        let keys = self.transpose(&format!("{name}.keys"), k, &[0, 1, 3, 2]);
        let products = self.matmul(&format!("{name}.products"), q, keys);
        let scores = self.scale(&format!("{name}.scores"), products, scale);
        let operands: Vec<ValueId> = [scores].into_iter().chain(mask).collect();
        let shape = self.shape(scores).to_vec();
        let weights = self.node(&format!("{name}.softmax"), ModelOp::Softmax { axis: 3 }, &operands, &shape);
        let mixed = self.matmul(&format!("{name}.mixed"), weights, v);
        let rows = self.transpose(&format!("{name}.rows"), mixed, &[0, 2, 1, 3]);
        self.reshape(&format!("{name}.joined"), rows, &[1, self.seq_len, heads * dim])
    }

    /// Mask `[S, S]`: a position sees itself and what is before it.
    pub(crate) fn causal_mask(&mut self) -> ValueId {
        let n = self.seq_len;
        let data = (0..n).flat_map(|row| (0..n).map(move |column| f32::from(u8::from(column <= row)))).collect();
        self.constant("causal_mask", &[n, n], data)
    }

    /// The finished graph with these outputs under these names.
    pub(crate) fn finish(mut self, model: String, outputs: &[(ValueId, &str)]) -> Result<ModelGraph, CheckpointError> {
        for &(output, name) in outputs {
            self.names.release(&self.graph.value(output).name);
            self.graph.values[output.index()].name = self.names.unique(name);
            self.graph.outputs.push(output);
        }
        self.graph.name = model;
        self.graph.check()?;
        Ok(self.graph)
    }
}
