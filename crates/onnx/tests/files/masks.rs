//! Masks, ids and other constants that transformers compute: what folds, and what is refused by name.

use crate::bytes::{Graph, floats, int_attribute, ints, node, tensor, text, typed_value, value};
use veritorch_graph::model::{ModelGraph, ModelOp, evaluate};
use veritorch_onnx::{OnnxError, load_bytes};

const NEVER: f32 = f32::NEG_INFINITY;

/// `x [1, 4]` through nodes, with a mask `[4]` of minus infinity at 2 and 3, and truth values of the opposite.
fn masked(nodes: Vec<Vec<u8>>) -> Result<ModelGraph, OnnxError> {
    let graph = Graph {
        nodes,
        initializers: vec![
            floats("mask", &[4], &[0.0, 0.5, NEVER, NEVER]),
            floats("never", &[], &[NEVER]),
            floats("zero", &[], &[0.0]),
            floats("low", &[], &[-1e30]),
            floats("two", &[1], &[2.0]),
            tensor("keep", &[1, 4], 9, &[1, 1, 0, 0]),
            tensor("none", &[1, 4], 9, &[0; 4]),
            ints("k", &[1], &[1]),
            ints("flat", &[1], &[4]),
            ints("one", &[1], &[1]),
        ],
        inputs: vec![value("x", &[1, 4])],
        outputs: vec![text(1, "y")],
        value_infos: vec![],
    };
    load_bytes(&graph.file(13), None)
}

fn run(nodes: Vec<Vec<u8>>) -> Vec<f32> {
    let graph = masked(nodes).expect("a good model");
    evaluate(&graph, &[vec![1.0, 2.0, 3.0, -4.0]]).expect("an output").remove(0)
}

fn softmax(input: &str) -> Vec<u8> {
    node("Softmax", "softmax", &[input], &["y"], &[])
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?}, expected {b:?}");
}

#[test]
fn additive_masks_become_the_operand_of_the_softmax() {
    let (a, b) = (1f32.exp(), 2.5f32.exp());
    let expected = [a / (a + b), b / (a + b), 0.0, 0.0];
    close(&run(vec![node("Add", "", &["x", "mask"], &["s"], &[]), softmax("s")]), &expected);
    let chain = vec![
        node("Add", "", &["mask", "x"], &["s"], &[]),
        node("Reshape", "", &["s", "flat"], &["r"], &[]),
        node("Mul", "", &["r", "two"], &["d"], &[]),
        node("Add", "", &["d", "mask"], &["t"], &[]),
        softmax("t"),
    ];
    let (a, b) = (2f32.exp(), 5.5f32.exp());
    close(&run(chain), &[a / (a + b), b / (a + b), 0.0, 0.0]);
}

#[test]
fn a_choice_of_minus_infinity_is_a_mask() {
    let (a, b) = (1f32.exp(), 2f32.exp());
    let expected = [a / (a + b), b / (a + b), 0.0, 0.0];
    close(&run(vec![node("Where", "", &["keep", "x", "never"], &["s"], &[]), softmax("s")]), &expected);
    let opposite = vec![
        node("Not", "", &["keep"], &["drop"], &[]),
        node("Where", "", &["drop", "never", "x"], &["s"], &[]),
        softmax("s"),
    ];
    close(&run(opposite), &expected);
    // a finite choice stays a sum, one that is very low becomes a mask
    let lowest = vec![
        node("Where", "", &["keep", "x", "low"], &["s"], &[]),
        softmax("s"),
    ];
    let graph = masked(lowest.clone()).expect("a good model");
    assert_eq!(graph.nodes.len(), 1, "{graph}");
    close(&run(lowest), &expected);
}

#[test]
fn lines_that_are_masked_altogether_are_zero_and_no_nan() {
    let nodes = vec![
        node("Where", "", &["none", "x", "never"], &["s"], &[]),
        node("Softmax", "softmax", &["s"], &["p"], &[]),
        node("IsNaN", "", &["p"], &["n"], &[]),
        node("Where", "", &["n", "zero", "p"], &["y"], &[]),
    ];
    let graph = masked(nodes.clone()).expect("a good model");
    assert!(graph.nodes.is_empty(), "{graph}");
    close(&run(nodes), &[0.0; 4]);
}

#[test]
fn infinite_numbers_are_refused_by_the_node_that_needs_them() {
    let refused = |nodes: Vec<Vec<u8>>, part: &str| {
        let error = masked(nodes).expect_err("infinite").to_string();
        assert!(error.contains(part), "{error}");
    };
    let add = || node("Add", "", &["x", "mask"], &["s"], &[]);
    refused(vec![add(), node("Relu", "act", &["s"], &["y"], &[])], "Relu `act`: reads entries that are minus infinity");
    refused(vec![node("Add", "", &["x", "mask"], &["y"], &[])], "output `y`");
    refused(
        vec![node("Mul", "product", &["x", "mask"], &["y"], &[])],
        "tensor `mask`: entry 2 is -inf, but `product` needs finite numbers",
    );
    refused(
        vec![
            node("Mul", "", &["never", "zero"], &["nan"], &[]),
            node("Add", "sum", &["x", "nan"], &["y"], &[]),
        ],
        "entry 0 is NaN, but `sum` needs finite numbers",
    );
}

#[test]
fn the_greatest_entry_and_its_index() {
    let top = |attributes: &[Vec<u8>], outputs: [&str; 2]| node("TopK", "", &["x", "k"], &outputs, attributes);
    assert_eq!(run(vec![top(&[], ["y", ""])]), [3.0]);
    assert_eq!(run(vec![top(&[int_attribute("largest", 0)], ["y", ""])]), [-4.0]);
    assert_eq!(run(vec![top(&[], ["v", "y"])]), [2.0]);
}

#[test]
fn mish() {
    let expected = [1f32, 2.0, 3.0, -4.0].map(|x| x * x.exp().ln_1p().tanh());
    close(&run(vec![node("Mish", "", &["x"], &["y"], &[])]), &expected);
}

#[test]
fn root_mean_squares() {
    let root = (30f32 / 4.0 + 1e-5).sqrt();
    let expected = [1f32, 2.0, 3.0, -4.0].map(|x| 2.0 * x / root);
    close(&run(vec![node("SimplifiedLayerNormalization", "", &["x", "two"], &["y"], &[])]), &expected);
}

/// Ids choose rows of a table, along any axis of it.
#[test]
fn ids_that_depend_on_the_input_choose_rows() {
    for (axis, ids, expected) in
        [(0, [1.0, 0.0], vec![3.0, 4.0, 5.0, 1.0, 2.0, 0.0]), (1, [0.0, 2.0], vec![1.0, 0.0, 3.0, 5.0])]
    {
        let graph = Graph {
            nodes: vec![
                node("Reshape", "", &["ids", "shape"], &["row"], &[]),
                node("Gather", "", &["table", "row"], &["y"], &[int_attribute("axis", axis)]),
            ],
            initializers: vec![ints("shape", &[1], &[2]), floats("table", &[2, 3], &[1.0, 2.0, 0.0, 3.0, 4.0, 5.0])],
            inputs: vec![typed_value("ids", &[1, 2], 7)],
            outputs: vec![text(1, "y")],
            value_infos: vec![],
        };
        let graph = load_bytes(&graph.file(13), None).expect("a good model");
        assert!(graph.nodes.iter().any(|node| node.op == ModelOp::Embedding), "{graph}");
        assert_eq!(evaluate(&graph, &[ids.to_vec()]).expect("an output").remove(0), expected);
        let error = evaluate(&graph, &[vec![0.0, 7.0]]).expect_err("no such row").to_string();
        assert!(error.contains("id 7"), "{error}");
    }
}
