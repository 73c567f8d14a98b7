//! Builds feed-forward model graphs layer by layer, with random weights.

use veritorch_graph::model::{ModelGraph, ModelOp, Node, UnaryFn, Value, ValueId};

/// SplitMix64 [Steele, Lea, Flood 2014]: the same numbers on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `[-1, 1)`, 24 bits.
    pub(crate) fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// A model graph under construction.
pub(super) struct Network {
    graph: ModelGraph,
    random: Random,
}

impl Network {
    /// A network with one input.
    pub(super) fn new(name: &str, input: &str, shape: &[usize]) -> (Self, ValueId) {
        let graph = ModelGraph { name: name.to_owned(), ..ModelGraph::default() };
        let mut network = Self { graph, random: Random::new(0x7665_7269) };
        let input = network.value(input, shape.to_vec(), None);
        network.graph.inputs.push(input);
        (network, input)
    }

    /// The finished graph.
    pub(super) fn finish(mut self, output: ValueId) -> ModelGraph {
        self.graph.outputs.push(output);
        self.graph
    }

    pub(super) fn shape(&self, id: ValueId) -> &[usize] {
        &self.graph.value(id).shape
    }

    fn value(&mut self, name: &str, shape: Vec<usize>, constant: Option<Vec<f32>>) -> ValueId {
        let id = ValueId(self.graph.values.len() as u32);
        self.graph.values.push(Value { name: name.to_owned(), shape, constant: constant.map(Into::into) });
        id
    }

    fn node(&mut self, name: &str, op: ModelOp, inputs: Vec<ValueId>, shape: Vec<usize>) -> ValueId {
        let output = self.value(name, shape, None);
        self.graph.nodes.push(Node { name: name.to_owned(), op, inputs, output, source: None });
        output
    }

    /// `gain * U(-a, a)` with `a = sqrt(6 / fan_in)`.
    fn weights(&mut self, name: &str, shape: Vec<usize>, fan_in: usize, gain: f32) -> ValueId {
        let bound = gain * (6.0 / fan_in as f32).sqrt();
        let len = shape.iter().product();
        let data = (0..len).map(|_| bound * self.random.uniform()).collect();
        self.value(name, shape, Some(data))
    }

    /// Square convolution with a bias; `gain` scales the weights.
    pub(super) fn conv(&mut self, name: &str, x: ValueId, outputs: usize, kernel: usize, stride: usize, gain: f32) -> ValueId {
        let [_, channels, height, width] = self.shape4(x);
        let pad = kernel / 2;
        let fan_in = channels * kernel * kernel;
        let w = self.weights(&format!("{name}.weight"), vec![outputs, channels, kernel, kernel], fan_in, gain);
        let b = self.weights(&format!("{name}.bias"), vec![outputs], fan_in, 0.25);
        let extent = |len: usize| (len + 2 * pad - kernel) / stride + 1;
        let op = ModelOp::Conv { strides: [stride; 2], pads: [pad; 2], dilations: [1; 2], groups: 1 };
        self.node(name, op, vec![x, w, b], vec![1, outputs, extent(height), extent(width)])
    }

    /// Fully connected layer `[1, K] -> [1, N]`.
    pub(super) fn linear(&mut self, name: &str, x: ValueId, outputs: usize) -> ValueId {
        let inputs = self.shape(x)[1];
        let w = self.weights(&format!("{name}.weight"), vec![inputs, outputs], inputs, 1.0);
        let b = self.weights(&format!("{name}.bias"), vec![outputs], inputs, 0.25);
        let product = self.node(&format!("{name}.matmul"), ModelOp::MatMul, vec![x, w], vec![1, outputs]);
        self.node(name, ModelOp::Add, vec![product, b], vec![1, outputs])
    }

    pub(super) fn relu(&mut self, name: &str, x: ValueId) -> ValueId {
        let shape = self.shape(x).to_vec();
        self.node(name, ModelOp::Unary(UnaryFn::Relu), vec![x], shape)
    }

    pub(super) fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        let shape = self.shape(a).to_vec();
        self.node(name, ModelOp::Add, vec![a, b], shape)
    }

    /// Square maximum pooling whose stride is its kernel.
    pub(super) fn max_pool(&mut self, name: &str, x: ValueId, kernel: usize) -> ValueId {
        let [_, channels, height, width] = self.shape4(x);
        let op = ModelOp::MaxPool { kernel: [kernel; 2], strides: [kernel; 2], pads: [0; 2], dilations: [1; 2] };
        self.node(name, op, vec![x], vec![1, channels, height / kernel, width / kernel])
    }

    /// Mean over height and width: `[1, C, H, W] -> [1, C]`.
    pub(super) fn global_average(&mut self, name: &str, x: ValueId) -> ValueId {
        let [_, channels, height, width] = self.shape4(x);
        let sum = self.node(&format!("{name}.sum"), ModelOp::ReduceSum { axes: vec![2, 3] }, vec![x], vec![1, channels, 1, 1]);
        let factor = self.value(&format!("{name}.factor"), vec![], Some(vec![1.0 / (height * width) as f32]));
        let mean = self.node(name, ModelOp::Mul, vec![sum, factor], vec![1, channels, 1, 1]);
        self.flatten(&format!("{name}.flatten"), mean)
    }

    pub(super) fn flatten(&mut self, name: &str, x: ValueId) -> ValueId {
        let len = self.graph.value(x).len();
        self.node(name, ModelOp::Reshape, vec![x], vec![1, len])
    }

    /// Every second row and column, and zero channels in front and behind: the shortcut "A" of [He et al. 2016, sec. 4.2].
    pub(super) fn padded_shortcut(&mut self, name: &str, x: ValueId, outputs: usize) -> ValueId {
        let [_, channels, height, width] = self.shape4(x);
        let (height, width) = (height.div_ceil(2), width.div_ceil(2));
        let slice = ModelOp::Slice { starts: vec![0; 4], steps: vec![1, 1, 2, 2] };
        let sliced = self.node(&format!("{name}.slice"), slice, vec![x], vec![1, channels, height, width]);
        let pad = ModelOp::Pad { before: vec![0, (outputs - channels) / 2, 0, 0], value: 0.0 };
        self.node(name, pad, vec![sliced], vec![1, outputs, height, width])
    }

    fn shape4(&self, id: ValueId) -> [usize; 4] {
        let shape = self.shape(id);
        [shape[0], shape[1], shape[2], shape[3]]
    }
}
