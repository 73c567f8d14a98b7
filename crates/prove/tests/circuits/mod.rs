//! Small circuits that between them use every operator and gadget.
use veritorch_execute::Params;
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, Circuit, CircuitBuilder, ConvGeometry, Policy, SeparableMap, TensorId, Term, Visibility,
};
use veritorch_graph::gadgets::{
    Draw, Mask, Normalisation, Quotient, Windows, apply_table, argmax, divide, embedding, function_table, input, max_pool_axis,
    Trees, normalize, one_hot_len, requantise, sample, signed_range, softmax, trees,
};

/// A circuit with weights and one sample.
pub struct Case {
    pub name: &'static str,
    pub circuit: Circuit,
    pub params: Params,
    pub inputs: Vec<Vec<i64>>,
}

/// A linear congruential generator: the same numbers everywhere.
pub struct Numbers(u64);

impl Numbers {
    pub fn next(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((self.0 >> 33) % (high - low + 1) as u64) as i64
    }

    pub fn many(&mut self, count: usize, low: i64, high: i64) -> Vec<i64> {
        (0..count).map(|_| self.next(low, high)).collect()
    }
}

pub const POLICY: Policy = Policy { input: Visibility::Private, output: Visibility::Public, weights: Visibility::Private };

pub struct Builder {
    pub b: CircuitBuilder,
    pub numbers: Numbers,
    weights: Vec<Vec<i64>>,
    inputs: Vec<Vec<i64>>,
}

impl Builder {
    pub fn new(name: &str, policy: Policy) -> Self {
        Self { b: CircuitBuilder::new(name, policy), numbers: Numbers(7), weights: Vec::new(), inputs: Vec::new() }
    }

    pub fn input(&mut self, shape: &[usize]) -> TensorId {
        let len = shape.iter().product();
        self.inputs.push(self.numbers.many(len, -128, 127));
        let name = format!("x{}", self.inputs.len());
        input(&mut self.b, &name, shape, (-128, 8), 1.0).unwrap()
    }

    /// Ids in `0..len`, room for which is left above them.
    pub fn ids(&mut self, shape: &[usize], len: i64) -> TensorId {
        self.inputs.push(self.numbers.many(shape.iter().product(), 0, len - 10));
        let name = format!("ids{}", self.inputs.len());
        input(&mut self.b, &name, shape, (0, 8), 1.0).unwrap()
    }

    pub fn weight(&mut self, shape: [usize; 3], bound: i64) -> TensorId {
        let values = self.numbers.many(shape.iter().product(), -bound, bound);
        self.weight_of(shape, values)
    }

    pub fn weight_of(&mut self, shape: [usize; 3], values: Vec<i64>) -> TensorId {
        let name = format!("w{}", self.weights.len());
        let id = self.b.weight(&name, shape, &values).unwrap();
        self.weights.push(values);
        id
    }

    /// `relu(acc * M_o + bias)` with a multiplier per index of `axis`, rescaled to 8 bits.
    pub fn activate(&mut self, name: &str, acc: TensorId, axis: usize, skip: Option<TensorId>) -> TensorId {
        let shape = self.b.shape(acc).to_vec();
        let rank = shape.len();
        let (low, high) = self.b.range(acc);
        let scale = ((1i64 << 23) / low.abs().max(high).max(1)).clamp(1, 3000);
        let multipliers = (0..shape[axis] as i64).map(|o| scale + o % 3).collect();
        let mut terms =
            vec![Term { x: acc, coefficient: 1, map: SeparableMap::along(rank, axis, AxisMap::Diagonal(multipliers)) }];
        let bias = self.weight([1, 1, shape[axis]], 1 << 18);
        let links = (0..rank).map(|k| if k == axis { AxisLink::Map { input: 2, output: k, map: AxisMap::Identity } } else { AxisLink::Broadcast { output: k } });
        let links = links.chain([AxisLink::Sum { input: 0 }, AxisLink::Sum { input: 1 }]).collect();
        terms.push(Term { x: bias, coefficient: 1, map: SeparableMap { links } });
        if let Some(skip) = skip {
            terms.push(Term::identity(skip, 1 << 15, rank));
        }
        let half = vec![(1 << 15, vec![AxisFactor::Ones; rank])];
        let t = self.b.linear(&format!("{name}:scaled"), &shape, terms, half).unwrap();
        let table = function_table(&mut self.b, "relu, clamp to [0, 255]", -(1 << 15), 16, |q| q.clamp(0, 255) as i32);
        requantise(&mut self.b, name, t, 16, Quotient::Function(table)).unwrap().value
    }

    /// The same value in this many bits.
    pub fn rescale(&mut self, name: &str, x: TensorId, bits: u32) -> TensorId {
        let shape = self.b.shape(x).to_vec();
        let (low, high) = self.b.range(x);
        let shift = low.abs().max(high).ilog2() + 2 - bits;
        let half = vec![(1 << (shift - 1), vec![AxisFactor::Ones; shape.len()])];
        let t = self.b.linear(&format!("{name}:scaled"), &shape, vec![Term::identity(x, 1, shape.len())], half).unwrap();
        requantise(&mut self.b, name, t, shift, signed_range()).unwrap().value
    }

    pub fn finish(self, name: &'static str) -> Case {
        let circuit = self.b.finish().unwrap();
        let values: Vec<Vec<i64>> = circuit
            .params
            .iter()
            .map(|info| {
                let index: usize = info.name.trim_start_matches('w').parse().unwrap();
                self.weights[index].clone()
            })
            .collect();
        let params = Params::from_values(&circuit.params, &values).unwrap();
        Case { name, circuit, params, inputs: self.inputs }
    }
}

fn geometry(kernel: [usize; 2], strides: [usize; 2], dilations: [usize; 2], pads: [usize; 2], groups: usize) -> ConvGeometry {
    ConvGeometry { kernel, strides, dilations, pads, groups }
}

/// Two dense layers.
pub fn mlp() -> Case {
    let mut b = Builder::new("mlp", POLICY);
    let x = b.input(&[20]);
    let w = b.weight([1, 12, 20], 127);
    let acc = b.b.dense("fc1", x, w).unwrap();
    let y = b.activate("relu1", acc, 0, None);
    let w = b.weight([1, 10, 12], 127);
    let logits = b.b.dense("fc2", y, w).unwrap();
    b.b.output("logits", logits, &[10], vec![1.0]);
    b.finish("mlp")
}

/// A residual network with extents that are no powers of two: convolutions, a max pool, a flattening, a dense layer.
pub fn residual() -> Case {
    let mut b = Builder::new("residual", POLICY);
    let x = b.input(&[1, 3, 9, 9]);
    let w = b.weight([9, 6, 3], 127);
    let acc = b.b.conv("conv1", x, w, geometry([3, 3], [1, 1], [1, 1], [1, 1], 1), [9, 9]).unwrap();
    let a = b.activate("relu1", acc, 1, None);
    let w = b.weight([9, 6, 6], 127);
    let acc = b.b.conv("conv2", a, w, geometry([3, 3], [1, 1], [2, 2], [2, 2], 1), [9, 9]).unwrap();
    let c = b.activate("relu2", acc, 1, Some(a));
    let windows = Windows { kernel: 3, stride: 2, dilation: 1, pad: 1, output: 5 };
    let p = max_pool_axis(&mut b.b, "pool:width", c, 3, windows).unwrap();
    let p = max_pool_axis(&mut b.b, "pool:height", p, 2, windows).unwrap();
    let flat = b.b.reshape("flatten", p, &[1, 150]).unwrap();
    let w = b.weight([1, 5, 150], 127);
    let logits = b.b.dense("fc", flat, w).unwrap();
    b.b.output("logits", logits, &[1, 5], vec![1.0]);
    b.finish("residual")
}

/// Grouped and depthwise convolutions with strides, and a mean.
pub fn grouped() -> Case {
    let mut b = Builder::new("grouped", POLICY);
    let x = b.input(&[1, 6, 7, 5]);
    let w = b.weight([6, 1, 4 * 3], 127);
    let acc = b.b.conv("conv1", x, w, geometry([3, 2], [2, 1], [1, 2], [1, 0], 2), [4, 3]).unwrap();
    let a = b.activate("relu1", acc, 1, None);
    let w = b.weight([9, 1, 4], 127);
    let acc = b.b.conv("conv2", a, w, geometry([3, 3], [1, 1], [1, 1], [1, 1], 4), [4, 3]).unwrap();
    let a = b.activate("relu2", acc, 1, Some(a));
    let window = |len| AxisMap::Window { kernel: len, stride: 1, dilation: 1, pad: 0 };
    let mut map = SeparableMap::along(4, 2, window(4));
    map.links[3] = AxisLink::Map { input: 3, output: 3, map: window(3) };
    let sum = b.b.linear("mean", &[1, 4, 1, 1], vec![Term { x: a, coefficient: 1, map }], Vec::new()).unwrap();
    let flat = b.b.reshape("flatten", sum, &[4]).unwrap();
    let w = b.weight([1, 3, 4], 127);
    let logits = b.b.dense("fc", flat, w).unwrap();
    b.b.output("logits", logits, &[3], vec![1.0]);
    b.finish("grouped")
}

/// Products of activations, softmax, argmax, two inputs and three outputs.
pub fn attention() -> Case {
    let mut b = Builder::new("attention", POLICY);
    let q = b.input(&[2, 3, 4]);
    let k = b.input(&[2, 4, 5]);
    let scores = b.b.matmul("scores", q, k).unwrap();
    let half = vec![(8, vec![AxisFactor::Ones; 3])];
    let t = b.b.linear("scores:scaled", &[2, 3, 5], vec![Term::identity(scores, 1, 3)], half).unwrap();
    let s = requantise(&mut b.b, "scores:rescaled", t, 4, signed_range()).unwrap().value;
    let p = softmax(&mut b.b, "softmax", s, 2, None, |d| (d as f64 / 1000.0).exp()).unwrap();
    let squares = b.b.mul("squares", s, s).unwrap();
    let best = argmax(&mut b.b, "argmax", s, 2, false).unwrap();
    b.b.output("probabilities", p, &[2, 3, 5], vec![1.0]);
    b.b.output("squares", squares, &[2, 3, 5], vec![1.0]);
    b.b.output("best", best, &[2, 3, 1], vec![1.0]);
    b.finish("attention")
}

/// Rows with their mean taken off and divided by their deviation, groups by their mean square, and a quotient of tensors.
pub fn norms() -> Case {
    let mut b = Builder::new("norms", POLICY);
    let x = b.input(&[3, 10]);
    let how = Normalisation { axes: &[1], epsilon: 0.25, centred: true, bits: 12 };
    let rows = normalize(&mut b.b, "layer", x, &how).unwrap();
    let rows = b.rescale("layer:rescaled", rows.value, 12);
    let groups = b.input(&[2, 2, 3]);
    let how = Normalisation { axes: &[1, 2], epsilon: 1.0, centred: false, bits: 10 };
    let groups = normalize(&mut b.b, "group", groups, &how).unwrap();
    let groups = b.rescale("group:rescaled", groups.value, 12);
    let divisor = function_table(&mut b.b, "softplus", -(1 << 15), 16, |q| (q >> 4).max(0) as i32 + 3);
    let divisor = apply_table(&mut b.b, "divisor", rows, divisor).unwrap();
    let dividend = b.b.linear("dividend", &[3, 10], vec![Term::identity(x, 1 << 12, 2)], Vec::new()).unwrap();
    let quotient = divide(&mut b.b, "quotient", dividend, divisor).unwrap();
    b.b.output("rows", rows, &[3, 10], vec![1.0]);
    b.b.output("groups", groups, &[2, 2, 3], vec![1.0]);
    b.b.output("quotient", quotient, &[3, 10], vec![1.0]);
    b.finish("norms")
}

/// Embeddings by private ids, two heads of attention under a mask with a line of no keys, softmax under a causal mask.
pub fn transformer() -> Case {
    let mut b = Builder::new("transformer", POLICY);
    let (heads, len, width) = (2, 4, 3);
    let ids = b.ids(&[len], 19);
    let w = b.weight([1, heads * width, 19], 127);
    let tokens = embedding(&mut b.b, "tokens", ids, w, 19).unwrap();
    let w = b.weight([1, heads * width, one_hot_len(19)], 127);
    let queries = embedding(&mut b.b, "queries", ids, w, 19).unwrap();
    let split = |b: &mut Builder, name: &str, x, order: [usize; 3], shape: &[usize]| {
        let whole = b.b.reshape(&format!("{name}:heads"), x, &[len, heads, width]).unwrap();
        let links = (0..3).map(|axis| AxisLink::Map { input: order[axis], output: axis, map: AxisMap::Identity });
        let terms = vec![Term { x: whole, coefficient: 1, map: SeparableMap { links: links.collect() } }];
        b.b.linear(name, shape, terms, Vec::new()).unwrap()
    };
    let q = split(&mut b, "q", queries, [1, 0, 2], &[heads, len, width]);
    let k = split(&mut b, "k", tokens, [1, 2, 0], &[heads, width, len]);
    let v = split(&mut b, "v", tokens, [1, 0, 2], &[heads, len, width]);
    let scores = b.b.matmul("scores", q, k).unwrap();
    let scores = b.rescale("scores:rescaled", scores, 11);
    let exp = |d: i64| (d as f64 / 40.0).exp();
    let real = [[true, false, false, true], [false; 4], [true, true, false, false], [true; 4]];
    let mask = Mask::new(len, real.concat());
    let seen = veritorch_graph::gadgets::attention(&mut b.b, "attention", scores, v, Some(&mask), exp).unwrap();
    let seen = b.rescale("seen", seen.value, 12);
    let p = softmax(&mut b.b, "softmax", scores, 2, Some(&Mask::causal(len, len)), exp).unwrap();
    b.b.output("tokens", tokens, &[len, heads * width], vec![1.0]);
    b.b.output("seen", seen, &[heads, len, width], vec![1.0]);
    b.b.output("probabilities", p, &[heads, len, len], vec![1.0]);
    b.finish("transformer")
}

/// Three complete trees of three levels on three features, with two values to a leaf.
pub fn forest() -> Case {
    const SHAPE: [usize; 3] = [1, 8, 8];
    let mut b = Builder::new("forest", POLICY);
    let x = b.input(&[1, 3]);
    // Nodes level by level, all trees together; the last level's are leaves, and so is what fills up the table.
    let (num_trees, depth) = (3, 3);
    let inner: i64 = (0..depth).map(|level| num_trees << level).sum();
    let words = (0..64).map(|n| if n < inner { 4 * b.numbers.next(-100, 100) + b.numbers.next(0, 2) } else { 4 * 127 }).collect();
    let children = (0..64).map(|n| if n < inner { num_trees + 2 * n } else { n }).collect();
    let words = b.weight_of(SHAPE, words);
    let children = b.weight_of(SHAPE, children);
    let leaves = (0..2).map(|_| b.weight(SHAPE, 1000)).collect();
    let forest = Trees { num_trees: 3, depth: 3, words, log_features: 2, children, leaves, bits: 8 };
    for (name, values) in ["first", "second"].into_iter().zip(trees(&mut b.b, "forest", x, &forest).unwrap()) {
        b.b.output(name, values, &[3], vec![1.0]);
    }
    b.finish("forest")
}

/// Draws by a public seed: from all scores of a row, and from its greatest ones.
pub fn draws() -> Case {
    let mut b = Builder::new("draws", Policy { input: Visibility::Public, ..POLICY });
    let x = b.input(&[3, 6]);
    let seed = b.input(&[4]);
    let w = b.weight([1, 11, 6], 127);
    let acc = b.b.dense("fc", x, w).unwrap();
    let scores = b.rescale("scores", acc, 9);
    for (name, top_k) in [("any", None), ("greatest", Some(4))] {
        let drawn = sample(&mut b.b, name, scores, seed, Draw { label: "noise", temperature: 30.0, top_k }).unwrap();
        b.b.output(name, drawn, &[3, 1], vec![1.0]);
    }
    b.finish("draws")
}

pub fn all() -> Vec<Case> {
    vec![mlp(), residual(), grouped(), attention(), norms(), transformer(), forest(), draws()]
}
