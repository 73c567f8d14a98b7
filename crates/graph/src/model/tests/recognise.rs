//! Patterns that exporters write as several nodes: each becomes one operator, and the graph computes the same.

use super::Sketch;
use crate::model::passes::optimise;
use crate::model::{ModelGraph, ModelOp, UnaryFn, ValueId, evaluate};

const SHAPE: [usize; 3] = [2, 3, 4];

fn unary(function: UnaryFn) -> ModelOp {
    ModelOp::Unary(function)
}

/// Arithmetic on `SHAPE`, node by node.
struct Pen {
    sketch: Sketch,
    count: usize,
}

impl Pen {
    fn new() -> (Self, ValueId) {
        let mut sketch = Sketch::default();
        let x = sketch.input("x", &SHAPE);
        (Self { sketch, count: 0 }, x)
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn node(&mut self, op: ModelOp, inputs: &[ValueId], shape: &[usize]) -> ValueId {
        let name = self.name();
        self.sketch.node(&name, op, inputs, shape)
    }

    fn of(&mut self, op: ModelOp, inputs: &[ValueId]) -> ValueId {
        let shape = self.sketch.graph.value(inputs[0]).shape.clone();
        self.node(op, inputs, &shape)
    }

    fn with(&mut self, op: ModelOp, x: ValueId, number: f32) -> ValueId {
        let name = self.name();
        let constant = self.sketch.constant(&name, &[], &[number]);
        self.of(op, &[x, constant])
    }

    /// The mean over the last axis.
    fn mean(&mut self, x: ValueId) -> ValueId {
        let sum = self.node(ModelOp::ReduceSum { axes: vec![2] }, &[x], &[2, 3, 1]);
        self.with(ModelOp::Mul, sum, 0.25)
    }

    fn finish(self, y: ValueId) -> ModelGraph {
        self.sketch.finish(&[y])
    }
}

/// Optimises a graph of one input and compares the outputs.
#[track_caller]
fn optimised(graph: &ModelGraph) -> Vec<ModelOp> {
    let mut after = graph.clone();
    optimise(&mut after).expect("a sound graph");
    after.check().expect("a sound graph");
    let count = graph.value(graph.inputs[0]).len();
    let input: Vec<f32> = (0..count).map(|k| ((k * 7 + 3) % 11) as f32 / 4.0 - 1.5).collect();
    let inputs = [input];
    let (expected, actual) = (evaluate(graph, &inputs).expect("outputs"), evaluate(&after, &inputs).expect("outputs"));
    for (a, b) in actual.iter().flatten().zip(expected.iter().flatten()) {
        assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a}, expected {b}\n{graph}\n{after}");
    }
    after.nodes.into_iter().map(|node| node.op).collect()
}

#[test]
fn layer_normalisation_in_nine_nodes() {
    for written_twice in [false, true] {
        for root in 0..4 {
            let (mut pen, x) = Pen::new();
            let mean = pen.mean(x);
            let d = pen.of(ModelOp::Sub, &[x, mean]);
            let other = if written_twice { pen.of(ModelOp::Sub, &[x, mean]) } else { d };
            let square = pen.of(ModelOp::Mul, &[other, other]);
            let variance = pen.mean(square);
            let shifted = pen.with(ModelOp::Add, variance, 1e-3);
            let y = match root {
                0 => {
                    let deviation = pen.of(unary(UnaryFn::Sqrt), &[shifted]);
                    pen.of(ModelOp::Div, &[d, deviation])
                }
                1 => {
                    let deviation = pen.of(unary(UnaryFn::Sqrt), &[shifted]);
                    let inverse = pen.of(unary(UnaryFn::Reciprocal), &[deviation]);
                    pen.of(ModelOp::Mul, &[d, inverse])
                }
                2 => {
                    let inverse = pen.of(unary(UnaryFn::Pow { exponent: -0.5 }), &[shifted]);
                    pen.node(ModelOp::Mul, &[inverse, d], &SHAPE)
                }
                _ => {
                    let deviation = pen.of(unary(UnaryFn::Sqrt), &[shifted]);
                    let one = pen.sketch.constant("one", &[], &[1.0]);
                    let inverse = pen.node(ModelOp::Div, &[one, deviation], &[2, 3, 1]);
                    pen.of(ModelOp::Mul, &[d, inverse])
                }
            };
            let ops = optimised(&pen.finish(y));
            assert_eq!(ops, [ModelOp::Normalize { axes: vec![2], epsilon: 1e-3, centred: true }]);
        }
    }
}

#[test]
fn root_mean_squares_and_lengths() {
    let (mut pen, x) = Pen::new();
    let square = pen.of(ModelOp::Mul, &[x, x]);
    let mean = pen.mean(square);
    let shifted = pen.with(ModelOp::Add, mean, 1e-2);
    let root = pen.of(unary(UnaryFn::Sqrt), &[shifted]);
    let y = pen.of(ModelOp::Div, &[x, root]);
    let ops = optimised(&pen.finish(y));
    assert_eq!(ops, [ModelOp::Normalize { axes: vec![2], epsilon: 1e-2, centred: false }]);

    // x / max(|x|, tiny), the bound expanded as PyTorch does
    let (mut pen, x) = Pen::new();
    let square = pen.of(ModelOp::Mul, &[x, x]);
    let sum = pen.node(ModelOp::ReduceSum { axes: vec![2] }, &[square], &[2, 3, 1]);
    let root = pen.of(unary(UnaryFn::Sqrt), &[sum]);
    let bounded = pen.of(unary(UnaryFn::Clip { min: 1e-12, max: f32::INFINITY }), &[root]);
    let all = pen.node(ModelOp::Expand, &[bounded], &SHAPE);
    let y = pen.of(ModelOp::Div, &[x, all]);
    let ops = optimised(&pen.finish(y));
    assert!(matches!(ops.as_slice(), [ModelOp::Normalize { centred: false, .. }, ModelOp::Mul]), "{ops:?}");
}

#[test]
fn other_quotients_stay() {
    // the squares of another tensor
    let (mut pen, x) = Pen::new();
    let other = pen.of(unary(UnaryFn::Tanh), &[x]);
    let square = pen.of(ModelOp::Mul, &[other, other]);
    let mean = pen.mean(square);
    let root = pen.of(unary(UnaryFn::Sqrt), &[mean]);
    let y = pen.of(ModelOp::Div, &[x, root]);
    assert!(optimised(&pen.finish(y)).contains(&ModelOp::Div));
    // a deviation that a number is added to
    let (mut pen, x) = Pen::new();
    let mean = pen.mean(x);
    let d = pen.of(ModelOp::Sub, &[x, mean]);
    let square = pen.of(ModelOp::Mul, &[d, d]);
    let variance = pen.mean(square);
    let root = pen.of(unary(UnaryFn::Sqrt), &[variance]);
    let shifted = pen.with(ModelOp::Add, root, 0.5);
    let y = pen.of(ModelOp::Div, &[d, shifted]);
    assert!(optimised(&pen.finish(y)).contains(&ModelOp::Div));
}

#[test]
fn gelu_in_every_order() {
    for order in 0..3 {
        let (mut pen, x) = Pen::new();
        let scaled = pen.with(ModelOp::Mul, x, std::f32::consts::FRAC_1_SQRT_2);
        let erf = pen.of(unary(UnaryFn::Erf), &[scaled]);
        let gate = pen.with(ModelOp::Add, erf, 1.0);
        let y = match order {
            0 => {
                let half = pen.with(ModelOp::Mul, x, 0.5);
                pen.of(ModelOp::Mul, &[half, gate])
            }
            1 => {
                let product = pen.of(ModelOp::Mul, &[x, gate]);
                pen.with(ModelOp::Mul, product, 0.5)
            }
            _ => {
                let half = pen.with(ModelOp::Mul, gate, 0.5);
                pen.of(ModelOp::Mul, &[half, x])
            }
        };
        assert_eq!(optimised(&pen.finish(y)), [unary(UnaryFn::Gelu)], "order {order}");
    }
}

#[test]
fn gelu_with_tanh() {
    let root = (2.0 / std::f32::consts::PI).sqrt();
    for cube_first in [false, true] {
        let (mut pen, x) = Pen::new();
        let square = pen.of(ModelOp::Mul, &[x, x]);
        let inner = if cube_first {
            let cube = pen.of(ModelOp::Mul, &[square, x]);
            let scaled = pen.with(ModelOp::Mul, cube, 0.044_715);
            let sum = pen.of(ModelOp::Add, &[x, scaled]);
            pen.with(ModelOp::Mul, sum, root)
        } else {
            // sqrt(2 / pi) x (1 + 0.044715 x^2)
            let scaled = pen.with(ModelOp::Mul, square, 0.044_715);
            let sum = pen.with(ModelOp::Add, scaled, 1.0);
            let outer = pen.with(ModelOp::Mul, x, root);
            pen.of(ModelOp::Mul, &[outer, sum])
        };
        let tanh = pen.of(unary(UnaryFn::Tanh), &[inner]);
        let gate = pen.with(ModelOp::Add, tanh, 1.0);
        let half = pen.with(ModelOp::Mul, x, 0.5);
        let y = pen.of(ModelOp::Mul, &[half, gate]);
        assert_eq!(optimised(&pen.finish(y)), [unary(UnaryFn::GeluTanh)]);
    }
}

#[test]
fn silu_and_its_scaled_form() {
    let (mut pen, x) = Pen::new();
    let gate = pen.of(unary(UnaryFn::Sigmoid), &[x]);
    let y = pen.of(ModelOp::Mul, &[gate, x]);
    assert_eq!(optimised(&pen.finish(y)), [unary(UnaryFn::Silu)]);

    let (mut pen, x) = Pen::new();
    let scaled = pen.with(ModelOp::Mul, x, 1.702);
    let gate = pen.of(unary(UnaryFn::Sigmoid), &[scaled]);
    let y = pen.of(ModelOp::Mul, &[x, gate]);
    assert_eq!(optimised(&pen.finish(y)), [ModelOp::Mul, unary(UnaryFn::Silu), ModelOp::Mul]);

    let (mut pen, x) = Pen::new();
    let negated = pen.with(ModelOp::Mul, x, -1.0);
    let exp = pen.of(unary(UnaryFn::Exp), &[negated]);
    let sum = pen.with(ModelOp::Add, exp, 1.0);
    let y = pen.of(ModelOp::Div, &[x, sum]);
    assert_eq!(optimised(&pen.finish(y)), [unary(UnaryFn::Silu)]);
}

#[test]
fn gates_of_other_tensors_and_other_numbers_stay() {
    let (mut pen, x) = Pen::new();
    let other = pen.of(unary(UnaryFn::Relu), &[x]);
    let gate = pen.of(unary(UnaryFn::Sigmoid), &[other]);
    let y = pen.of(ModelOp::Mul, &[x, gate]);
    assert!(optimised(&pen.finish(y)).contains(&unary(UnaryFn::Sigmoid)));

    let (mut pen, x) = Pen::new();
    let erf = pen.of(unary(UnaryFn::Erf), &[x]);
    let gate = pen.with(ModelOp::Add, erf, 1.5);
    let y = pen.of(ModelOp::Mul, &[x, gate]);
    assert!(optimised(&pen.finish(y)).contains(&unary(UnaryFn::Erf)));
}

fn masked(mask: &[f32], shape: &[usize]) -> (ModelGraph, Vec<ModelOp>) {
    let (mut pen, x) = Pen::new();
    let mask = pen.sketch.constant("mask", shape, mask);
    let sum = pen.of(ModelOp::Add, &[x, mask]);
    let y = pen.of(ModelOp::Softmax { axis: 2 }, &[sum]);
    let graph = pen.finish(y);
    let ops = optimised(&graph);
    (graph, ops)
}

#[test]
fn very_negative_sums_become_masks() {
    let softmax = || ModelOp::Softmax { axis: 2 };
    let low = f32::MIN;
    let causal = [0.0, low, low, low, 0.0, 0.0, low, low, 0.0, 0.0, 0.0, low];
    assert_eq!(masked(&causal, &[1, 3, 4]).1, [softmax()]);
    // what is finite stays
    assert_eq!(masked(&[0.5, -1.0, -1e4, -2e4], &[4]).1, [ModelOp::Add, softmax()]);
    assert_eq!(masked(&[0.5, -1.0, -1e3, -9e3], &[4]).1, [ModelOp::Add, softmax()]);
    // a line that is low as a whole is shifted, not masked
    let shifted = [-1e4, -1e4, -3e4, -1e4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(masked(&shifted, &[3, 4]).1, [softmax()]);
    // a line of nothing but mask depends on rounding: it stays
    let (graph, ops) = masked(&[low; 4], &[4]);
    assert_eq!((ops, graph.nodes.len()), (vec![ModelOp::Add, softmax()], 2));
}

#[test]
fn a_choice_of_very_negative_numbers_becomes_a_mask() {
    let (mut pen, x) = Pen::new();
    let keep = pen.sketch.constant("keep", &[4], &[1.0, 0.0, 1.0, 1.0]);
    let low = pen.sketch.constant("low", &[4], &[0.0, -1e30, 0.0, 0.0]);
    let product = pen.of(ModelOp::Mul, &[x, keep]);
    let sum = pen.of(ModelOp::Add, &[product, low]);
    let y = pen.of(ModelOp::Softmax { axis: 2 }, &[sum]);
    assert_eq!(optimised(&pen.finish(y)), [ModelOp::Softmax { axis: 2 }]);
}

#[test]
fn equal_nodes_and_constants_become_one() {
    let (mut pen, x) = Pen::new();
    let (a, b) = (pen.with(ModelOp::Mul, x, 3.0), pen.with(ModelOp::Mul, x, 3.0));
    let (c, d) = (pen.of(unary(UnaryFn::Tanh), &[a]), pen.of(unary(UnaryFn::Tanh), &[b]));
    let y = pen.of(ModelOp::Add, &[c, d]);
    assert_eq!(optimised(&pen.finish(y)), [ModelOp::Mul, unary(UnaryFn::Tanh), ModelOp::Add]);
}

#[test]
fn constants_that_repeat_are_narrowed() {
    let (mut pen, x) = Pen::new();
    let rows: Vec<f32> = (0..24).map(|k| [1.0, 0.0, 1.0, 1.0][k % 4]).collect();
    let mask = pen.sketch.constant("mask", &SHAPE, &rows);
    let columns: Vec<f32> = (0..24).map(|k| (k / 4 % 3) as f32).collect();
    let bias = pen.sketch.constant("bias", &SHAPE, &columns);
    let sum = pen.of(ModelOp::Add, &[x, bias]);
    let y = pen.node(ModelOp::Softmax { axis: 2 }, &[sum, mask], &SHAPE);
    let graph = pen.finish(y);
    optimised(&graph);
    let mut after = graph.clone();
    optimise(&mut after).expect("a sound graph");
    let shape = |name: &str| after.values.iter().find(|value| value.name == name).map(|value| value.shape.clone());
    assert_eq!((shape("mask"), shape("bias")), (Some(vec![1, 1, 4]), Some(vec![1, 3, 1])));
}

#[test]
fn sums_with_zero_products_with_one_and_expansions_go() {
    let (mut pen, x) = Pen::new();
    let a = pen.with(ModelOp::Mul, x, 1.0);
    let b = pen.with(ModelOp::Add, a, 0.0);
    let c = pen.with(ModelOp::Sub, b, 0.0);
    let mean = pen.mean(c);
    let all = pen.node(ModelOp::Expand, &[mean], &SHAPE);
    let y = pen.of(ModelOp::Sub, &[c, all]);
    let ops = optimised(&pen.finish(y));
    assert_eq!(ops, [ModelOp::ReduceSum { axes: vec![2] }, ModelOp::Mul, ModelOp::Sub]);
}
