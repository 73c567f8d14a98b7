//! The executor against its definitions in `circuit/op.rs`, computed entry by entry in `i128`.

mod oracle;

use proptest::prelude::*;
use veritorch_execute::{ExecuteError, Params, execute, run};
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, Circuit, Constraint, ConvGeometry, Op, ParamInfo, Policy, Port, SeparableMap, Table,
    TableId, Tensor, TensorId, Term,
};

/// A seeded generator: the shape of a circuit is drawn from it too.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }

    fn within(&mut self, min: i64, max: i64) -> i64 {
        let high = (self.below(1 << 31) as i128) << 31 | self.below(1 << 31) as i128;
        (i128::from(min) + high % (i128::from(max) - i128::from(min) + 1)) as i64
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

struct Builder {
    circuit: Circuit,
    weights: Vec<Vec<i64>>,
    draw: Draw,
}

impl Builder {
    fn new(seed: u64) -> Self {
        let circuit = Circuit {
            name: "test".to_owned(),
            tensors: Vec::new(),
            tables: Vec::new(),
            params: Vec::new(),
            constraints: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            policy: Policy::default(),
            batch: 0,
        };
        Self { circuit, weights: Vec::new(), draw: Draw(seed) }
    }

    fn push(&mut self, shape: &[usize], op: Op, min: i64, max: i64) -> TensorId {
        let id = TensorId(self.circuit.tensors.len() as u32);
        self.circuit.tensors.push(Tensor {
            name: format!("t{}", id.0),
            shape: shape.to_vec(),
            op,
            min,
            max,
            node: format!("node{}", id.0),
        });
        id
    }

    fn input(&mut self, shape: &[usize], min: i64, max: i64) -> TensorId {
        let index = self.circuit.inputs.len();
        let tensor = self.push(shape, Op::Input { index }, min, max);
        let name = format!("x{index}");
        self.circuit.inputs.push(Port { name, tensor, shape: shape.to_vec(), scale: vec![1.0] });
        tensor
    }

    fn weight(&mut self, shape: [usize; 3], num_planes: usize) -> TensorId {
        let param = self.circuit.params.len();
        let ones = (0..num_planes).fold(0, |ones, _| ones * 256 + 1);
        let (min, max) = (-128 * ones, 127 * ones);
        let len = shape.iter().product();
        let values = (0..len).map(|_| self.draw.within(min, max)).collect();
        self.circuit.params.push(ParamInfo { name: format!("w{param}"), shape, num_planes });
        self.weights.push(values);
        self.push(&shape, Op::Weight { param }, min, max)
    }

    /// A random range of 8, 16, 24 or 44 bits.
    fn range(&mut self) -> (i64, i64) {
        let bits = self.draw.pick(&[8, 8, 15, 16, 24, 32, 44]);
        if self.draw.below(2) == 0 { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
    }

    /// A number of weight planes with which sums of products with values up to `max` fit 64 bits.
    fn planes(&mut self, max: i64) -> usize {
        let most = ((53 - max.ilog2()) / 8).clamp(1, 4) as usize;
        if self.draw.below(2) == 0 { 1 } else { 1 + self.draw.below(most) }
    }

    /// Runs oracle and executor on random inputs of `batch` samples and compares every tensor.
    fn check(mut self, batch: usize, slack: bool) {
        let last = TensorId(self.circuit.tensors.len() as u32 - 1);
        let shape = self.circuit.tensor(last).shape.clone();
        self.circuit.outputs.push(Port { name: "y".to_owned(), tensor: last, shape, scale: vec![1.0] });
        let params = Params::from_values(&self.circuit.params, &self.weights).unwrap();
        let mut circuit = self.circuit.instantiate(batch);
        let inputs: Vec<Vec<i64>> = circuit
            .inputs
            .iter()
            .map(|port| {
                let tensor = circuit.tensor(port.tensor);
                let (min, max) = (tensor.min, tensor.max);
                let ends = [min, max];
                (0..tensor.len())
                    .map(|_| if self.draw.below(4) == 0 { self.draw.pick(&ends) } else { self.draw.within(min, max) })
                    .collect()
            })
            .collect();
        let expected = oracle::values(&circuit, &self.weights, &inputs);
        for (tensor, values) in circuit.tensors.iter_mut().zip(&expected) {
            if !matches!(tensor.op, Op::Input { .. } | Op::Weight { .. }) {
                tensor.min = *values.iter().min().unwrap();
                tensor.max = *values.iter().max().unwrap();
                if slack {
                    tensor.min = tensor.min.min(-(1 << 40));
                }
            }
        }
        if self.draw.below(2) == 0 {
            // A constraint that holds: the result is the same by the checking path.
            let (min, max) = (circuit.tensor(last).min, circuit.tensor(last).max);
            if max - min < 1 << 40 {
                circuit.tables.push(Table::Range { min, log_len: 41 });
                let table = TableId(circuit.tables.len() as u32 - 1);
                circuit.constraints.push(Constraint::Lookup { table, columns: vec![last] });
            }
        }
        let witness = execute(&circuit, &params, &inputs).unwrap();
        for ((tensor, expected), actual) in circuit.tensors.iter().zip(&expected).zip(&witness.values) {
            if !matches!(tensor.op, Op::Weight { .. }) {
                assert_eq!(&actual.to_i64(), expected, "{} {:?}", tensor.name, tensor.op);
            }
        }
        assert_eq!(run(&circuit, &params, &inputs).unwrap(), vec![expected.last().unwrap().clone()]);
    }
}

fn conv(seed: u64) {
    let mut builder = Builder::new(seed);
    let draw = &mut builder.draw;
    let kernel = [1 + draw.below(3), 1 + draw.below(3)];
    let strides = [1 + draw.below(3), 1 + draw.below(3)];
    let dilations = [1 + draw.below(2), 1 + draw.below(2)];
    let pads = [draw.below(3), draw.below(3)];
    let groups = draw.pick(&[1, 1, 2, 3]);
    let (group_channels, group_outputs) = (draw.pick(&[1, 1, 2, 3, 16, 33, 40]), draw.pick(&[1, 2, 3, 5, 18]));
    let output = [1 + draw.below(5), 1 + draw.below(18)];
    let least = |a: usize, draw: &mut Draw| {
        let read = (output[a] - 1) * strides[a] + (kernel[a] - 1) * dilations[a] + 1;
        (read + draw.below(3)).saturating_sub(pads[a] + draw.below(3)).max(1)
    };
    let input = [least(0, draw), least(1, draw)];
    let (min, max) = builder.range();
    let planes = builder.planes(max);
    let x = builder.input(&[groups * group_channels, input[0], input[1]], min, max);
    let taps = kernel[0] * kernel[1];
    let outputs = groups * group_outputs;
    let w = if groups > 1 {
        builder.weight([taps, 1, outputs * group_channels], planes)
    } else {
        builder.weight([taps, outputs, group_channels], planes)
    };
    let geometry = ConvGeometry { kernel, strides, dilations, pads, groups };
    builder.push(&[outputs, output[0], output[1]], Op::Conv { x, w, geometry }, 0, 0);
    let (batch, slack) = (1 + builder.draw.below(3), builder.draw.below(2) == 0);
    builder.check(batch, slack);
}

fn dense(seed: u64) {
    let mut builder = Builder::new(seed);
    let (rows, inner, outputs) = (1 + builder.draw.below(7), 1 + builder.draw.below(100), 1 + builder.draw.below(70));
    let (min, max) = builder.range();
    let planes = builder.planes(max);
    let x = builder.input(&[rows, inner], min, max);
    let w = builder.weight([1, outputs, inner], planes);
    builder.push(&[rows, outputs], Op::Dense { x, w }, 0, 0);
    let (batch, slack) = (1 + builder.draw.below(3), builder.draw.below(2) == 0);
    builder.check(batch, slack);
}

fn matmul(seed: u64) {
    let mut builder = Builder::new(seed);
    let (lead, m) = (1 + builder.draw.below(3), 1 + builder.draw.below(40));
    let (k, n) = (1 + builder.draw.below(90), 1 + builder.draw.below(9));
    let (a_range, b_range) = loop {
        let ranges = (builder.range(), builder.range());
        if ranges.0.1.ilog2() + ranges.1.1.ilog2() < 54 {
            break ranges;
        }
    };
    let a = builder.input(&[lead, m, k], a_range.0, a_range.1);
    let b = builder.input(&[lead, k, n], b_range.0, b_range.1);
    builder.push(&[lead, m, n], Op::MatMul { a, b }, 0, 0);
    let (batch, slack) = (1 + builder.draw.below(3), builder.draw.below(2) == 0);
    builder.check(batch, slack);
}

/// A random axis map and the length of its result.
fn axis_map(draw: &mut Draw, len: usize) -> (AxisMap, usize) {
    match draw.below(7) {
        0 | 1 => (AxisMap::Identity, len),
        2 => {
            let step = draw.pick(&[1, 1, 2, 2, 3, -1, -2]);
            (AxisMap::Strided { start: draw.within(-3, len as i64 + 1), step }, 1 + draw.below(9))
        }
        3 => (AxisMap::Diagonal((0..len).map(|_| draw.within(-1000, 1000)).collect()), len),
        4 => (AxisMap::Dilate { start: draw.below(4), step: 1 + draw.below(3) }, 1 + draw.below(12)),
        5 => {
            let (kernel, stride) = (1 + draw.below(4), 1 + draw.below(3));
            (AxisMap::Window { kernel, stride, dilation: 1 + draw.below(2), pad: draw.below(3) }, 1 + draw.below(6))
        }
        _ => {
            let output = 1 + draw.below(9);
            (AxisMap::Gather((0..output).map(|_| draw.below(len) as u32).collect()), output)
        }
    }
}

/// Whether no axis has factors, so that even wide values cannot leave 64 bits.
fn factors_are_small(links: &[AxisLink]) -> bool {
    !links.iter().any(|link| matches!(link, AxisLink::Map { map: AxisMap::Diagonal(_), .. }))
}

fn linear(seed: u64) {
    let mut builder = Builder::new(seed);
    // The first term decides the shape of the result; the others are made to fit it.
    let rank = builder.draw.below(4);
    let mut shape: Vec<usize> = Vec::new();
    let mut terms = Vec::new();
    for index in 0..1 + builder.draw.below(3) {
        let draw = &mut builder.draw;
        let mut links = Vec::new();
        let mut x_shape = Vec::new();
        let mut order: Vec<usize> = (0..rank).collect();
        if draw.below(3) == 0 {
            order.reverse();
        }
        if index == 0 {
            shape = vec![0; rank];
        }
        for output in order {
            let fixed = (index > 0).then(|| shape[output]);
            let (link, len) = loop {
                if draw.below(5) == 0 {
                    break (None, fixed.unwrap_or(1 + draw.below(5)));
                }
                let x_len = if draw.below(3) == 0 { fixed.unwrap_or(6) } else { 1 + draw.below(7) };
                let (map, len) = axis_map(draw, x_len);
                if fixed.is_none_or(|fixed| fixed == len) {
                    break (Some((x_len, map)), len);
                }
            };
            shape[output] = len;
            links.push(match link {
                None => AxisLink::Broadcast { output },
                Some((x_len, map)) => {
                    x_shape.push(x_len);
                    AxisLink::Map { input: x_shape.len() - 1, output, map }
                }
            });
        }
        while draw.below(3) == 0 {
            x_shape.push(1 + draw.below(4));
            links.push(AxisLink::Sum { input: x_shape.len() - 1 });
        }
        let (min, max) = loop {
            let range = builder.range();
            if range.1 < 1 << 16 || factors_are_small(&links) {
                break range;
            }
        };
        let x = if x_shape.len() == 3 && builder.draw.below(3) == 0 {
            builder.weight([x_shape[0], x_shape[1], x_shape[2]], 2)
        } else {
            builder.input(&x_shape, min, max)
        };
        let coefficient = builder.draw.pick(&[1, 1, -1, 3, -128, 1000]);
        terms.push(Term { x, coefficient, map: SeparableMap { links } });
    }
    let draw = &mut builder.draw;
    let constant = (0..draw.below(3))
        .map(|_| {
            let factors = shape.iter().map(|&len| match draw.below(4) {
                0 => AxisFactor::Interval { start: draw.below(len), end: len.min(1 + draw.below(len)) },
                1 => AxisFactor::Values((0..len).map(|_| draw.within(-99, 99)).collect()),
                _ => AxisFactor::Ones,
            });
            let factors = factors.collect();
            (draw.within(-500, 500), factors)
        })
        .collect();
    builder.push(&shape, Op::Linear { terms, constant }, 0, 0);
    let (batch, slack) = (1 + builder.draw.below(3), builder.draw.below(2) == 0);
    builder.check(batch, slack);
}

fn entrywise(seed: u64) {
    let mut builder = Builder::new(seed);
    let shape = [1 + builder.draw.below(5), 2 * (1 + builder.draw.below(200))];
    let (min, max) = builder.range();
    let a = builder.input(&shape, min, max);
    let b = builder.input(&shape, -(1 << 15), 1 << 15);
    builder.push(&shape, Op::Mul { a, b }, 0, 0);
    let (shift, log_numerator) = (1 + builder.draw.below(20) as u32, builder.draw.below(49) as u32);
    builder.push(&shape, Op::FloorShift { x: b, shift }, 0, 0);
    builder.push(&[shape[1], shape[0]], Op::Reshape { x: a }, 0, 0);
    let wide = builder.draw.below(2) == 0;
    let values = (0..1 << 17).map(|i| if wide { i * 9000 } else { i % 999 - 4 }).collect();
    builder.circuit.tables.push(Table::Function { min: -(1 << 16), values, name: "f".to_owned() });
    builder.push(&shape, Op::Lookup { x: b, table: TableId(0) }, 0, 0);
    let c = builder.input(&shape, 1, 1 + max);
    builder.push(&shape, Op::Reciprocal { x: c, log_numerator }, 0, 0);
    builder.push(&shape, Op::Divide { a, b: c }, 0, 0);
    builder.push(&shape, Op::SquareRoot { x: c }, 0, 0);
    let (batch, slack) = (1 + builder.draw.below(3), builder.draw.below(2) == 0);
    builder.check(batch, slack);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_exact(seed in any::<u64>()) {
        conv(seed);
    }

    #[test]
    fn dense_layers_are_exact(seed in any::<u64>()) {
        dense(seed);
    }

    #[test]
    fn products_of_activations_are_exact(seed in any::<u64>()) {
        matmul(seed);
    }

    #[test]
    fn linear_functions_are_exact(seed in any::<u64>()) {
        linear(seed);
    }

    #[test]
    fn entrywise_operators_are_exact(seed in any::<u64>()) {
        entrywise(seed);
    }
}

#[test]
fn large_linear_functions_cross_chunks() {
    for (seed, shape) in [(1, vec![3, 30, 41]), (2, vec![1, 3001]), (3, vec![2500, 2]), (4, vec![2, 3, 700])] {
        let mut builder = Builder::new(seed);
        let a = builder.input(&shape, -(1 << 20), 1 << 20);
        let b = builder.input(&shape, -128, 127);
        let mut map = SeparableMap::identity(shape.len());
        let factors = (0..shape[0] as i64).map(|i| i - 2).collect();
        map.links[0] = AxisLink::Map { input: 0, output: 0, map: AxisMap::Diagonal(factors) };
        let last = shape.len() - 1;
        let mut flip = SeparableMap::identity(shape.len());
        let start = shape[last] as i64 - 1;
        flip.links[last] = AxisLink::Map { input: last, output: last, map: AxisMap::Strided { start, step: -1 } };
        let terms = vec![
            Term { x: a, coefficient: 5, map },
            Term { x: b, coefficient: -65_536, map: SeparableMap::identity(shape.len()) },
            Term { x: b, coefficient: 1, map: flip },
        ];
        let mut factors = vec![AxisFactor::Ones; shape.len()];
        factors[last] = AxisFactor::Interval { start: 1, end: shape[last] - 1 };
        builder.push(&shape, Op::Linear { terms, constant: vec![(32_768, factors)] }, 0, 0);
        builder.check(2, false);
    }
}

fn refusing_circuit() -> (Circuit, Params) {
    let mut builder = Builder::new(1);
    let x = builder.input(&[3], -10, 300);
    let table = Table::Function { min: -8, values: vec![1; 256], name: "one".to_owned() };
    builder.circuit.tables.push(table);
    builder.push(&[3], Op::Lookup { x, table: TableId(0) }, 1, 1);
    builder.push(&[3], Op::Reciprocal { x, log_numerator: 8 }, 0, 256);
    builder.push(&[3], Op::Divide { a: x, b: x }, 1, 1);
    let least = TensorId(builder.circuit.tensors.len() as u32);
    let ones = vec![(-2, vec![AxisFactor::Ones])];
    builder.push(&[3], Op::Linear { terms: vec![Term::identity(x, 1, 1)], constant: ones }, -12, 298);
    builder.push(&[3], Op::SquareRoot { x: least }, 0, 17);
    let params = Params::from_values(&[], &[]).unwrap();
    (builder.circuit, params)
}

fn refusal(inputs: &[Vec<i64>]) -> ExecuteError {
    let (circuit, params) = refusing_circuit();
    let circuit = circuit.instantiate(2);
    let error = execute(&circuit, &params, inputs).unwrap_err();
    assert_eq!(run(&circuit, &params, inputs).unwrap_err(), error);
    error
}

#[test]
fn values_outside_a_domain_are_refused() {
    let refused = |node: &str, value, min, max, sample| ExecuteError::Refused {
        node: node.to_owned(),
        tensor: "t0".to_owned(),
        value,
        min,
        max,
        sample,
    };
    assert_eq!(refusal(&[vec![1, 2, 3, 4, 301, 5]]), refused("node0", 301, -10, 300, 1));
    assert_eq!(refusal(&[vec![1, -11, 3, 4, 301, 5]]), refused("node0", -11, -10, 300, 0));
    assert_eq!(refusal(&[vec![1, 2, 3, 4, 5, 248]]), refused("node1", 248, -8, 247, 1));
    assert_eq!(refusal(&[vec![1, 2, -9, 4, 5, 248]]), refused("node1", -9, -8, 247, 0));
    assert_eq!(refusal(&[vec![1, 2, 3, 0, 5, 247]]), refused("node2", 0, 1, i64::MAX, 1));
    let negative = ExecuteError::Refused {
        node: "node5".to_owned(),
        tensor: "t4".to_owned(),
        value: -1,
        min: 0,
        max: i64::MAX,
        sample: 1,
    };
    assert_eq!(refusal(&[vec![2, 2, 3, 4, 1, 247]]), negative);
}

/// A tensor whose published range is a table's domain: values beyond it must be refused, not cut to 16 bits.
#[test]
fn values_outside_a_constraint_are_refused_before_they_are_cut() {
    let keys = (-(1i64 << 15), (1 << 15) - 1);
    for kind in 0..5 {
        let mut builder = Builder::new(7);
        let x = builder.input(&[2], -(1 << 40), 1 << 40);
        let identity = |coefficient| vec![Term { x, coefficient, map: SeparableMap::identity(1) }];
        let op = match kind {
            0 => Op::FloorShift { x, shift: 1 },
            1 => Op::Linear { terms: identity(3), constant: vec![(5, vec![AxisFactor::Ones])] },
            2 => Op::Mul { a: x, b: x },
            3 => Op::Reshape { x },
            _ => Op::Linear { terms: identity(1), constant: Vec::new() },
        };
        let f = |x: i64| match kind {
            0 => x >> 1,
            1 => 3 * x + 5,
            2 => x * x,
            _ => x,
        };
        let (min, max) = if kind == 4 { (0, 0) } else { keys };
        let y = builder.push(&[2], op, min, max);
        builder.circuit.tables.push(Table::Range { min, log_len: 16 });
        builder.circuit.constraints.push(if kind == 4 {
            Constraint::Zero { tensor: y }
        } else {
            Constraint::Lookup { table: TableId(0), columns: vec![y] }
        });
        let params = Params::from_values(&[], &[]).unwrap();
        let circuit = builder.circuit.instantiate(2);
        for value in [0, 1, -1, 9, 255, 40_000, -40_000, 65_534, 65_536, -65_536, -65_537, 1 << 17, 1 << 20] {
            let result = execute(&circuit, &params, &[vec![0, 0, 0, value]]);
            if (min..=max).contains(&f(value)) {
                assert_eq!(result.unwrap().get(y).get(3), f(value));
            } else {
                let refused = ExecuteError::Refused {
                    node: "node1".to_owned(),
                    tensor: "t1".to_owned(),
                    value: f(value),
                    min,
                    max,
                    sample: 1,
                };
                assert_eq!(result.unwrap_err(), refused);
            }
        }
    }
}

#[test]
fn inputs_and_weights_must_fit_the_circuit() {
    let (circuit, params) = refusing_circuit();
    assert!(matches!(execute(&circuit, &params, &[]), Err(ExecuteError::NotInstantiated { .. })));
    assert!(matches!(refusal(&[]), ExecuteError::InputCount { expected: 1, actual: 0 }));
    assert!(matches!(refusal(&[vec![1; 5]]), ExecuteError::InputLength { expected: 6, actual: 5, .. }));
    let infos = [ParamInfo { name: "w".to_owned(), shape: [1, 1, 1], num_planes: 1 }];
    let params = Params::from_values(&infos, &[vec![0]]).unwrap();
    let mut circuit = circuit.instantiate(1);
    circuit.tables.push(Table::Range { min: 0, log_len: 1 });
    circuit.constraints.push(Constraint::Lookup { table: TableId(1), columns: vec![TensorId(0)] });
    let refused = execute(&circuit, &Params::from_values(&[], &[]).unwrap(), &[vec![1, 2, 0]]).unwrap_err();
    assert!(matches!(refused, ExecuteError::Refused { value: 2, min: 0, max: 1, .. }));
    assert!(matches!(execute(&circuit, &params, &[vec![1; 3]]), Err(ExecuteError::ParamCount { .. })));
}
