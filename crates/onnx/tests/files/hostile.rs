//! Broken, hostile and clumsy files: one clear error each, no panic, no memory beyond the file's measure.

use std::path::Path;

use crate::bytes::{
    Graph, dense, external, field, floats, int_attribute, ints, ints_attribute, node, number,
    tensor, text, typed_value, value,
};
use proptest::prelude::*;
use veritorch_graph::model::evaluate;
use veritorch_onnx::{ImportOptions, OnnxError, load, load_bytes, load_bytes_with};

fn error(graph: &Graph) -> String {
    load_bytes(&graph.file(17), None)
        .expect_err("must be refused")
        .to_string()
}

#[track_caller]
fn assert_error(graph: &Graph, part: &str) {
    let error = error(graph);
    assert!(error.contains(part), "{error}");
}

#[test]
fn the_model_itself_loads() {
    let graph = load_bytes(&dense().file(17), None).expect("a good model");
    let y = evaluate(&graph, &[vec![1.0, 2.0]]).expect("an output");
    assert_eq!(y, [vec![2.1, 0.0, 1.3]]);
    assert_eq!(graph.value(graph.inputs[0]).shape, [1, 2]);
}

#[test]
fn every_truncation_is_refused_or_harmless() {
    let file = dense().file(17);
    for length in 0..file.len() {
        if let Ok(graph) = load_bytes(&file[..length], None) {
            graph.check().expect("what loads is sound");
        }
    }
    assert!(load_bytes(&[], None).is_err());
}

#[test]
fn every_bit_flip_is_refused_or_harmless() {
    let file = dense().file(17);
    for bit in 0..8 * file.len() {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(graph) = load_bytes(&flipped, None) {
            graph.check().expect("what loads is sound");
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = load_bytes(&bytes, None);
    }

    #[test]
    fn damaged_models_do_not_panic(edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6)) {
        let mut file = dense().file(17);
        for (at, byte) in edits {
            let at = usize::from(at) % file.len();
            file[at] = byte;
        }
        let _ = load_bytes(&file, None);
    }
}

#[test]
fn cycles_are_refused() {
    let mut graph = dense();
    graph.nodes[0] = node("Add", "loop", &["x", "y"], &["h"], &[]);
    assert_error(&graph, "cycle");
}

#[test]
fn nodes_may_come_in_any_order() {
    let mut graph = dense();
    graph.nodes.reverse();
    load_bytes(&graph.file(17), None).expect("only the order differs");
}

#[test]
fn duplicate_names_are_refused() {
    let mut graph = dense();
    graph.nodes.push(node("Relu", "again", &["x"], &["y"], &[]));
    assert_error(&graph, "`y` is produced more than once");
    let mut graph = dense();
    graph.nodes[0] = node("Relu", "input", &["h"], &["x"], &[]);
    assert_error(&graph, "`x` is produced more than once");
    let mut graph = dense();
    graph.initializers.push(floats("w", &[1], &[1.0]));
    assert_error(&graph, "constant `w` is there twice");
    let mut graph = dense();
    graph.inputs.push(value("x", &[1, 2]));
    assert_error(&graph, "input `x` is there twice");
    let mut graph = dense();
    graph.outputs.push(value("y", &[1, 3]));
    assert_error(&graph, "output `y` is there twice");
}

#[test]
fn missing_values_are_refused() {
    let mut graph = dense();
    graph.nodes[1] = node("Relu", "act", &["nowhere"], &["y"], &[]);
    assert_error(&graph, "`nowhere`, which nothing produces");
    let mut graph = dense();
    graph.nodes[0] = node("Gemm", "dense", &["x"], &["h"], &[]);
    assert_error(&graph, "input 1 is missing");
    let mut graph = dense();
    graph.outputs = vec![value("z", &[1, 3])];
    assert_error(&graph, "output `z` is produced by nothing");
}

#[test]
fn weights_must_be_finite() {
    let mut graph = dense();
    graph.initializers[0] = floats("w", &[2, 3], &[1.0, 2.0, 3.0, f32::NAN, 5.0, 6.0]);
    assert_error(&graph, "tensor `w`: entry 3 is NaN");
    graph.initializers[0] = floats("w", &[2, 3], &[1.0, f32::INFINITY, 3.0, 4.0, 5.0, 6.0]);
    assert_error(&graph, "tensor `w`: entry 1 is inf");
    // double precision beyond single
    let raw: Vec<u8> = [1.0, 1e300, 0.0, 0.0, 0.0, 0.0]
        .iter()
        .flat_map(|x: &f64| x.to_le_bytes())
        .collect();
    graph.initializers[0] = tensor("w", &[2, 3], 11, &raw);
    assert_error(&graph, "tensor `w`: entry 1 is inf");
    let mut graph = dense();
    graph
        .nodes
        .push(node("Mul", "scale", &["y", "s"], &["z"], &[]));
    graph.initializers.push(floats("s", &[], &[f32::NAN]));
    graph.outputs = vec![value("z", &[])];
    graph.outputs[0] = text(1, "z");
    assert_error(&graph, "tensor `s`: entry 0 is NaN");
}

#[test]
fn tensor_lengths_are_checked_before_memory_is_reserved() {
    let mut graph = dense();
    graph.initializers[0] = floats("w", &[2, 3], &[1.0; 5]);
    assert_error(&graph, "takes 24 bytes, got 20");
    graph.initializers[0] = floats("w", &[1 << 40, 1 << 40], &[1.0; 6]);
    assert_error(&graph, "too many entries");
    graph.initializers[0] = floats("w", &[1 << 30], &[1.0; 6]);
    assert_error(&graph, "got 24");
    graph.initializers[0] = floats("w", &[-2, 3], &[1.0; 6]);
    assert_error(&graph, "negative extent");
    graph.initializers[0] = tensor("w", &[2, 3], 8, &[0; 6]);
    assert_error(&graph, "type string");
}

#[test]
fn small_files_cannot_ask_for_much_memory() {
    let huge = [1 << 15, 1 << 15];
    let mut graph = dense();
    graph.initializers.push(ints("shape", &[2], &huge));
    graph
        .nodes
        .push(node("ConstantOfShape", "fill", &["shape"], &["big"], &[]));
    assert_error(&graph, "much smaller file");
    graph.nodes[2] = node("Expand", "expand", &["one", "shape"], &["big"], &[]);
    graph.initializers.push(floats("one", &[1], &[1.0]));
    assert_error(&graph, "much smaller file");
    graph.nodes[2] = node("Tile", "tile", &["square", "shape"], &["big"], &[]);
    graph.initializers.push(floats("square", &[1, 1], &[1.0]));
    assert_error(&graph, "much smaller file");
    let mut graph = dense();
    graph.initializers.extend([
        ints("zero", &[], &[0]),
        ints("many", &[], &[1 << 40]),
        ints("step", &[], &[1]),
    ]);
    graph.nodes.push(node(
        "Range",
        "range",
        &["zero", "many", "step"],
        &["big"],
        &[],
    ));
    assert_error(&graph, "much smaller file");
}

#[test]
fn subgraphs_are_refused_by_name() {
    let mut graph = dense();
    let branch = [text(1, "then_branch"), field(6, &[0xff; 9]), number(20, 5)].concat();
    graph
        .nodes
        .push(node("If", "choose", &["x"], &["z"], &[branch]));
    assert_error(&graph, "If `choose`: the condition depends on the model's input");
}

#[test]
fn all_that_is_unsupported_comes_in_one_error() {
    let mut graph = dense();
    graph
        .nodes
        .push(node("NonMaxSuppression", "nms", &["y"], &["a"], &[]));
    graph.nodes.push(node(
        "Relu",
        "strange",
        &["y"],
        &["d"],
        &[int_attribute("slope_mode", 1)],
    ));
    graph
        .nodes
        .push(node("Bernoulli", "behind", &["a"], &["c"], &[]));
    let error = load_bytes(&graph.file(17), None).expect_err("three nodes");
    let OnnxError::Unsupported(nodes) = &error else {
        panic!("{error}")
    };
    let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(names, ["nms", "strange", "behind"]);
    assert!(nodes[1].reason.contains("`slope_mode`"));
    assert!(error.hint().is_some());
}

#[test]
fn operator_sets_are_checked() {
    for opset in [7, 11, 13, 21, 24] {
        load_bytes(&dense().file(opset), None).expect("a good operator set");
    }
    for opset in [1, 6, 25, 1000] {
        let error = load_bytes(&dense().file(opset), None).expect_err("another operator set");
        assert!(
            error.to_string().contains(&format!("operator set {opset}")),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
    let bare = field(7, &[]);
    assert!(
        load_bytes(&bare, None)
            .expect_err("no operator set")
            .to_string()
            .contains("names no operator set")
    );
}

#[test]
fn open_extents_are_named() {
    let mut graph = dense();
    graph.inputs = vec![value("x", &[1, 0])];
    assert_error(&graph, "input `x`: extent `open` of axis 1 is open");
    graph.inputs = vec![value("x", &[0, 0])];
    graph.outputs = vec![value("y", &[0, 0])];
    let mut options = ImportOptions::default();
    options.input_shapes.insert("x".into(), vec![4, 2]);
    let loaded = load_bytes_with(&graph.file(17), None, &options).expect("the shape is given");
    assert_eq!(loaded.value(loaded.outputs[0]).shape, [4, 3]);
    options.input_shapes.insert("x".into(), vec![4]);
    assert!(load_bytes_with(&graph.file(17), None, &options).is_err());
    options.input_shapes.clear();
    options.input_shapes.insert("z".into(), vec![4]);
    assert!(load_bytes_with(&graph.file(17), None, &options).is_err());
    options.input_shapes.clear();
    options.axes.insert("open".into(), 2);
    let loaded = load_bytes_with(&graph.file(17), None, &options).expect("the axes are given");
    assert_eq!(loaded.value(loaded.outputs[0]).shape, [2, 3]);
    options.axes.insert("other".into(), 2);
    let error = load_bytes_with(&graph.file(17), None, &options).expect_err("no such axis").to_string();
    assert_eq!(error, "axis `other`: no input has an open axis of this name; there are open");
}

#[test]
fn inputs_can_be_fixed() {
    let mut graph = dense();
    graph.nodes.push(node("Mul", "", &["y", "m"], &["z"], &[]));
    graph.inputs.push(typed_value("m", &[1, 3], 1));
    graph.outputs = vec![text(1, "z")];
    let mut options = ImportOptions::default();
    options.fixed_inputs.insert("m".into(), 2.0);
    let loaded = load_bytes_with(&graph.file(17), None, &options).expect("a good model");
    assert_eq!(loaded.inputs.len(), 1);
    graph.inputs[1] = typed_value("m", &[1, 3], 7);
    options.fixed_inputs.insert("m".into(), 0.5);
    let error = load_bytes_with(&graph.file(17), None, &options).expect_err("no whole number").to_string();
    assert_eq!(error, "input `m`: 0.5 is no integer number");
    options.fixed_inputs.insert("n".into(), 1.0);
    assert!(load_bytes_with(&graph.file(17), None, &options).is_err());
}

#[test]
fn declared_shapes_are_checked() {
    let mut graph = dense();
    graph.value_infos = vec![value("h", &[1, 3])];
    load_bytes(&graph.file(17), None).expect("the shape is right");
    graph.value_infos = vec![value("h", &[1, 4])];
    assert_error(
        &graph,
        "value `h`: its shape is [1, 3], but the file says [1, 4]",
    );
    let mut graph = dense();
    graph.outputs = vec![value("y", &[0, 3, 1])];
    assert_error(&graph, "value `y`");
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut graph = dense();
    graph.initializers[0] = floats("w", &[3, 2], &[1.0; 6]);
    assert_error(&graph, "Gemm node `dense`");
    let mut graph = dense();
    graph.initializers[1] = floats("b", &[2], &[1.0; 2]);
    assert_error(&graph, "broadcast");
}

#[test]
fn extreme_windows_are_refused() {
    for (attribute, values) in [
        ("kernel_shape", [1i64 << 62, 1]),
        ("strides", [0, 1]),
        ("strides", [i64::MIN, 1]),
        ("dilations", [1 << 40, 1 << 40]),
    ] {
        let mut attributes = vec![ints_attribute(attribute, &values)];
        if attribute != "kernel_shape" {
            attributes.push(ints_attribute("kernel_shape", &[2, 2]));
        }
        let graph = Graph {
            nodes: vec![node("MaxPool", "pool", &["x"], &["y"], &attributes)],
            inputs: vec![value("x", &[1, 1, 4, 4])],
            outputs: vec![text(1, "y")],
            ..Graph::default()
        };
        assert_error(&graph, "MaxPool node `pool`");
    }
}

#[test]
fn control_characters_in_names_are_refused() {
    let mut graph = dense();
    graph.nodes[0] = node("Gemm", "dense\u{1b}[2J", &["x", "w", "b"], &["h"], &[]);
    assert_error(&graph, "control characters");
}

#[test]
fn long_chains_do_not_recurse() {
    let mut graph = dense();
    let mut last = "y".to_owned();
    for k in 0..20_000 {
        let next = format!("v{k}");
        graph.nodes.push(node("Neg", "", &[&last], &[&next], &[]));
        last = next;
    }
    graph.outputs = vec![text(1, &last)];
    let loaded = load_bytes(&graph.file(17), None).expect("a long chain");
    loaded.check().expect("a sound graph");
}

#[test]
fn external_data_stays_in_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("model");
    std::fs::create_dir(&inside).expect("a folder");
    let raw: Vec<u8> = [9.0f32, 1.0, -2.0, 3.0, 0.5, 0.25, -1.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    std::fs::write(inside.join("weights.bin"), &raw).expect("a file");
    std::fs::write(inside.join("empty.bin"), []).expect("a file");
    std::fs::write(folder.path().join("secret.bin"), &raw).expect("a file");
    let load_external = |entries: &[(&str, &str)]| {
        let mut graph = dense();
        graph.initializers[0] = external("w", &[2, 3], entries);
        std::fs::write(inside.join("model.onnx"), graph.file(17)).expect("a file");
        load(&inside.join("model.onnx"))
    };
    let good = load_external(&[
        ("location", "weights.bin"),
        ("offset", "4"),
        ("length", "24"),
    ])
    .expect("good data");
    assert_eq!(
        evaluate(&good, &[vec![1.0, 2.0]]).expect("an output"),
        [vec![2.1, 0.0, 1.3]]
    );
    load_external(&[("location", "./weights.bin"), ("offset", "4")])
        .expect("the length may be left out");
    let absolute = folder.path().join("secret.bin").display().to_string();
    for (entries, part) in [
        (vec![("location", "weights.bin"), ("offset", "8")], "has 28"),
        (
            vec![
                ("location", "weights.bin"),
                ("offset", "18446744073709551615"),
            ],
            "has 28",
        ),
        (
            vec![("location", "weights.bin"), ("offset", "-4")],
            "offset `-4`",
        ),
        (
            vec![("location", "weights.bin"), ("length", "28")],
            "has length 28",
        ),
        (vec![("location", "empty.bin")], "has 0"),
        (
            vec![("location", "missing.bin")],
            "cannot read `missing.bin`",
        ),
        (vec![("location", "../secret.bin")], "is not a path inside"),
        (vec![("location", "")], "is not a path inside"),
        (
            vec![("location", absolute.as_str())],
            "is not a path inside",
        ),
        (vec![("offset", "4")], "no location"),
    ] {
        let error = load_external(&entries).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret.bin"), inside.join("link.bin"))
            .expect("a link");
        let error = load_external(&[("location", "link.bin")])
            .expect_err("a link out")
            .to_string();
        assert!(error.contains("leads out of the model's folder"), "{error}");
    }
    let mut graph = dense();
    graph.initializers[0] = external("w", &[2, 3], &[("location", "weights.bin")]);
    assert!(error(&graph).contains("without a folder"));
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Path::new("no/such/model.onnx"))
        .expect_err("no file")
        .to_string();
    assert!(
        error.starts_with("cannot read no/such/model.onnx"),
        "{error}"
    );
}
