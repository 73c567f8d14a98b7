//! Errors, targets, totality, reports, determinism.

mod model;

use model::{Net, noise, samples};
use veritorch_graph::circuit::{Circuit, Policy, Visibility};
use veritorch_graph::model::{ModelGraph, ModelOp, UnaryFn};
use veritorch_quantise::{InputSteps, QuantiseError, QuantiseOptions, Target, encode, quantise, run_samples};

/// Two hidden layers of 16.
fn mlp() -> ModelGraph {
    let mut net = Net::new();
    let mut x = net.input(&[1, 8]);
    for (inner, outer) in [(8, 16), (16, 16), (16, 5)] {
        let (w, b) = (net.weight(&[inner, outer]), net.weight(&[outer]));
        x = net.node(ModelOp::MatMul, &[x, w], &[1, outer]);
        x = net.node(ModelOp::Add, &[x, b], &[1, outer]);
        if outer != 5 {
            x = net.node(ModelOp::Unary(UnaryFn::Relu), &[x], &[1, outer]);
        }
    }
    net.finish(&[x])
}

fn refused(data: &[Vec<f32>], options: &QuantiseOptions) -> QuantiseError {
    quantise(&mlp(), data, options).expect_err("must be refused")
}

#[test]
fn calibration_data_is_checked() {
    let options = QuantiseOptions::default();
    assert!(matches!(refused(&[], &options), QuantiseError::InputCount { expected: 1, actual: 0 }));
    assert!(matches!(refused(&[Vec::new()], &options), QuantiseError::EmptyCalibration { .. }));
    assert!(matches!(refused(&[vec![0.0; 9]], &options), QuantiseError::InputLength { expected: 8, actual: 9, .. }));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut data = noise(16, 1, 1.0);
        data[11] = bad;
        let error = refused(&[data], &options);
        assert!(matches!(error, QuantiseError::InputNotFinite { sample: 1, index: 3, .. }), "{error}");
    }
    // Finite numbers that overflow inside name the node.
    let error = refused(&[vec![f32::MAX; 8]], &options);
    assert!(matches!(&error, QuantiseError::NotFinite { node, .. } if node == "MatMul0"), "{error}");
    let labels = QuantiseOptions { labels: Some(vec![0; 3]), ..options.clone() };
    assert!(matches!(refused(&[noise(16, 1, 1.0)], &labels), QuantiseError::LabelCount { expected: 2, actual: 3 }));
}

#[test]
fn options_are_checked() {
    let data = [noise(80, 1, 1.0)];
    for options in [
        QuantiseOptions { activation_bits: Some(17), ..QuantiseOptions::default() },
        QuantiseOptions { input_bits: Some(0), ..QuantiseOptions::default() },
        QuantiseOptions { target: Target::Agreement(99.0), ..QuantiseOptions::default() },
        QuantiseOptions { target: Target::AccuracyLoss(0.01), ..QuantiseOptions::default() },
    ] {
        assert!(matches!(refused(&data, &options), QuantiseError::Option { .. }), "{options:?}");
    }
}

#[test]
fn weights_that_depend_on_the_input_are_named() {
    let mut net = Net::new();
    let (x, w) = (net.input(&[1, 2, 4, 4]), net.input(&[3, 2, 1, 1]));
    let op = ModelOp::Conv { strides: [1, 1], pads: [0, 0], dilations: [1, 1], groups: 1 };
    let y = net.node(op, &[x, w], &[1, 3, 4, 4]);
    let graph = net.finish_unchecked(&[y]);
    let error = quantise(&graph, &samples(&graph, 4, 1.0), &QuantiseOptions::default()).unwrap_err();
    assert!(matches!(&error, QuantiseError::Unsupported { node, op, .. } if node == "Conv0" && op == "Conv"), "{error}");
}

#[test]
fn the_same_on_any_number_of_threads() {
    let graph = mlp();
    let data = samples(&graph, 100, 1.0);
    let digest = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let quantised = pool.install(|| quantise(&graph, &data, &QuantiseOptions::default()).unwrap());
        (quantised.circuit.digest(), quantised.params, quantised.report)
    };
    assert_eq!(digest(1), digest(3));
}

#[test]
fn bits_rise_until_the_target_is_met() {
    let graph = mlp();
    let data = samples(&graph, 60, 1.0);
    let options = |target| QuantiseOptions { activation_bits: Some(4), input_bits: Some(6), target, ..QuantiseOptions::default() };
    let coarse = quantise(&graph, &data, &options(Target::None)).unwrap().report;
    assert!(coarse.drift() > 0.01, "{coarse}");
    let fine = quantise(&graph, &data, &options(Target::Drift(0.01))).unwrap().report;
    assert!(fine.drift() <= 0.01, "{fine}");
    assert!(!fine.raised.is_empty() || fine.activation_bits > 4, "{fine}");
    let agreeing = quantise(&graph, &data, &options(Target::Agreement(1.0))).unwrap().report;
    assert_eq!(agreeing.agreement(), 1.0);
    // Labels that the float model never meets cannot be met by raising bits.
    let impossible = QuantiseOptions {
        labels: Some(vec![9; 60]),
        ..options(Target::Accuracy(0.5))
    };
    let error = quantise(&graph, &data, &impossible).unwrap_err();
    assert!(matches!(error, QuantiseError::Target { .. }), "{error}");
}

#[test]
fn a_total_circuit_takes_any_input() {
    let graph = mlp();
    let data = samples(&graph, 50, 1.0);
    let quantised = quantise(&graph, &data, &QuantiseOptions::default()).unwrap();
    assert!(quantised.report.total, "{}", quantised.report);
    assert!(quantised.report.headroom.is_some_and(|headroom| headroom >= 1.0));
    // Ten thousand times beyond calibration: the input saturates, and nothing is refused.
    let wild = samples(&graph, 50, 10_000.0);
    assert!(run_samples(&quantised.circuit, &quantised.params, &wild).unwrap().iter().all(Option::is_some));
    assert!(quantised.report.to_string().contains("total: refuses no input"));
}

#[test]
fn inputs_that_leave_a_table_are_refused_and_reported() {
    // Calibration sees tiny numbers behind the first layer only: the worst case is far beyond.
    let mut net = Net::new();
    let x = net.input(&[1, 2]);
    let w = net.constant(&[2, 1], vec![1000.0, -1000.0]);
    let y = net.node(ModelOp::MatMul, &[x, w], &[1, 1]);
    let y = net.node(ModelOp::Unary(UnaryFn::Relu), &[y], &[1, 1]);
    let graph = net.finish(&[y]);
    let data: Vec<f32> = noise(50, 3, 1.0).iter().flat_map(|&v| [v, v * 1.0001]).collect();
    let options = QuantiseOptions { input_bits: Some(16), ..QuantiseOptions::default() };
    let calibration = [data];
    let quantised = quantise(&graph, &calibration, &options).unwrap();
    let report = &quantised.report;
    assert!(!report.total && report.refusals[0].excess > 1.0, "{report}");
    let results = run_samples(&quantised.circuit, &quantised.params, &[vec![1.0, -1.0, 0.5, 0.5]]).unwrap();
    assert!(results[0].is_none() && results[1].is_some());

    // Wider tables take more of them.
    let wide = QuantiseOptions { widen_tables: true, ..options };
    let wider = quantise(&graph, &calibration, &wide).unwrap().report;
    assert!(wider.total || wider.refusals[0].excess < report.refusals[0].excess, "{wider}");
}

/// `f(gain (x0 - x1))` and `f(-gain (x0 - x1) / 2)` for inputs that calibration always saw to be nearly equal.
fn difference(gain: f32, after: Option<UnaryFn>) -> (ModelGraph, [Vec<f32>; 1]) {
    let mut net = Net::new();
    let x = net.input(&[1, 2]);
    let w = net.constant(&[2, 2], vec![gain, -0.5 * gain, -gain, 0.5 * gain]);
    let y = net.node(ModelOp::MatMul, &[x, w], &[1, 2]);
    let y = match after {
        Some(function) => net.node(ModelOp::Unary(function), &[y], &[1, 2]),
        None => net.node(ModelOp::Softmax { axis: 1 }, &[y], &[1, 2]),
    };
    let data = noise(50, 3, 1.0).iter().flat_map(|&v| [v, v * 1.0001]).collect();
    (net.finish(&[y]), [data])
}

#[test]
fn a_saturating_circuit_refuses_nothing() {
    let wild = [vec![1.0, -1.0, -1.0, 1.0, 1.0, 1.0]];
    for (gain, after, expected) in [
        (1e3, Some(UnaryFn::Relu), None),
        // calibration saw a half alone, with a margin of a quarter
        (1e3, Some(UnaryFn::Sigmoid), Some([[0.65, 0.0], [0.0, 0.65], [0.5, 0.5]])),
        (1e3, Some(UnaryFn::Clip { min: -1.0, max: 1.0 }), None),
        (1e3, None, Some([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])),
    ] {
        let (graph, calibration) = difference(gain, after);
        let options = QuantiseOptions { input_bits: Some(16), activation_bits: Some(12), ..QuantiseOptions::default() };
        let refusing = quantise(&graph, &calibration, &options).unwrap();
        let total = quantise(&graph, &calibration, &QuantiseOptions { saturate: true, ..options }).unwrap();
        assert!(!refusing.report.total, "{after:?}: {}", refusing.report);
        assert!(total.report.total, "{after:?}: {}", total.report);
        assert!(total.report.to_string().contains("total: refuses no input"));
        let results = run_samples(&total.circuit, &total.params, &wild).unwrap();
        for (sample, result) in results.iter().enumerate() {
            let result = &result.as_ref().unwrap()[0];
            if let Some(expected) = expected {
                let near = result.iter().zip(expected[sample]).all(|(a, b)| (a - b).abs() < 0.02);
                assert!(near, "{after:?}: sample {sample}: {result:?}, expected {:?}", expected[sample]);
            }
        }
        if after == Some(UnaryFn::Relu) {
            // the greatest value there is, and nothing
            let [up, down, level] = [0, 1, 2].map(|sample: usize| results[sample].as_ref().unwrap()[0].clone());
            assert!(up[0] > 0.0 && up[0] == down[1] && up[1] == 0.0 && down[0] == 0.0 && level == [0.0, 0.0]);
        }
    }
}

#[test]
fn a_circuit_that_is_total_already_does_not_change_by_saturating() {
    let graph = mlp();
    let data = samples(&graph, 20, 1.0);
    let plain = quantise(&graph, &data, &QuantiseOptions::default()).unwrap();
    let total = quantise(&graph, &data, &QuantiseOptions { saturate: true, ..QuantiseOptions::default() }).unwrap();
    assert_eq!(plain.circuit.digest(), total.circuit.digest());
}

#[test]
fn bytes_are_taken_as_they_are() {
    let mut net = Net::new();
    let x = net.input(&[1, 4]);
    let w = net.weight(&[4, 3]);
    let y = net.node(ModelOp::MatMul, &[x, w], &[1, 3]);
    let graph = net.finish(&[y]);
    let data = vec![0.0, 255.0, 17.0, 130.0, 1.0, 2.0, 3.0, 254.0];
    let quantised = quantise(&graph, std::slice::from_ref(&data), &QuantiseOptions::default()).unwrap();
    let port = &quantised.circuit.inputs[0];
    assert_eq!(port.scale, [1.0]);
    assert_eq!(encode(&quantised.circuit, port, &data), [0, 255, 17, 130, 1, 2, 3, 254]);
    assert_eq!(encode(&quantised.circuit, port, &[-5.0, 300.0, 0.4, 0.6]), [0, 255, 0, 1]);
}

#[test]
fn steps_of_inputs_can_be_given() {
    let graph = mlp();
    let data = samples(&graph, 50, 1.0);
    let compiled = |scale, range| {
        let options = QuantiseOptions { input_steps: Some(InputSteps { scale, range }), ..QuantiseOptions::default() };
        quantise(&graph, &data, &options)
    };
    let range = |circuit: &Circuit| {
        let tensor = circuit.tensor(circuit.inputs[0].tensor);
        (tensor.min, tensor.max)
    };
    let quantised = compiled(0.003, Some((-100, 70_000))).unwrap();
    assert_eq!(quantised.circuit.inputs[0].scale, [0.003]);
    assert_eq!(range(&quantised.circuit), (-131_072, 131_071));
    assert!(quantised.report.drift() < 0.05, "{}", quantised.report);
    let quantised = compiled(1.0 / 250.0, None).unwrap();
    assert_eq!(range(&quantised.circuit), (-256, 255), "calibration saw -1 to 1, that is 250 steps");
    assert!(quantised.report.drift() < 0.05, "{}", quantised.report);
    for (scale, range) in [(0.0, None), (f64::NAN, None), (-1.0, None), (1.0, Some((3, 2))), (1.0, Some((0, 1 << 40)))] {
        assert!(matches!(compiled(scale, range), Err(QuantiseError::Option { .. })), "{scale} {range:?}");
    }
}

#[test]
fn policies_reach_the_circuit() {
    let graph = mlp();
    let data = samples(&graph, 10, 1.0);
    let policy = Policy { input: Visibility::Public, output: Visibility::Private, ..Policy::default() };
    let options = QuantiseOptions { policy, ..QuantiseOptions::default() };
    let public = quantise(&graph, &data, &options).unwrap().circuit;
    let private = quantise(&graph, &data, &QuantiseOptions::default()).unwrap().circuit;
    assert_eq!(public.policy, policy);
    assert_eq!(private.constraints.len(), public.constraints.len() + 1, "private inputs are range-checked");
}

#[test]
fn tighter_ranges_are_taken_only_where_drift_falls() {
    let graph = mlp();
    // One sample far out: its range costs all others precision.
    let mut data = samples(&graph, 200, 0.2);
    data[0][3] = 1.0;
    let options = QuantiseOptions { activation_bits: Some(5), ..QuantiseOptions::default() };
    let plain = quantise(&graph, &data, &options).unwrap().report.drift();
    let tight = quantise(&graph, &data, &QuantiseOptions { tighten: true, ..options }).unwrap().report.drift();
    assert!(tight <= plain, "{tight} > {plain}");
}
