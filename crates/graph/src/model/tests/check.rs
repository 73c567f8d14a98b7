use super::{Sketch, plain_conv};
use crate::model::{ModelError, ModelGraph, ModelOp, UnaryFn, ValueId};

fn sound() -> ModelGraph {
    let mut sketch = Sketch::default();
    let x = sketch.input("x", &[1, 2, 4, 4]);
    let w = sketch.constant("w", &[3, 2, 3, 3], &[0.5; 54]);
    let b = sketch.constant("b", &[3], &[0.0, 1.0, 2.0]);
    let y = sketch.node("y", plain_conv(), &[x, w, b], &[1, 3, 2, 2]);
    let z = sketch.node("z", ModelOp::Unary(UnaryFn::Relu), &[y], &[1, 3, 2, 2]);
    sketch.finish(&[z])
}

#[track_caller]
fn refused(change: impl FnOnce(&mut ModelGraph), part: &str) {
    let mut graph = sound();
    change(&mut graph);
    let error = graph.check().expect_err(part).to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn every_rule_is_checked() {
    sound().check().expect("a sound graph");
    refused(
        |g| g.values[1].name = "x".into(),
        "value `x`: another value has the same name",
    );
    refused(|g| g.values[1].name.clear(), "has no name");
    refused(|g| g.values[1].shape = vec![0], "is empty or too large");
    refused(
        |g| g.values[1].shape = vec![usize::MAX, 2],
        "is empty or too large",
    );
    refused(|g| g.values[1].shape = vec![1; 40], "is empty or too large");
    refused(
        |g| g.values[1].constant = Some(vec![1.0; 53].into()),
        "holds 53 numbers",
    );
    refused(
        |g| g.values[1].constant = Some([vec![0.5; 7], vec![f32::NAN; 47]].concat().into()),
        "value `w`: entry 7 is NaN",
    );
    refused(
        |g| g.nodes[1].name = "y_node".into(),
        "another node has the same name",
    );
    refused(|g| g.nodes.swap(0, 1), "reads `y` before it is produced");
    refused(
        |g| g.nodes[1].output = ValueId(3),
        "`y` has another producer",
    );
    refused(
        |g| g.nodes[1].output = ValueId(0),
        "`x` has another producer",
    );
    refused(
        |g| g.nodes[1].output = ValueId(1),
        "`w` has another producer",
    );
    refused(|g| g.nodes[0].inputs[1] = ValueId(99), "value 99 of 5");
    refused(
        |g| g.values[1].constant = None,
        "reads `w` before it is produced",
    );
    refused(|g| g.inputs.push(ValueId(1)), "an input and a constant");
    refused(|g| g.inputs.push(ValueId(0)), "is an input twice");
    refused(|g| g.outputs.push(ValueId(4)), "is an output twice");
    refused(
        |g| g.nodes.truncate(1),
        "is an output that nothing produces",
    );
    refused(
        |g| g.nodes[1].inputs.clear(),
        "takes 1 to 1 operands, got 0",
    );
    refused(
        |g| g.values[4].shape = vec![1, 3, 2, 1],
        "Relu: result: expected [1, 3, 2, 2], got [1, 3, 2, 1]",
    );
}

#[test]
fn convolution_weights_are_constant() {
    let mut graph = sound();
    graph.values[1].constant = None;
    graph.inputs.push(ValueId(1));
    let error = graph.check().expect_err("weights from outside");
    assert!(
        matches!(error, ModelError::Node { ref reason, .. } if reason == "operand `w` is not constant"),
        "{error}"
    );
}

/// An operator, its operands' shapes, its result's shape.
type Case = (ModelOp, Vec<&'static [usize]>, &'static [usize]);

/// Operators with operand and result shapes that break their rule.
#[test]
fn shape_rules() {
    let pool = |pads: [usize; 2]| ModelOp::MaxPool {
        kernel: [2; 2],
        strides: [2; 2],
        pads,
        dilations: [1; 2],
    };
    let conv = |groups: usize| ModelOp::Conv {
        strides: [1; 2],
        pads: [0; 2],
        dilations: [1; 2],
        groups,
    };
    let far = ModelOp::Conv {
        strides: [usize::MAX; 2],
        pads: [0; 2],
        dilations: [1; 2],
        groups: 1,
    };
    let bad: Vec<Case> = vec![
        (conv(0), vec![&[1, 2, 3, 3], &[2, 2, 1, 1]], &[1, 2, 3, 3]),
        (conv(2), vec![&[1, 2, 3, 3], &[3, 1, 1, 1]], &[1, 3, 3, 3]),
        (conv(2), vec![&[1, 2, 3, 3], &[2, 2, 1, 1]], &[1, 2, 3, 3]),
        (conv(1), vec![&[1, 2, 3], &[2, 2, 1]], &[1, 2, 3]),
        (
            conv(1),
            vec![&[1, 2, 3, 3], &[2, 2, 1, 1], &[3]],
            &[1, 2, 3, 3],
        ),
        (far, vec![&[1, 2, 3, 3], &[2, 2, 1, 1]], &[1, 2, 3, 3]),
        (pool([2, 0]), vec![&[1, 1, 4, 4]], &[1, 1, 2, 2]),
        (pool([0, 0]), vec![&[1, 1, 4, 4]], &[1, 1, 3, 2]),
        (pool([0, 0]), vec![&[1, 1, 4, 4]], &[1, 2, 2, 2]),
        (ModelOp::MatMul, vec![&[2, 3], &[4, 2]], &[2, 2]),
        (ModelOp::MatMul, vec![&[3], &[3, 2]], &[2]),
        (ModelOp::MatMul, vec![&[2, 2, 3], &[3, 3, 2]], &[2, 2, 2]),
        (ModelOp::Add, vec![&[2, 3], &[2]], &[2, 3]),
        (ModelOp::Mul, vec![&[2, 3], &[3]], &[3]),
        (
            ModelOp::ReduceSum { axes: vec![1, 0] },
            vec![&[2, 3]],
            &[1, 1],
        ),
        (ModelOp::ReduceMax { axes: vec![2] }, vec![&[2, 3]], &[2, 3]),
        (
            ModelOp::ArgMax {
                axis: 1,
                select_last: false,
            },
            vec![&[2, 3]],
            &[2],
        ),
        (ModelOp::Softmax { axis: 2 }, vec![&[2, 3]], &[2, 3]),
        (
            ModelOp::Transpose { perm: vec![0, 0] },
            vec![&[2, 3]],
            &[2, 2],
        ),
        (ModelOp::Transpose { perm: vec![1] }, vec![&[2, 3]], &[3]),
        (ModelOp::Reshape, vec![&[2, 3]], &[5]),
        (
            ModelOp::Slice {
                starts: vec![2],
                steps: vec![1],
            },
            vec![&[4]],
            &[3],
        ),
        (
            ModelOp::Slice {
                starts: vec![2],
                steps: vec![-1],
            },
            vec![&[4]],
            &[4],
        ),
        (
            ModelOp::Slice {
                starts: vec![0],
                steps: vec![0],
            },
            vec![&[4]],
            &[1],
        ),
        (
            ModelOp::Slice {
                starts: vec![4],
                steps: vec![-1],
            },
            vec![&[4]],
            &[2],
        ),
        (
            ModelOp::Pad {
                before: vec![1],
                value: 0.0,
            },
            vec![&[4]],
            &[4],
        ),
        (
            ModelOp::Pad {
                before: vec![usize::MAX],
                value: 0.0,
            },
            vec![&[4]],
            &[4],
        ),
        (
            ModelOp::Pad {
                before: vec![1],
                value: f32::INFINITY,
            },
            vec![&[4]],
            &[6],
        ),
        (
            ModelOp::ZeroStuff {
                starts: vec![0],
                steps: vec![2],
            },
            vec![&[4]],
            &[6],
        ),
        (
            ModelOp::ZeroStuff {
                starts: vec![0],
                steps: vec![0],
            },
            vec![&[4]],
            &[6],
        ),
        (ModelOp::Concat { axis: 0 }, vec![&[2, 3], &[2, 4]], &[4, 3]),
        (ModelOp::Concat { axis: 2 }, vec![&[2, 3]], &[2, 3]),
        (ModelOp::Concat { axis: 0 }, vec![], &[2, 3]),
        (ModelOp::Expand, vec![&[2, 3]], &[2, 6]),
        (ModelOp::Expand, vec![&[3]], &[2, 3]),
        (
            ModelOp::Gather {
                axis: 0,
                indices: vec![2],
            },
            vec![&[2, 3]],
            &[1, 3],
        ),
        (
            ModelOp::Gather {
                axis: 0,
                indices: vec![1, 1],
            },
            vec![&[2, 3]],
            &[1, 3],
        ),
        (ModelOp::Unary(UnaryFn::Relu), vec![&[2], &[2]], &[2]),
    ];
    for (op, operands, output) in bad {
        assert!(
            op.check_shapes(&operands, output).is_err(),
            "{op:?} {operands:?} {output:?}"
        );
    }
}
