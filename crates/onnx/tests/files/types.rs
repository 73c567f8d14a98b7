//! Entry types of constants, and the kinds of activations.

use crate::bytes::{Graph, dense, field, int_attribute, ints, node, number, tensor, text, value};
use veritorch_graph::model::evaluate;
use veritorch_onnx::load_bytes;

/// `y = x + cast(c)` with `c` of an ONNX type, from raw bytes.
fn add_constant(kind: i64, raw: &[u8]) -> Vec<f32> {
    add_tensor(tensor("c", &[2], kind, raw))
}

fn add_tensor(tensor: Vec<u8>) -> Vec<f32> {
    let graph = Graph {
        nodes: vec![
            node("Cast", "", &["c"], &["f"], &[int_attribute("to", 1)]),
            node("Add", "", &["x", "f"], &["y"], &[]),
        ],
        initializers: vec![tensor],
        inputs: vec![value("x", &[1, 2])],
        outputs: vec![text(1, "y")],
        value_infos: vec![],
    };
    let graph = load_bytes(&graph.file(17), None).expect("a good model");
    evaluate(&graph, &[vec![0.0, 0.0]])
        .expect("an output")
        .remove(0)
}

#[test]
fn raw_types() {
    assert_eq!(
        add_constant(1, &[1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat()),
        [1.5, -2.0]
    );
    assert_eq!(
        add_constant(
            11,
            &[1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat()
        ),
        [1.5, -2.0]
    );
    assert_eq!(
        add_constant(
            10,
            &[0x3e00u16.to_le_bytes(), 0xc000u16.to_le_bytes()].concat()
        ),
        [1.5, -2.0]
    );
    assert_eq!(
        add_constant(
            16,
            &[0x3fc0u16.to_le_bytes(), 0xc000u16.to_le_bytes()].concat()
        ),
        [1.5, -2.0]
    );
    assert_eq!(add_constant(2, &[3, 255]), [3.0, 255.0]);
    assert_eq!(add_constant(3, &[3, 255]), [3.0, -1.0]);
    assert_eq!(add_constant(4, &[3, 0, 255, 255]), [3.0, 65535.0]);
    assert_eq!(add_constant(5, &[3, 0, 255, 255]), [3.0, -1.0]);
    assert_eq!(
        add_constant(6, &[3i32.to_le_bytes(), (-1i32).to_le_bytes()].concat()),
        [3.0, -1.0]
    );
    assert_eq!(
        add_constant(7, &[3i64.to_le_bytes(), (-1i64).to_le_bytes()].concat()),
        [3.0, -1.0]
    );
    assert_eq!(
        add_constant(12, &[3u32.to_le_bytes(), 7u32.to_le_bytes()].concat()),
        [3.0, 7.0]
    );
    assert_eq!(
        add_constant(13, &[3u64.to_le_bytes(), 7u64.to_le_bytes()].concat()),
        [3.0, 7.0]
    );
    assert_eq!(add_constant(9, &[0, 1]), [0.0, 1.0]);
    // the least positive half, and the greatest
    assert_eq!(
        add_constant(
            10,
            &[0x0001u16.to_le_bytes(), 0x7bffu16.to_le_bytes()].concat()
        ),
        [2f32.powi(-24), 65504.0]
    );
}

#[test]
fn typed_fields() {
    let typed = |kind: i64, fields: &[Vec<u8>]| {
        add_tensor([number(1, 2), number(2, kind), text(8, "c"), fields.concat()].concat())
    };
    let float_data: Vec<u8> = [1.5f32, -2.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    assert_eq!(typed(1, &[field(4, &float_data)]), [1.5, -2.0]);
    assert_eq!(typed(6, &[number(5, 3), number(5, -1)]), [3.0, -1.0]);
    assert_eq!(typed(2, &[number(5, 3), number(5, 255)]), [3.0, 255.0]);
    assert_eq!(
        typed(10, &[number(5, 0x3e00), number(5, 0xc000)]),
        [1.5, -2.0]
    );
    assert_eq!(typed(9, &[number(5, 0), number(5, 1)]), [0.0, 1.0]);
    assert_eq!(typed(7, &[number(7, 3), number(7, -1)]), [3.0, -1.0]);
    assert_eq!(typed(13, &[number(11, 3), number(11, 7)]), [3.0, 7.0]);
    let double_data: Vec<u8> = [1.5f64, -2.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    assert_eq!(typed(11, &[field(10, &double_data)]), [1.5, -2.0]);
}

#[test]
fn initializers_listed_as_inputs_are_no_inputs() {
    let mut graph = dense();
    graph.inputs.push(value("w", &[2, 3]));
    let graph = load_bytes(&graph.file(9), None).expect("a good model");
    assert_eq!(graph.inputs.len(), 1);
}

#[test]
fn outputs_keep_their_names() {
    let mut graph = dense();
    graph
        .nodes
        .push(node("Identity", "same", &["x"], &["copy"], &[]));
    graph
        .nodes
        .push(node("Dropout", "drop", &["y"], &["dropped"], &[]));
    graph.outputs.extend([
        value("copy", &[0, 2]),
        value("dropped", &[0, 3]),
        value("b", &[3]),
    ]);
    let graph = load_bytes(&graph.file(13), None).expect("a good model");
    let names: Vec<&str> = graph
        .outputs
        .iter()
        .map(|&id| graph.value(id).name.as_str())
        .collect();
    assert_eq!(names, ["y", "copy", "dropped", "b"]);
    let outputs = evaluate(&graph, &[vec![1.0, 2.0]]).expect("outputs");
    assert_eq!(outputs[1], [1.0, 2.0]);
    assert_eq!(outputs[2], outputs[0]);
    assert_eq!(outputs[3], [0.1, 0.2, 0.3]);
}

#[test]
fn activations_are_cut_to_whole_numbers() {
    let mut graph = dense();
    graph.nodes.push(node(
        "Cast",
        "to_int",
        &["y"],
        &["z"],
        &[int_attribute("to", 7)],
    ));
    graph.outputs.push(value("z", &[0, 3]));
    let graph = load_bytes(&graph.file(13), None).expect("a good model");
    let outputs = evaluate(&graph, &[vec![1.0, 2.0]]).expect("outputs");
    let cut: Vec<f32> = outputs[0].iter().map(|y| y.trunc()).collect();
    assert_eq!(outputs[1], cut);
}

/// Shape arithmetic as exporters write a flatten: `[shape(x)[0], prod(shape(x)[1..])]`, chosen by a folded condition.
#[test]
fn shape_arithmetic_folds() {
    let graph = Graph {
        nodes: vec![
            node("Shape", "", &["x"], &["s"], &[]),
            node("Gather", "", &["s", "zero"], &["n"], &[]),
            node("Slice", "", &["s", "one", "end"], &["rest"], &[]),
            node("ReduceProd", "", &["rest"], &["count"], &[]),
            node("Reshape", "", &["n", "one"], &["first"], &[]),
            node(
                "Concat",
                "",
                &["first", "count"],
                &["flat"],
                &[int_attribute("axis", 0)],
            ),
            node("Equal", "", &["n", "one"], &["is_one"], &[]),
            node("Not", "", &["is_one"], &["is_more"], &[]),
            node("Where", "", &["is_more", "one", "flat"], &["shape"], &[]),
            node("Reshape", "flatten", &["x", "shape"], &["y"], &[]),
        ],
        initializers: vec![
            ints("zero", &[1], &[0]),
            ints("one", &[1], &[1]),
            ints("end", &[1], &[9]),
        ],
        inputs: vec![value("x", &[0, 2, 3])],
        outputs: vec![text(1, "y")],
        value_infos: vec![],
    };
    let graph = load_bytes(&graph.file(13), None).expect("a good model");
    assert_eq!(graph.value(graph.outputs[0]).shape, [1, 6]);
    assert_eq!(graph.nodes.len(), 1);
}
