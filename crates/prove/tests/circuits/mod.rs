//! Small circuits that between them use every operator and gadget.
use veritorch_execute::Params;
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, Circuit, CircuitBuilder, ConvGeometry, Policy, SeparableMap, TensorId, Term, Visibility,
};
use veritorch_graph::gadgets::{
    Quotient, Windows, argmax, function_table, input, max_pool_axis, requantise, signed_range, softmax,
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

    pub fn weight(&mut self, shape: [usize; 3], bound: i64) -> TensorId {
        let values = self.numbers.many(shape.iter().product(), -bound, bound);
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
    let p = softmax(&mut b.b, "softmax", s, 2, |d| ((d as f64 / 1000.0).exp() * 32768.0).round() as i32).unwrap();
    let squares = b.b.mul("squares", s, s).unwrap();
    let best = argmax(&mut b.b, "argmax", s, 2, false).unwrap();
    b.b.output("probabilities", p, &[2, 3, 5], vec![1.0]);
    b.b.output("squares", squares, &[2, 3, 5], vec![1.0]);
    b.b.output("best", best, &[2, 3, 1], vec![1.0]);
    b.finish("attention")
}

pub fn all() -> Vec<Case> {
    vec![mlp(), residual(), grouped(), attention()]
}
