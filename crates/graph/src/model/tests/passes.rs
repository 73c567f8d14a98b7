use proptest::prelude::*;

use super::{Sketch, plain_conv};
use crate::model::passes::{
    fold_affine, fold_constants, optimise, remove_dead, simplify, sink_reshapes,
};
use crate::model::{ModelGraph, ModelOp, UnaryFn, ValueId, evaluate};

fn ramp(count: usize) -> Vec<f32> {
    (0..count)
        .map(|k| ((k * 7 + 3) % 11) as f32 / 4.0 - 1.0)
        .collect()
}

/// Optimises a copy and compares outputs on one input.
fn optimised(graph: &ModelGraph) -> ModelGraph {
    let mut after = graph.clone();
    optimise(&mut after).expect("a sound graph");
    after.check().expect("a sound graph");
    assert_same(graph, &after);
    after
}

#[track_caller]
fn assert_same(before: &ModelGraph, after: &ModelGraph) {
    let names = |graph: &ModelGraph, ids: &[ValueId]| -> Vec<(String, Vec<usize>)> {
        ids.iter()
            .map(|&id| (graph.value(id).name.clone(), graph.value(id).shape.clone()))
            .collect()
    };
    assert_eq!(names(before, &before.inputs), names(after, &after.inputs));
    assert_eq!(names(before, &before.outputs), names(after, &after.outputs));
    let inputs: Vec<Vec<f32>> = before
        .inputs
        .iter()
        .map(|&id| ramp(before.value(id).len()))
        .collect();
    let expected = evaluate(before, &inputs).expect("outputs");
    let actual = evaluate(after, &inputs).expect("outputs");
    for (a, b) in actual.iter().flatten().zip(expected.iter().flatten()) {
        assert!(
            (a - b).abs() <= 1e-4 * (1.0 + b.abs()),
            "{a}, expected {b}\n{before}\n{after}"
        );
    }
}

fn ops(graph: &ModelGraph) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

#[test]
fn batch_normalisation_goes_into_a_convolution() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 2, 3, 3]);
    let w = s.constant("w", &[3, 2, 1, 1], &ramp(6));
    let conv = s.node("conv", plain_conv(), &[x, w], &[1, 3, 3, 3]);
    let m = s.constant("m", &[1, 3, 1, 1], &[2.0, -1.0, 0.5]);
    let a = s.constant("a", &[3, 1, 1], &[1.0, 2.0, 3.0]);
    let mul = s.node("mul", ModelOp::Mul, &[conv, m], &[1, 3, 3, 3]);
    let add = s.node("add", ModelOp::Add, &[a, mul], &[1, 3, 3, 3]);
    let one = s.constant("one", &[], &[1.0]);
    let sub = s.node("sub", ModelOp::Sub, &[one, add], &[1, 3, 3, 3]);
    let y = s.node("y", ModelOp::Unary(UnaryFn::Relu), &[sub], &[1, 3, 3, 3]);
    let after = optimised(&s.finish(&[y]));
    insta::assert_snapshot!(after, @r"
    model sketch
    input x [1, 2, 3, 3]
    const w [3, 2, 1, 1]
    const conv_node/bias [3]
    sub [1, 3, 3, 3] = Conv(x, w, conv_node/bias)  // conv_node, model.py:1
    y [1, 3, 3, 3] = Relu(sub)  // y_node, model.py:5
    output y
    ");
}

#[test]
fn a_shared_convolution_keeps_its_batch_normalisation_outside() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 1, 2, 2]);
    let w = s.constant("w", &[1, 1, 1, 1], &[2.0]);
    let conv = s.node("conv", plain_conv(), &[x, w], &[1, 1, 2, 2]);
    let m = s.constant("m", &[1, 1, 1, 1], &[3.0]);
    let mul = s.node("mul", ModelOp::Mul, &[conv, m], &[1, 1, 2, 2]);
    let after = optimised(&s.finish(&[mul, conv]));
    assert_eq!(ops(&after), ["Conv", "Mul"]);
}

#[test]
fn shared_weights_stay_as_they_are_for_the_other_layer() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 1, 2, 2]);
    let w = s.constant("w", &[1, 1, 1, 1], &[2.0]);
    let first = s.node("first", plain_conv(), &[x, w], &[1, 1, 2, 2]);
    let m = s.constant("m", &[1, 1, 1, 1], &[3.0]);
    let scaled = s.node("scaled", ModelOp::Mul, &[first, m], &[1, 1, 2, 2]);
    let second = s.node("second", plain_conv(), &[scaled, w], &[1, 1, 2, 2]);
    let after = optimised(&s.finish(&[second]));
    assert_eq!(ops(&after), ["Conv", "Conv"]);
}

#[test]
fn products_go_into_dense_layers_across_the_bias() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 2]);
    let w = s.constant("w", &[2, 3], &ramp(6));
    let b = s.constant("b", &[3], &[1.0, 2.0, 3.0]);
    let m = s.constant("m", &[1, 3], &[2.0, -1.0, 0.5]);
    let a = s.constant("a", &[3], &[5.0, 6.0, 7.0]);
    let h = s.node("h", ModelOp::MatMul, &[x, w], &[1, 3]);
    let h = s.node("biased", ModelOp::Add, &[h, b], &[1, 3]);
    let h = s.node("scaled", ModelOp::Mul, &[h, m], &[1, 3]);
    let y = s.node("y", ModelOp::Add, &[h, a], &[1, 3]);
    let after = optimised(&s.finish(&[y]));
    assert_eq!(ops(&after), ["MatMul", "Add"]);
    assert_eq!(
        after
            .values
            .iter()
            .filter(|value| value.constant.is_some())
            .count(),
        2
    );
}

#[test]
fn a_product_that_widens_is_no_affine_fold() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 2]);
    let w = s.constant("w", &[2, 1], &[1.0, 2.0]);
    let h = s.node("h", ModelOp::MatMul, &[x, w], &[1, 1]);
    let m = s.constant("m", &[1, 3], &[1.0, 2.0, 3.0]);
    let y = s.node("y", ModelOp::Mul, &[h, m], &[1, 3]);
    let after = optimised(&s.finish(&[y]));
    assert_eq!(ops(&after), ["MatMul", "Mul"]);
}

#[test]
fn identities_and_chains_go() {
    let mut s = Sketch::default();
    let x = s.input("x", &[2, 3]);
    let t = s.node("t", ModelOp::Transpose { perm: vec![1, 0] }, &[x], &[3, 2]);
    let t = s.node("tt", ModelOp::Transpose { perm: vec![1, 0] }, &[t], &[2, 3]);
    let r = s.node("r", ModelOp::Reshape, &[t], &[6]);
    let r = s.node("rr", ModelOp::Reshape, &[r], &[1, 2, 3]);
    let m = s.node(
        "m",
        ModelOp::Transpose {
            perm: vec![1, 0, 2],
        },
        &[r],
        &[2, 1, 3],
    );
    let p = s.node(
        "p",
        ModelOp::Slice {
            starts: vec![0; 3],
            steps: vec![1; 3],
        },
        &[m],
        &[2, 1, 3],
    );
    let y = s.node("y", ModelOp::Unary(UnaryFn::Tanh), &[p], &[2, 1, 3]);
    let z = s.node("z", ModelOp::Expand, &[y], &[2, 1, 3]);
    let after = optimised(&s.finish(&[z]));
    insta::assert_snapshot!(after, @r"
    model sketch
    input x [2, 3]
    z/unshaped.2 [2, 3] = Tanh(x)  // y_node, model.py:7
    z [2, 1, 3] = Reshape(z/unshaped.2)  // m_node, model.py:5
    output z
    ");
}

#[test]
fn an_input_that_is_an_output_keeps_both_names() {
    let mut s = Sketch::default();
    let x = s.input("x", &[2]);
    let y = s.node("y", ModelOp::Reshape, &[x], &[2]);
    let z = s.node("z", ModelOp::Reshape, &[y], &[2]);
    let after = optimised(&s.finish(&[y, z]));
    assert_eq!(ops(&after), ["Reshape", "Reshape"]);
}

#[test]
fn reshapes_cancel_behind_elementwise_operators() {
    let mut s = Sketch::default();
    let x = s.input("x", &[1, 2, 1, 4]);
    let line = s.node("line", ModelOp::Reshape, &[x], &[1, 2, 4]);
    let b = s.constant("b", &[2, 1], &[1.0, -1.0]);
    let sum = s.node("sum", ModelOp::Add, &[line, b], &[1, 2, 4]);
    let act = s.node("act", ModelOp::Unary(UnaryFn::Relu), &[sum], &[1, 2, 4]);
    let y = s.node("y", ModelOp::Reshape, &[act], &[1, 2, 1, 4]);
    let after = optimised(&s.finish(&[y]));
    assert_eq!(ops(&after), ["Add", "Relu"]);
}

#[test]
fn constants_fold_and_dead_code_goes() {
    let mut s = Sketch::default();
    let x = s.input("x", &[2]);
    s.input("unused", &[3]);
    let a = s.constant("a", &[2], &[1.0, 2.0]);
    let b = s.constant("b", &[2], &[3.0, 4.0]);
    let c = s.node("c", ModelOp::Add, &[a, b], &[2]);
    let d = s.node("d", ModelOp::Unary(UnaryFn::Relu), &[c], &[2]);
    s.node("dead", ModelOp::Unary(UnaryFn::Tanh), &[x], &[2]);
    let y = s.node("y", ModelOp::Mul, &[x, d], &[2]);
    let after = optimised(&s.finish(&[y, c]));
    insta::assert_snapshot!(after, @r"
    model sketch
    input x [2]
    input unused [3]
    const c [2]
    y [2] = Mul(x, c)  // y_node, model.py:4
    output y
    output c
    ");
}

#[test]
fn hard_swish_is_recognised() {
    let mut s = Sketch::default();
    let x = s.input("x", &[4]);
    let gate = UnaryFn::HardSigmoid {
        alpha: 1.0 / 6.0,
        beta: 0.5,
    };
    let gate = s.node("gate", ModelOp::Unary(gate), &[x], &[4]);
    let y = s.node("y", ModelOp::Mul, &[gate, x], &[4]);
    assert_eq!(ops(&optimised(&s.finish(&[y]))), ["HardSwish"]);
}

/// Appends a random operator to a chain over `[1, C, H, W]`-like tensors.
fn grow(s: &mut Sketch, chain: &mut Vec<ValueId>, choice: u8, detail: u8) {
    let k = s.graph.nodes.len();
    let pick = chain[usize::from(detail) % chain.len()];
    let last = *chain.last().expect("an input");
    let shape = s.graph.value(last).shape.clone();
    let constant = |s: &mut Sketch, shape: &[usize], at: usize| {
        let data: Vec<f32> = ramp(shape.iter().product())
            .iter()
            .map(|x| x + at as f32 / 16.0)
            .collect();
        s.constant(&format!("c{at}"), shape, &data)
    };
    let name = format!("v{k}");
    let next = match choice % 10 {
        0 => s.node(&name, ModelOp::Unary(UnaryFn::Relu), &[last], &shape),
        1 | 2 => {
            let mut small = vec![1; shape.len()];
            let axis = usize::from(detail) % shape.len();
            small[axis] = shape[axis];
            let c = constant(s, &small, k);
            let op =
                [ModelOp::Add, ModelOp::Mul, ModelOp::Sub][usize::from(choice / 16) % 3].clone();
            let inputs = if detail.is_multiple_of(2) {
                [last, c]
            } else {
                [c, last]
            };
            s.node(&name, op, &inputs, &shape)
        }
        3 if s.graph.value(pick).shape == shape => {
            s.node(&name, ModelOp::Add, &[last, pick], &shape)
        }
        4 => {
            let mut flat = shape.clone();
            if flat.len() > 2 {
                let end = flat.pop().expect("three axes");
                *flat.last_mut().expect("two axes") *= end;
            } else {
                flat.push(1);
            }
            s.node(&name, ModelOp::Reshape, &[last], &flat)
        }
        5 => {
            let mut perm: Vec<usize> = (0..shape.len()).collect();
            perm.rotate_left(1);
            let moved: Vec<usize> = perm.iter().map(|&axis| shape[axis]).collect();
            s.node(&name, ModelOp::Transpose { perm }, &[last], &moved)
        }
        6 | 7 if shape.len() == 4 => {
            let w = constant(s, &[3, shape[1], 1, 1], k);
            s.node(
                &name,
                plain_conv(),
                &[last, w],
                &[shape[0], 3, shape[2], shape[3]],
            )
        }
        8 if shape.len() >= 2 => {
            let inner = *shape.last().expect("two axes");
            let w = constant(s, &[inner, 2], k);
            let mut wide = shape.clone();
            *wide.last_mut().expect("two axes") = 2;
            s.node(&name, ModelOp::MatMul, &[last, w], &wide)
        }
        9 if shape.len() < 4 => {
            let mut long = shape.clone();
            long.insert(usize::from(detail) % (shape.len() + 1), 1);
            s.node(&name, ModelOp::Reshape, &[last], &long)
        }
        _ => s.node(&name, ModelOp::Unary(UnaryFn::Tanh), &[last], &shape),
    };
    chain.push(next);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Passes keep what random graphs compute, one by one and together.
    #[test]
    fn passes_keep_outputs(choices in proptest::collection::vec((any::<u8>(), any::<u8>()), 1..14), second in any::<u8>()) {
        let mut s = Sketch::default();
        let x = s.input("x", &[1, 2, 3, 2]);
        let mut chain = vec![x];
        for (choice, detail) in choices {
            grow(&mut s, &mut chain, choice, detail);
        }
        let last = *chain.last().expect("values");
        let other = chain[usize::from(second) % chain.len()];
        let outputs = if other == last { vec![last] } else { vec![last, other] };
        let graph = s.finish(&outputs);
        optimised(&graph);
        for pass in [fold_constants, simplify, sink_reshapes, fold_affine, remove_dead] {
            let mut after = graph.clone();
            pass(&mut after).expect("a sound graph");
            after.check().expect("a sound graph");
            assert_same(&graph, &after);
        }
    }
}
