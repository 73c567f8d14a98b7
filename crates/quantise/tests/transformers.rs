//! Operators of transformers at the default settings: the quantised circuit is near the float model.

mod model;

use model::{Net, noise, samples};
use veritorch_graph::model::{ModelGraph, ModelOp, UnaryFn, ValueId};
use veritorch_quantise::{QuantiseError, QuantiseOptions, Quantised, quantise, run_samples};

const MAGNITUDE: ModelOp = ModelOp::Unary(UnaryFn::Abs);

fn normalize(axes: &[usize], centred: bool) -> ModelOp {
    ModelOp::Normalize { axes: axes.to_vec(), epsilon: 1e-5, centred }
}

/// Quantises with the defaults.
#[track_caller]
fn near_on(graph: &ModelGraph, data: &[Vec<f32>], drift: f64) -> Quantised {
    let options = QuantiseOptions { node_errors: true, ..QuantiseOptions::default() };
    let quantised = quantise(graph, data, &options).unwrap();
    let report = &quantised.report;
    assert_eq!(report.refused, 0, "{report}");
    assert!(report.drift() <= drift, "{report}\n{}", quantised.circuit);
    quantised
}

#[track_caller]
fn near(graph: &ModelGraph, drift: f64) -> Quantised {
    near_on(graph, &samples(graph, 12, 2.0), drift)
}

/// Token ids below `vocabulary`.
fn ids(len: usize, vocabulary: usize, seed: u64) -> Vec<f32> {
    noise(len, seed, 1.0).into_iter().map(|v| ((v + 1.0) / 2.0 * vocabulary as f32).floor().min(vocabulary as f32 - 1.0)).collect()
}

/// Product with a constant matrix.
fn linear(net: &mut Net, x: ValueId, shape: [usize; 2], outer: usize) -> ValueId {
    let w = net.weight(&[shape[1], outer]);
    net.node(ModelOp::MatMul, &[x, w], &[shape[0], outer])
}

#[test]
fn normalisations() {
    for (shape, axes) in [([6, 16].as_slice(), [1].as_slice()), (&[2, 4, 12], &[2]), (&[3, 4, 6], &[1, 2]), (&[3, 8, 5], &[1])] {
        for centred in [true, false] {
            let mut net = Net::new();
            let x = net.input(shape);
            let y = net.node(normalize(axes, centred), &[x], shape);
            near(&net.finish(&[y]), 1e-3);
        }
    }
    // Long rows with outliers and hardly an epsilon, on a residual stream of as many bits as their squares leave.
    let shape = [2, 400];
    let mut net = Net::new();
    let (x, w) = (net.input(&shape), net.weight(&[400, 400]));
    let mut sizes = vec![0.01; 400];
    sizes[7] = 30.0;
    let sizes = net.constant(&[400], sizes);
    let x = net.node(ModelOp::Mul, &[x, sizes], &shape);
    let h = net.node(ModelOp::MatMul, &[x, w], &shape);
    let h = net.node(ModelOp::Mul, &[h, sizes], &shape);
    let sum = net.node(ModelOp::Add, &[x, h], &shape);
    let op = ModelOp::Normalize { axes: vec![1], epsilon: 1e-12, centred: true };
    let y = net.node(op, &[sum], &shape);
    near(&net.finish(&[y]), 5e-3);
    // Rows of sizes far apart.
    let mut net = Net::new();
    let x = net.input(&[4, 16]);
    let size = net.constant(&[4, 1], vec![1.0, 0.3, 3.0, 0.1]);
    let x = net.node(ModelOp::Mul, &[x, size], &[4, 16]);
    let y = net.node(normalize(&[1], true), &[x], &[4, 16]);
    near(&net.finish(&[y]), 2e-3);
}

#[test]
fn scale_and_bias_go_into_the_products_behind() {
    let shape = [5, 16];
    let mut net = Net::new();
    let x = net.input(&shape);
    let n = net.node(normalize(&[1], true), &[x], &shape);
    let (g, b) = (net.weight(&[16]), net.weight(&[16]));
    let n = net.node(ModelOp::Mul, &[n, g], &shape);
    let n = net.node(ModelOp::Add, &[n, b], &shape);
    let first = linear(&mut net, n, shape, 8);
    let last = net.node(ModelOp::Slice { starts: vec![4, 0], steps: vec![1, 1] }, &[n], &[1, 16]);
    let second = linear(&mut net, last, [1, 16], 3);
    let quantised = near(&net.finish(&[first, second]), 1e-3);
    // One rescale of the normalised values, and neither scale nor bias as a weight of its own.
    let names: Vec<&str> = quantised.circuit.params.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| !name.contains(":shift") && !name.contains(":bias")).count(), 2, "{names:?}");

    // Read as it is as well: scale and bias stay.
    let mut net = Net::new();
    let x = net.input(&shape);
    let n = net.node(normalize(&[1], true), &[x], &shape);
    let (g, b) = (net.weight(&[16]), net.weight(&[16]));
    let n = net.node(ModelOp::Mul, &[n, g], &shape);
    let n = net.node(ModelOp::Add, &[n, b], &shape);
    let h = linear(&mut net, n, shape, 16);
    let y = net.node(ModelOp::Add, &[n, h], &shape);
    let y = net.node(normalize(&[1], true), &[y], &shape);
    near(&net.finish(&[y]), 1e-3);
}

#[test]
fn group_normalisation_of_images() {
    let shape = [1, 8, 4, 4];
    let mut net = Net::new();
    let x = net.input(&[1, 3, 6, 6]);
    let w = net.weight(&[8, 3, 3, 3]);
    let conv = ModelOp::Conv { strides: [1, 1], pads: [0, 0], dilations: [1, 1], groups: 1 };
    let h = net.node(conv, &[x, w], &shape);
    let h = net.node(ModelOp::Reshape, &[h], &[1, 4, 32]);
    let h = net.node(normalize(&[2], true), &[h], &[1, 4, 32]);
    let h = net.node(ModelOp::Reshape, &[h], &shape);
    let (g, b) = (net.weight(&[8, 1, 1]), net.weight(&[8, 1, 1]));
    let h = net.node(ModelOp::Mul, &[h, g], &shape);
    let h = net.node(ModelOp::Add, &[h, b], &shape);
    let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[h], &shape);
    near(&net.finish(&[y]), 2e-3);
}

/// `softmax(q k) v`, scaled, under a mask or not.
fn attention(mask: Option<(&[usize], Vec<f32>)>) -> ModelGraph {
    let mut net = Net::new();
    let (q, k, v) = (net.input(&[2, 6, 4]), net.input(&[2, 4, 6]), net.input(&[2, 6, 4]));
    let s = net.node(ModelOp::MatMul, &[q, k], &[2, 6, 6]);
    let root = net.constant(&[], vec![0.5]);
    let s = net.node(ModelOp::Mul, &[s, root], &[2, 6, 6]);
    let mut operands = vec![s];
    if let Some((shape, data)) = mask {
        operands.push(net.constant(shape, data));
    }
    let p = net.node(ModelOp::Softmax { axis: 2 }, &operands, &[2, 6, 6]);
    let y = net.node(ModelOp::MatMul, &[p, v], &[2, 6, 4]);
    let w = net.weight(&[4, 3]);
    let y = net.node(ModelOp::MatMul, &[y, w], &[2, 6, 3]);
    net.finish(&[y])
}

#[test]
fn attention_without_probabilities() {
    let causal = |keys: usize| -> Vec<f32> { (0..6 * keys).map(|at| f32::from(u8::from(at % keys <= at / keys))).collect() };
    near(&attention(None), 2e-3);
    near(&attention(Some((&[6, 6], causal(6)))), 2e-3);
    near(&attention(Some((&[1, 1, 6], vec![1.0, 1.0, 0.0, 1.0, 1.0, 0.0]))), 2e-3);
    // A query that sees nothing averages to zero.
    let mut blind = causal(6);
    blind[..6].fill(0.0);
    near(&attention(Some((&[1, 6, 6], blind))), 2e-3);
    // Heads with masks of their own have no circuit.
    let graph = attention(Some((&[2, 6, 6], [causal(6), vec![1.0; 36]].concat())));
    let error = quantise(&graph, &samples(&graph, 4, 1.0), &QuantiseOptions::default()).unwrap_err();
    assert!(matches!(&error, QuantiseError::Unsupported { op, .. } if op == "Softmax"), "{error}");
}

/// Products of activations that are added to something as they are, and read twice.
#[test]
fn averages_and_norms_beside_a_residual() {
    let mut net = Net::new();
    let x = net.input(&[6, 8]);
    let n = net.node(normalize(&[1], true), &[x], &[6, 8]);
    let r = net.node(ModelOp::Add, &[x, n], &[6, 8]);
    let g = net.node(ModelOp::Unary(UnaryFn::Sigmoid), &[r], &[6, 8]);
    near(&net.finish(&[r, g]), 2e-3);

    let mut net = Net::new();
    let (s, v) = (net.input(&[2, 6, 6]), net.input(&[2, 6, 4]));
    let p = net.node(ModelOp::Softmax { axis: 2 }, &[s], &[2, 6, 6]);
    let y = net.node(ModelOp::MatMul, &[p, v], &[2, 6, 4]);
    let r = net.node(ModelOp::Add, &[y, v], &[2, 6, 4]);
    let g = net.node(ModelOp::Unary(UnaryFn::Sigmoid), &[r], &[2, 6, 4]);
    near(&net.finish(&[r, g]), 2e-3);
}

#[test]
fn probabilities_that_are_read_as_they_are() {
    for axis in [1, 2] {
        let mut net = Net::new();
        let x = net.input(&[2, 5, 6]);
        let p = net.node(ModelOp::Softmax { axis }, &[x], &[2, 5, 6]);
        let w = net.weight(&[6, 6]);
        let y = net.node(ModelOp::MatMul, &[p, w], &[2, 5, 6]);
        near(&net.finish(&[p, y]), 2e-3);
    }
}

#[test]
fn embeddings_of_ids() {
    for vocabulary in [3, 11, 16, 37] {
        let mut net = Net::new();
        let x = net.input(&[7]);
        let (table, positions) = (net.weight(&[vocabulary, 6]), net.weight(&[7, 6]));
        let e = net.node(ModelOp::Embedding, &[table, x], &[7, 6]);
        let e = net.node(ModelOp::Add, &[e, positions], &[7, 6]);
        let y = net.node(normalize(&[1], false), &[e], &[7, 6]);
        let graph = net.finish(&[y]);
        let data = vec![ids(7 * 10, vocabulary, 5)];
        let quantised = near_on(&graph, &data, 1e-3);
        let port = &quantised.circuit.inputs[0];
        assert_eq!((port.scale.as_slice(), quantised.circuit.tensor(port.tensor).min), ([1.0].as_slice(), 0));
        // The greatest id that the input's range holds, beyond the table's rows, is refused.
        if !vocabulary.is_power_of_two() {
            let beyond = vec![vec![vocabulary.next_power_of_two() as f32 - 1.0; 7]];
            assert!(run_samples(&quantised.circuit, &quantised.params, &beyond).unwrap()[0].is_none());
        }
        let error = quantise(&graph, &[vec![0.5; 7]], &QuantiseOptions::default()).unwrap_err();
        assert!(matches!(error, QuantiseError::Model { .. }), "{error}");
    }
}

#[test]
fn quotients_of_activations() {
    let mut net = Net::new();
    let (a, b) = (net.input(&[3, 4]), net.input(&[3, 4]));
    let positive = net.node(ModelOp::Unary(UnaryFn::Softplus), &[b], &[3, 4]);
    let half = net.constant(&[], vec![0.5]);
    let positive = net.node(ModelOp::Add, &[positive, half], &[3, 4]);
    let y = net.node(ModelOp::Div, &[a, positive], &[3, 4]);
    let row = net.node(ModelOp::ReduceSum { axes: vec![1] }, &[positive], &[3, 1]);
    let negative = net.constant(&[], vec![-0.25]);
    let row = net.node(ModelOp::Mul, &[row, negative], &[3, 1]);
    let z = net.node(ModelOp::Div, &[a, row], &[3, 4]);
    let n = net.node(normalize(&[1], true), &[z], &[3, 4]);
    near(&net.finish(&[y, z, n]), 2e-3);

    // A divisor on both sides of zero is refused, and named.
    let mut net = Net::new();
    let (a, b) = (net.input(&[3, 4]), net.input(&[3, 4]));
    let y = net.node(ModelOp::Div, &[a, b], &[3, 4]);
    let graph = net.finish(&[y]);
    let error = quantise(&graph, &samples(&graph, 4, 1.0), &QuantiseOptions::default()).unwrap_err();
    assert!(matches!(&error, QuantiseError::Unsupported { op, .. } if op == "Div"), "{error}");
}

#[test]
fn functions() {
    for (function, positive, drift) in [
        (UnaryFn::Gelu, false, 1e-3),
        (UnaryFn::GeluTanh, false, 1e-3),
        (UnaryFn::Silu, false, 1e-3),
        (UnaryFn::Erf, false, 1e-3),
        (UnaryFn::Exp, false, 1e-3),
        (UnaryFn::Abs, false, 1e-3),
        (UnaryFn::Relu, false, 1e-3),
        (UnaryFn::Tanh, false, 1e-3),
        (UnaryFn::Log, true, 1e-3),
        (UnaryFn::Sqrt, true, 1e-3),
        (UnaryFn::Reciprocal, true, 2e-3),
        (UnaryFn::Pow { exponent: 3.0 }, false, 1e-3),
        (UnaryFn::Pow { exponent: -0.5 }, true, 2e-3),
    ] {
        // Behind a linear layer, and on an integer tensor.
        for pending in [true, false] {
            let mut net = Net::new();
            let x = net.input(&[4, 8]);
            let n = net.node(normalize(&[1], true), &[x], &[4, 8]);
            let mut h = if pending { linear(&mut net, n, [4, 8], 8) } else { n };
            if positive {
                h = net.node(MAGNITUDE, &[h], &[4, 8]);
                let shift = net.constant(&[], vec![0.3]);
                h = net.node(ModelOp::Add, &[h, shift], &[4, 8]);
            }
            let y = net.node(ModelOp::Unary(function), &[h], &[4, 8]);
            near(&net.finish(&[y]), drift);
        }
    }
}

#[test]
fn rotations_and_gates() {
    let shape = [6, 8];
    let mut net = Net::new();
    let x = net.input(&shape);
    let q = linear(&mut net, x, shape, 8);
    let (cos, sin) = (net.weight(&shape), net.weight(&shape));
    let swap = ModelOp::Gather { axis: 1, indices: (0..8).map(|at| at ^ 1).collect() };
    let swapped = net.node(swap, &[q], &shape);
    let (a, b) = (net.node(ModelOp::Mul, &[q, cos], &shape), net.node(ModelOp::Mul, &[swapped, sin], &shape));
    let rotated = net.node(ModelOp::Add, &[a, b], &shape);
    let n = net.node(normalize(&[1], false), &[rotated], &shape);
    let gate = linear(&mut net, n, shape, 12);
    let gate = net.node(ModelOp::Unary(UnaryFn::Silu), &[gate], &[6, 12]);
    let up = linear(&mut net, n, shape, 12);
    let h = net.node(ModelOp::Mul, &[gate, up], &[6, 12]);
    let down = linear(&mut net, h, [6, 12], 8);
    let y = net.node(ModelOp::Add, &[rotated, down], &shape);
    near(&net.finish(&[y]), 1e-3);
}

/// Two blocks of a small LLaMA: ids `[8]` to logits `[8, 20]`.
fn llama(outlier: f32) -> ModelGraph {
    let (t, dim) = (8, 16);
    let shape = [t, dim];
    let mut net = Net::new();
    let x = net.input(&[t]);
    let mut table = noise(20 * dim, 3, 1.0);
    table.chunks_mut(dim).for_each(|row| row[3] *= outlier);
    let table = net.constant(&[20, dim], table);
    let mask = net.constant(&[t, t], (0..t * t).map(|at| f32::from(u8::from(at % t <= at / t))).collect());
    let root = net.constant(&[], vec![0.1]);
    let mut x = net.node(ModelOp::Embedding, &[table, x], &shape);
    for _ in 0..2 {
        let n = net.node(normalize(&[1], false), &[x], &shape);
        let gain = net.weight(&[dim]);
        let n = net.node(ModelOp::Mul, &[n, gain], &shape);
        let [q, k, v] = [0, 1, 2].map(|_| linear(&mut net, n, shape, dim));
        let k = net.node(ModelOp::Transpose { perm: vec![1, 0] }, &[k], &[dim, t]);
        let s = net.node(ModelOp::MatMul, &[q, k], &[t, t]);
        let s = net.node(ModelOp::Mul, &[s, root], &[t, t]);
        let p = net.node(ModelOp::Softmax { axis: 1 }, &[s, mask], &[t, t]);
        let o = net.node(ModelOp::MatMul, &[p, v], &shape);
        let o = linear(&mut net, o, shape, dim);
        x = net.node(ModelOp::Add, &[x, o], &shape);
    }
    let n = net.node(normalize(&[1], false), &[x], &shape);
    let y = linear(&mut net, n, shape, 20);
    net.finish(&[y])
}

#[test]
fn a_residual_stream_takes_the_bits_that_its_outliers_ask_for() {
    let bits = |outlier: f32, options: &QuantiseOptions| {
        let quantised = quantise(&llama(outlier), &[ids(8 * 16, 20, 9)], options).unwrap();
        let report = &quantised.report;
        assert_eq!(report.refused, 0, "{report}");
        assert!(report.drift() < 5e-3 && report.agreement() > 0.98, "{report}");
        let (float, integer) = report.outputs[0].perplexity.unwrap();
        assert!((float / integer - 1.0).abs() < 0.01, "{report}");
        // The sum behind the first attention.
        report.nodes.iter().find(|node| node.name == "v12").map(|node| node.bits).unwrap()
    };
    let defaults = QuantiseOptions { node_errors: true, ..QuantiseOptions::default() };
    assert_eq!(bits(1.0, &defaults), 16);
    assert!(bits(500.0, &defaults) > 16);
    assert_eq!(bits(1.0, &QuantiseOptions { residual_bits: Some(20), ..defaults }), 20);
}

#[test]
fn explicit_options_win_over_the_profile() {
    let graph = llama(1.0);
    let data = vec![ids(8 * 16, 20, 9)];
    let defaults = quantise(&graph, &data, &QuantiseOptions::default()).unwrap();
    assert_eq!(defaults.report.activation_bits, 16);
    assert!(defaults.circuit.params.iter().any(|param| param.num_planes > 1));
    let options = QuantiseOptions { activation_bits: Some(12), wide_weights: Some(false), ..QuantiseOptions::default() };
    let narrow = quantise(&graph, &data, &options).unwrap();
    assert_eq!(narrow.report.activation_bits, 12);
    assert!(narrow.report.drift() > defaults.report.drift());
    let is_weight = |name: &str| name.starts_with('c') && !name.contains(':');
    let planes = |quantised: &Quantised| -> usize {
        quantised.circuit.params.iter().filter(|param| is_weight(&param.name)).map(|param| param.num_planes).sum()
    };
    assert!(planes(&narrow) < planes(&defaults));
    // The same on every run.
    assert_eq!(quantise(&graph, &data, &QuantiseOptions::default()).unwrap().circuit.digest(), defaults.circuit.digest());
}
