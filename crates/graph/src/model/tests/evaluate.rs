use super::Sketch;
use crate::model::{ModelError, ModelOp, Operand, UnaryFn, evaluate, evaluate_node};

#[track_caller]
fn assert_gives(op: ModelOp, operands: &[(&[usize], &[f32])], shape: &[usize], expected: &[f32]) {
    let operands: Vec<Operand<'_>> = operands
        .iter()
        .map(|&(shape, data)| Operand { shape, data })
        .collect();
    let actual = evaluate_node(&op, &operands, shape).expect("fitting shapes");
    assert_eq!(actual.len(), expected.len());
    for (a, b) in actual.iter().zip(expected) {
        assert!(
            (a - b).abs() < 1e-6,
            "{op:?}: {actual:?}, expected {expected:?}"
        );
    }
}

#[test]
fn windows() {
    let x: Vec<f32> = (1..=9).map(|x| x as f32).collect();
    let image: (&[usize], &[f32]) = (&[1, 1, 3, 3], &x);
    let conv = |strides, pads, dilations, groups| ModelOp::Conv {
        strides,
        pads,
        dilations,
        groups,
    };
    // y = x[h, w] - x[h, w + 1] + bias
    let difference: (&[usize], &[f32]) = (&[1, 1, 1, 2], &[1.0, -1.0]);
    let bias: (&[usize], &[f32]) = (&[1], &[10.0]);
    assert_gives(
        conv([1; 2], [0; 2], [1; 2], 1),
        &[image, difference, bias],
        &[1, 1, 3, 2],
        &[9.0; 6],
    );
    // padding on the left only: the first column sees a zero before it
    assert_gives(
        conv([3, 1], [0, 1], [1; 2], 1),
        &[image, difference],
        &[1, 1, 1, 3],
        &[-1.0, -1.0, -1.0],
    );
    // padding at the far end follows from the shape
    assert_gives(
        conv([3, 1], [0, 0], [1; 2], 1),
        &[image, difference],
        &[1, 1, 1, 3],
        &[-1.0, -1.0, 3.0],
    );
    assert_gives(
        conv([1; 2], [0; 2], [2, 2], 1),
        &[image, difference],
        &[1, 1, 3, 1],
        &[-2.0, -2.0, -2.0],
    );
    // two groups: each output channel reads its own input channel
    assert_gives(
        conv([1; 2], [0; 2], [1; 2], 2),
        &[
            (&[1, 2, 1, 1], &[3.0, 5.0]),
            (&[2, 1, 1, 1], &[10.0, 100.0]),
        ],
        &[1, 2, 1, 1],
        &[30.0, 500.0],
    );
    let max = ModelOp::MaxPool {
        kernel: [2; 2],
        strides: [2; 2],
        pads: [1; 2],
        dilations: [1; 2],
    };
    assert_gives(max, &[image], &[1, 1, 2, 2], &[1.0, 3.0, 7.0, 9.0]);
    let negative: Vec<f32> = x.iter().map(|x| -x).collect();
    let max = ModelOp::MaxPool {
        kernel: [2; 2],
        strides: [2; 2],
        pads: [1; 2],
        dilations: [1; 2],
    };
    assert_gives(
        max,
        &[(&[1, 1, 3, 3], &negative)],
        &[1, 1, 2, 2],
        &[-1.0, -2.0, -4.0, -5.0],
    );
    let sum = ModelOp::SumPool {
        kernel: [2; 2],
        strides: [2; 2],
        pads: [0; 2],
        dilations: [1; 2],
    };
    assert_gives(sum, &[image], &[1, 1, 2, 2], &[12.0, 9.0, 15.0, 9.0]);
}

#[test]
fn arithmetic() {
    let a: (&[usize], &[f32]) = (&[2, 1], &[1.0, 2.0]);
    let b: (&[usize], &[f32]) = (&[3], &[10.0, 20.0, 30.0]);
    assert_gives(
        ModelOp::Add,
        &[a, b],
        &[2, 3],
        &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0],
    );
    assert_gives(
        ModelOp::Sub,
        &[a, b],
        &[2, 3],
        &[-9.0, -19.0, -29.0, -8.0, -18.0, -28.0],
    );
    assert_gives(
        ModelOp::Mul,
        &[a, b],
        &[2, 3],
        &[10.0, 20.0, 30.0, 20.0, 40.0, 60.0],
    );
    let left: (&[usize], &[f32]) = (&[2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
    let right: (&[usize], &[f32]) = (&[2, 2], &[1.0, 0.0, 10.0, 1.0]);
    assert_gives(
        ModelOp::MatMul,
        &[left, right],
        &[2, 1, 2],
        &[21.0, 2.0, 43.0, 4.0],
    );
    let x: (&[usize], &[f32]) = (&[2, 3], &[1.0, 5.0, 3.0, 4.0, 2.0, 4.0]);
    assert_gives(
        ModelOp::ReduceSum { axes: vec![1] },
        &[x],
        &[2, 1],
        &[9.0, 10.0],
    );
    assert_gives(ModelOp::ReduceSum { axes: vec![] }, &[x], &[2, 3], x.1);
    assert_gives(
        ModelOp::ReduceMax { axes: vec![0, 1] },
        &[x],
        &[1, 1],
        &[5.0],
    );
    assert_gives(
        ModelOp::ArgMax {
            axis: 1,
            select_last: false,
        },
        &[x],
        &[2, 1],
        &[1.0, 0.0],
    );
    assert_gives(
        ModelOp::ArgMax {
            axis: 1,
            select_last: true,
        },
        &[x],
        &[2, 1],
        &[1.0, 2.0],
    );
    assert_gives(
        ModelOp::ArgMax {
            axis: 0,
            select_last: false,
        },
        &[x],
        &[1, 3],
        &[1.0, 0.0, 1.0],
    );
    let e = std::f32::consts::E;
    assert_gives(
        ModelOp::Softmax { axis: 0 },
        &[(&[2, 1], &[1000.0, 1001.0])],
        &[2, 1],
        &[1.0 / (1.0 + e), e / (1.0 + e)],
    );
}

#[test]
fn wiring() {
    let x: (&[usize], &[f32]) = (&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_gives(
        ModelOp::Transpose { perm: vec![1, 0] },
        &[x],
        &[3, 2],
        &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
    );
    assert_gives(ModelOp::Reshape, &[x], &[3, 2], x.1);
    assert_gives(
        ModelOp::Slice {
            starts: vec![1, 2],
            steps: vec![-1, -2],
        },
        &[x],
        &[2, 2],
        &[6.0, 4.0, 3.0, 1.0],
    );
    assert_gives(
        ModelOp::Pad {
            before: vec![0, 1],
            value: 9.0,
        },
        &[x],
        &[2, 5],
        &[9.0, 1.0, 2.0, 3.0, 9.0, 9.0, 4.0, 5.0, 6.0, 9.0],
    );
    assert_gives(
        ModelOp::ZeroStuff {
            starts: vec![0, 1],
            steps: vec![1, 2],
        },
        &[x],
        &[2, 6],
        &[0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 0.0, 5.0, 0.0, 6.0],
    );
    assert_gives(
        ModelOp::Concat { axis: 1 },
        &[x, (&[2, 1], &[7.0, 8.0])],
        &[2, 4],
        &[1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0, 8.0],
    );
    assert_gives(
        ModelOp::Expand,
        &[(&[2, 1], &[1.0, 2.0])],
        &[2, 2],
        &[1.0, 1.0, 2.0, 2.0],
    );
    assert_gives(
        ModelOp::Gather {
            axis: 1,
            indices: vec![2, 2, 0],
        },
        &[x],
        &[2, 3],
        &[3.0, 3.0, 1.0, 6.0, 6.0, 4.0],
    );
}

#[test]
fn functions() {
    let cases: [(UnaryFn, [f64; 3]); 9] = [
        (UnaryFn::Relu, [0.0, 0.0, 2.0]),
        (UnaryFn::LeakyRelu { slope: 0.5 }, [-1.0, 0.0, 2.0]),
        (
            UnaryFn::Clip {
                min: -1.0,
                max: f32::INFINITY,
            },
            [-1.0, 0.0, 2.0],
        ),
        (
            UnaryFn::Sigmoid,
            [0.119_202_922_022_117_56, 0.5, 0.880_797_077_977_882_4],
        ),
        (
            UnaryFn::Tanh,
            [-0.964_027_580_075_816_9, 0.0, 0.964_027_580_075_816_9],
        ),
        (
            UnaryFn::HardSigmoid {
                alpha: 0.25,
                beta: 0.5,
            },
            [0.0, 0.5, 1.0],
        ),
        (UnaryFn::HardSwish, [-1.0 / 3.0, 0.0, 5.0 / 3.0]),
        (
            UnaryFn::Elu { alpha: 2.0 },
            [-1.729_329_433_526_774_6, 0.0, 2.0],
        ),
        (
            UnaryFn::Softplus,
            [
                0.126_928_011_042_972_5,
                std::f64::consts::LN_2,
                2.126_928_011_042_972_5,
            ],
        ),
    ];
    for (function, expected) in cases {
        for (x, y) in [-2.0, 0.0, 2.0].into_iter().zip(expected) {
            assert!(
                (function.apply(x) - y).abs() < 1e-12,
                "{function:?} at {x}: {}",
                function.apply(x)
            );
        }
    }
    for function in [
        UnaryFn::Sigmoid,
        UnaryFn::Tanh,
        UnaryFn::Elu { alpha: 1.0 },
        UnaryFn::Softplus,
    ] {
        assert!(
            function.apply(1e30).is_finite() && function.apply(-1e30).is_finite(),
            "{function:?}"
        );
    }
}

#[test]
fn inputs_are_checked() {
    let mut sketch = Sketch::default();
    let x = sketch.input("x", &[2]);
    let y = sketch.node("y", ModelOp::Unary(UnaryFn::Relu), &[x], &[2]);
    let graph = sketch.finish(&[y, x]);
    assert_eq!(
        evaluate(&graph, &[vec![-1.0, 1.0]]).expect("outputs"),
        [vec![0.0, 1.0], vec![-1.0, 1.0]]
    );
    let error = evaluate(&graph, &[vec![1.0]]).expect_err("one number");
    assert_eq!(
        error,
        ModelError::Input {
            input: "x".into(),
            expected: 2,
            actual: 1
        }
    );
    assert!(evaluate(&graph, &[]).is_err());
}

#[test]
fn masked_softmax_leaves_masked_entries_zero() {
    let mask = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    let x = [0.0, 0.0, 9.0, 1.0, 2.0, 3.0];
    let operands = [Operand { shape: &[2, 3], data: &x }, Operand { shape: &[2, 3], data: &mask }];
    let result = evaluate_node(&ModelOp::Softmax { axis: 1 }, &operands, &[2, 3]).expect("evaluates");
    assert_eq!(result, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn normalize_has_zero_mean_and_unit_variance() {
    let x = [1.0, 2.0, 3.0, 4.0, -1.0, 5.0];
    let operands = [Operand { shape: &[2, 3], data: &x }];
    let centred = ModelOp::Normalize { axes: vec![1], epsilon: 1e-12, centred: true };
    let y = evaluate_node(&centred, &operands, &[2, 3]).expect("evaluates");
    for row in y.chunks(3) {
        assert!(row.iter().sum::<f32>().abs() < 1e-5);
        assert!((row.iter().map(|v| v * v).sum::<f32>() - 3.0).abs() < 1e-4);
    }
    let plain = ModelOp::Normalize { axes: vec![0, 1], epsilon: 1e-12, centred: false };
    let y = evaluate_node(&plain, &operands, &[2, 3]).expect("evaluates");
    let root = (x.iter().map(|v| v * v).sum::<f32>() / 6.0).sqrt();
    assert!(y.iter().zip(x).all(|(y, x)| (y * root - x).abs() < 1e-5));
}

#[test]
fn embedding_reads_rows_and_refuses_other_ids() {
    let table = [0.0, 1.0, 10.0, 11.0, 20.0, 21.0];
    let rows = |ids: &[f32]| {
        let operands = [Operand { shape: &[3, 2], data: &table }, Operand { shape: &[2], data: ids }];
        evaluate_node(&ModelOp::Embedding, &operands, &[2, 2])
    };
    assert_eq!(rows(&[2.0, 0.0]).expect("evaluates"), [20.0, 21.0, 0.0, 1.0]);
    for ids in [[3.0, 0.0], [0.5, 0.0], [-1.0, 0.0], [f32::NAN, 0.0]] {
        assert!(rows(&ids).is_err(), "{ids:?}");
    }
}

/// A draw is among the greatest entries, alike for one seed; at a temperature near 0 it is the greatest.
#[test]
fn draws_are_by_their_seed() {
    let x: Vec<f32> = (0..40).map(|i| (i * 7 % 10) as f32).collect();
    let draw = |temperature: f32, top_k: Option<usize>, seed: f32| {
        let op = ModelOp::Sample { temperature, top_k };
        let seed = [seed, 0.0, 0.0, 0.0];
        let operands = [Operand { shape: &[4, 10], data: &x }, Operand { shape: &[4], data: &seed }];
        evaluate_node(&op, &operands, &[4, 1]).unwrap()
    };
    let greatest: Vec<f32> = x.chunks(10).map(|line| line.iter().position(|&v| v == 9.0).unwrap() as f32).collect();
    assert_eq!(draw(1e-4, None, 1.0), greatest);
    assert_eq!(draw(50.0, Some(1), 1.0), greatest);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let drawn = draw(50.0, Some(3), seed as f32);
        assert_eq!(drawn, draw(50.0, Some(3), seed as f32));
        for (line, &index) in x.chunks(10).zip(&drawn) {
            assert!(line[index as usize] >= 7.0, "{index}");
            seen.insert(line[index as usize] as i32);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [7, 8, 9]);
}
