//! Every operator of the model graph: the quantised circuit is near the float model, in a batch.

mod model;

use model::{Net, samples};
use veritorch_graph::model::{ModelGraph, ModelOp, UnaryFn};
use veritorch_quantise::{QuantiseOptions, Quantised, quantise};

/// Quantises with 12-bit activations and 16-bit weights, so that only a wrong lowering is far off.
#[track_caller]
fn near(graph: &ModelGraph, drift: f64) -> Quantised {
    let data = samples(graph, 20, 2.0);
    let options = QuantiseOptions {
        activation_bits: Some(12),
        input_bits: Some(14),
        residual_bits: Some(12),
        wide_weights: Some(true),
        node_errors: true,
        ..QuantiseOptions::default()
    };
    let quantised = quantise(graph, &data, &options).unwrap();
    let report = &quantised.report;
    assert_eq!(report.refused, 0, "{report}");
    assert!(report.drift() <= drift, "{report}\n{}", quantised.circuit);
    quantised
}

fn conv(strides: [usize; 2], pads: [usize; 2], dilations: [usize; 2], groups: usize) -> ModelOp {
    ModelOp::Conv { strides, pads, dilations, groups }
}

#[test]
fn convolutions() {
    for (op, w, bias, output) in [
        (conv([1, 1], [1, 1], [1, 1], 1), [6, 4, 3, 3], true, [1, 6, 7, 8]),
        (conv([2, 2], [1, 1], [1, 1], 1), [6, 4, 3, 3], false, [1, 6, 4, 4]),
        (conv([1, 2], [2, 0], [2, 1], 2), [6, 2, 3, 2], true, [1, 6, 7, 4]),
        (conv([1, 1], [1, 1], [1, 1], 4), [4, 1, 3, 3], true, [1, 4, 7, 8]),
        (conv([1, 1], [0, 0], [1, 1], 1), [5, 4, 1, 1], true, [1, 5, 7, 8]),
    ] {
        for with_relu in [false, true] {
            let mut net = Net::new();
            let x = net.input(&[1, 4, 7, 8]);
            let mut operands = vec![x, net.weight(&w)];
            if bias {
                operands.push(net.weight(&[w[0]]));
            }
            let mut y = net.node(op.clone(), &operands, &output);
            if with_relu {
                y = net.node(ModelOp::Unary(UnaryFn::Relu), &[y], &output);
            }
            near(&net.finish(&[y]), 2e-3);
        }
    }
}

#[test]
fn products() {
    let mut net = Net::new();
    let x = net.input(&[3, 5]);
    let w = net.weight(&[5, 4]);
    let y = net.node(ModelOp::MatMul, &[x, w], &[3, 4]);
    near(&net.finish(&[y]), 2e-3);

    let mut net = Net::new();
    let (a, b) = (net.input(&[2, 3, 5]), net.input(&[5, 4]));
    let y = net.node(ModelOp::MatMul, &[a, b], &[2, 3, 4]);
    let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[y], &[2, 3, 4]);
    near(&net.finish(&[y]), 4e-3);

    // A constant on the left, and one with leading axes.
    for (left, right, output) in [([3, 5].as_slice(), [5, 4].as_slice(), [3, 4].as_slice()), (&[2, 3, 5], &[5, 4], &[2, 3, 4])] {
        let mut net = Net::new();
        let (w, x) = (net.weight(left), net.input(right));
        let y = net.node(ModelOp::MatMul, &[w, x], output);
        near(&net.finish(&[y]), 4e-3);
    }
    let mut net = Net::new();
    let (x, w) = (net.input(&[2, 3, 5]), net.weight(&[2, 5, 4]));
    let y = net.node(ModelOp::MatMul, &[x, w], &[2, 3, 4]);
    near(&net.finish(&[y]), 4e-3);
}

#[test]
fn sums_and_products_with_broadcasting() {
    for op in [ModelOp::Add, ModelOp::Sub, ModelOp::Mul] {
        for (a, b) in [([1, 3, 4, 5].as_slice(), [1, 3, 4, 5].as_slice()), (&[1, 3, 4, 5], &[3, 1, 1]), (&[4, 1], &[2, 1, 5]), (&[2, 3], &[])] {
            let shape = veritorch_graph::model::index::broadcast(a, b).unwrap();
            for constant in [None, Some(0), Some(1)] {
                let mut net = Net::new();
                let x = if constant == Some(0) { net.weight(a) } else { net.input(a) };
                let y = if constant == Some(1) { net.weight(b) } else { net.input(b) };
                let y = net.node(op.clone(), &[x, y], &shape);
                let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[y], &shape);
                near(&net.finish(&[y]), 5e-3);
            }
        }
    }
}

#[test]
fn constants_of_every_layout_are_added() {
    for b in [[1, 1, 1, 1], [1, 3, 1, 1], [1, 1, 4, 5], [1, 3, 4, 1], [1, 3, 4, 5], [2, 3, 4, 5]] {
        let mut net = Net::new();
        let x = net.input(&[2, 3, 4, 5]);
        let c = net.weight(&b);
        let y = net.node(ModelOp::Add, &[x, c], &[2, 3, 4, 5]);
        let m = net.weight(&b);
        let y = net.node(ModelOp::Mul, &[y, m], &[2, 3, 4, 5]);
        near(&net.finish(&[y]), 5e-3);
    }
}

#[test]
fn functions() {
    for function in [
        UnaryFn::Relu,
        UnaryFn::LeakyRelu { slope: 0.1 },
        UnaryFn::Clip { min: -0.5, max: 1.0 },
        UnaryFn::Clip { min: 0.0, max: 6.0 },
        UnaryFn::Sigmoid,
        UnaryFn::Tanh,
        UnaryFn::HardSigmoid { alpha: 0.2, beta: 0.5 },
        UnaryFn::HardSwish,
        UnaryFn::Elu { alpha: 1.0 },
        UnaryFn::Softplus,
    ] {
        // Behind a linear layer, and on an integer tensor.
        for linear in [true, false] {
            let mut net = Net::new();
            let mut x = net.input(&[3, 6]);
            if linear {
                let w = net.weight(&[6, 6]);
                x = net.node(ModelOp::MatMul, &[x, w], &[3, 6]);
            }
            let y = net.node(ModelOp::Unary(function), &[x], &[3, 6]);
            near(&net.finish(&[y]), 4e-3);
        }
    }
}

#[test]
fn pools_and_reductions() {
    let pool = |kernel, strides, pads| (kernel, strides, pads, [1, 1]);
    for ((kernel, strides, pads, dilations), output) in [
        (pool([2, 2], [2, 2], [0, 0]), [1, 3, 3, 4]),
        (pool([3, 3], [2, 2], [1, 1]), [1, 3, 3, 4]),
        (pool([3, 2], [1, 1], [1, 0]), [1, 3, 6, 7]),
    ] {
        for op in [
            ModelOp::MaxPool { kernel, strides, pads, dilations },
            ModelOp::SumPool { kernel, strides, pads, dilations },
        ] {
            let mut net = Net::new();
            let x = net.input(&[1, 3, 6, 8]);
            let y = net.node(op, &[x], &output);
            near(&net.finish(&[y]), 1e-3);
        }
    }
    for op in [ModelOp::ReduceSum { axes: vec![1, 2] }, ModelOp::ReduceMax { axes: vec![1, 2] }] {
        let mut net = Net::new();
        let x = net.input(&[2, 3, 5]);
        let y = net.node(op, &[x], &[2, 1, 1]);
        near(&net.finish(&[y]), 1e-3);
    }
    // Global average pooling into a linear layer.
    let mut net = Net::new();
    let x = net.input(&[1, 8, 4, 4]);
    let r = net.node(ModelOp::Unary(UnaryFn::Relu), &[x], &[1, 8, 4, 4]);
    let s = net.node(ModelOp::ReduceSum { axes: vec![2, 3] }, &[r], &[1, 8, 1, 1]);
    let c = net.constant(&[], vec![1.0 / 16.0]);
    let m = net.node(ModelOp::Mul, &[s, c], &[1, 8, 1, 1]);
    let f = net.node(ModelOp::Reshape, &[m], &[1, 8]);
    let w = net.weight(&[8, 5]);
    let y = net.node(ModelOp::MatMul, &[f, w], &[1, 5]);
    let quantised = near(&net.finish(&[y]), 3e-3);
    assert!(quantised.report.total);
}

#[test]
fn wiring() {
    let shape = [1, 2, 3, 4];
    let cases: Vec<(ModelOp, Vec<usize>)> = vec![
        (ModelOp::Transpose { perm: vec![0, 3, 1, 2] }, vec![1, 4, 2, 3]),
        (ModelOp::Reshape, vec![6, 4]),
        (ModelOp::Slice { starts: vec![0, 1, 2, 3], steps: vec![1, 1, -1, -2] }, vec![1, 1, 2, 2]),
        (ModelOp::Pad { before: vec![0, 1, 0, 2], value: 0.0 }, vec![1, 4, 3, 7]),
        (ModelOp::Pad { before: vec![0, 0, 1, 1], value: -0.75 }, vec![1, 2, 5, 6]),
        (ModelOp::ZeroStuff { starts: vec![0, 0, 1, 0], steps: vec![1, 1, 2, 2] }, vec![1, 2, 7, 8]),
        (ModelOp::Gather { axis: 3, indices: vec![3, 0, 0, 2, 1] }, vec![1, 2, 3, 5]),
    ];
    for (op, output) in cases {
        let mut net = Net::new();
        let x = net.input(&shape);
        let y = net.node(op.clone(), &[x], &output);
        near(&net.finish(&[y]), 1e-3);
        // Behind a layer and in front of a function.
        let mut net = Net::new();
        let x = net.input(&shape);
        let w = net.weight(&[4, 4]);
        let h = net.node(ModelOp::MatMul, &[x, w], &shape);
        let y = net.node(op, &[h], &output);
        let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[y], &output);
        near(&net.finish(&[y]), 5e-3);
    }
    let mut net = Net::new();
    let x = net.input(&[2, 1, 4]);
    let y = net.node(ModelOp::Expand, &[x], &[2, 3, 4]);
    near(&net.finish(&[y]), 1e-3);
}

#[test]
fn concatenation_of_different_scales_and_constants() {
    let mut net = Net::new();
    let (a, b) = (net.input(&[2, 3]), net.input(&[2, 4]));
    let small = net.constant(&[], vec![0.25]);
    let b = net.node(ModelOp::Mul, &[b, small], &[2, 4]);
    let c = net.weight(&[2, 2]);
    let y = net.node(ModelOp::Concat { axis: 1 }, &[a, c, b], &[2, 9]);
    near(&net.finish(&[y]), 2e-3);
}

#[test]
fn argmax_is_exact() {
    for select_last in [false, true] {
        let mut net = Net::new();
        let x = net.input(&[3, 5]);
        let w = net.weight(&[5, 7]);
        let h = net.node(ModelOp::MatMul, &[x, w], &[3, 7]);
        let y = net.node(ModelOp::ArgMax { axis: 1, select_last }, &[h], &[3, 1]);
        near(&net.finish(&[y]), 0.02);
    }
}

#[test]
fn softmax_of_scores() {
    let mut net = Net::new();
    let x = net.input(&[3, 5]);
    let w = net.weight(&[5, 7]);
    let h = net.node(ModelOp::MatMul, &[x, w], &[3, 7]);
    let y = net.node(ModelOp::Softmax { axis: 1 }, &[h], &[3, 7]);
    near(&net.finish(&[y]), 3e-3);

    // Attention: softmax(q k^T) v.
    let mut net = Net::new();
    let (q, k, v) = (net.input(&[2, 4, 3]), net.input(&[2, 3, 4]), net.input(&[2, 4, 3]));
    let s = net.node(ModelOp::MatMul, &[q, k], &[2, 4, 4]);
    let p = net.node(ModelOp::Softmax { axis: 2 }, &[s], &[2, 4, 4]);
    let y = net.node(ModelOp::MatMul, &[p, v], &[2, 4, 3]);
    near(&net.finish(&[y]), 1e-2);
}

#[test]
fn residual_networks_fan_out() {
    let mut net = Net::new();
    let x = net.input(&[1, 4, 6, 6]);
    let shape = [1, 4, 6, 6];
    let same = conv([1, 1], [1, 1], [1, 1], 1);
    let (w1, b1, w2) = (net.weight(&[4, 4, 3, 3]), net.weight(&[4]), net.weight(&[4, 4, 3, 3]));
    let h = net.node(same.clone(), &[x, w1, b1], &shape);
    let h = net.node(ModelOp::Unary(UnaryFn::Relu), &[h], &shape);
    let r = net.node(same, &[h, w2], &shape);
    let s = net.node(ModelOp::Add, &[r, h], &shape);
    let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[s], &shape);
    let twice = net.node(ModelOp::Add, &[y, y], &shape);
    let square = net.node(ModelOp::Mul, &[h, h], &shape);
    // `r` and `h` have other readers as well; three outputs, one of them an intermediate value.
    let quantised = near(&net.finish(&[twice, square, h]), 6e-3);
    assert_eq!(quantised.circuit.outputs.len(), 3);
}
