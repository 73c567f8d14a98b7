//! Float models: they load, with passes and without, and give what TensorFlow Lite's reference kernels give (`fixtures/make.py`).

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use veritorch_graph::model::{ModelGraph, ModelOp, evaluate};
use veritorch_onnx::ImportOptions;
use veritorch_tflite::{TfliteError, load, load_with};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Loads with and without passes, compares both with the interpreter's outputs, gives the graph after passes.
fn load_and_compare(name: &str) -> ModelGraph {
    let mut npz = NpzReader::new(File::open(fixture(&format!("{name}.npz"))).expect("arrays")).expect("an archive");
    let mut array = |name: String| -> ArrayD<f32> { npz.by_name(&name).unwrap_or_else(|error| panic!("{name}: {error}")) };
    let mut last = None;
    for keep_unoptimised in [true, false] {
        let options = ImportOptions { keep_unoptimised, ..ImportOptions::default() };
        let graph = load_with(&fixture(&format!("{name}.tflite")), &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        graph.check().expect(name);
        let inputs: Vec<ArrayD<f32>> = graph.inputs.iter().map(|&id| array(format!("in/{}.npy", graph.value(id).name))).collect();
        let outputs: Vec<ArrayD<f32>> = graph.outputs.iter().map(|&id| array(format!("out/{}.npy", graph.value(id).name))).collect();
        for sample in 0..inputs[0].shape()[0] {
            let given: Vec<Vec<f32>> = inputs.iter().map(|x| x.outer_iter().nth(sample).expect("a sample").iter().copied().collect()).collect();
            let found = evaluate(&graph, &given).expect(name);
            for ((&id, expected), found) in graph.outputs.iter().zip(&outputs).zip(&found) {
                let output = &graph.value(id).name;
                assert_eq!(graph.value(id).shape, expected.shape()[1..], "{name}, {output}");
                let expected = expected.outer_iter().nth(sample).expect("a sample");
                for (a, b) in found.iter().zip(expected.iter()) {
                    assert!((a - b).abs() <= 2e-5 * (1.0 + b.abs()), "{name}, {output}, sample {sample}: {a}, expected {b}");
                }
            }
        }
        last = Some(graph);
    }
    last.expect("two rounds")
}

fn count(graph: &ModelGraph, is_it: impl Fn(&ModelOp) -> bool) -> usize {
    graph.nodes.iter().filter(|node| is_it(&node.op)).count()
}

macro_rules! fixtures {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            load_and_compare(stringify!($name));
        })*
    };
}

fixtures! {
    functions,
    pairs,
    reductions,
    shapes,
    windows,
}

#[test]
fn transposes_around_layers_cancel() {
    for name in ["cnn", "open_batch"] {
        let graph = load_and_compare(name);
        // one before the first layer, at most one before what is flattened
        let transposes = count(&graph, |op| matches!(op, ModelOp::Transpose { .. }));
        assert!(transposes <= 2, "{name} keeps {transposes} transposes:\n{graph}");
    }
}

#[test]
fn layers_of_transformers_are_recognised() {
    let graph = load_and_compare("transformer");
    assert_eq!(count(&graph, |op| matches!(op, ModelOp::Normalize { .. })), 3, "{graph}");
    assert_eq!(count(&graph, |op| matches!(op, ModelOp::Embedding)), 1, "{graph}");
    assert!(graph.nodes.iter().any(|node| matches!(node.op, ModelOp::Softmax { .. }) && node.inputs.len() == 2), "{graph}");
}

#[test]
fn open_axes_take_extents() {
    let path = fixture("open_batch.tflite");
    let with = |shape: &[usize]| {
        let input_shapes = [("image".to_owned(), shape.to_vec())].into();
        load_with(&path, &ImportOptions { input_shapes, ..ImportOptions::default() })
    };
    assert_eq!(load(&path).expect("a batch of one").value(veritorch_graph::model::ValueId(0)).shape, [1, 8, 8, 3]);
    let graph = with(&[2, 8, 8, 3]).expect("a batch of two");
    assert_eq!(graph.value(graph.outputs[0]).shape, [2, 10]);
    let error = with(&[2, 9, 8, 3]).expect_err("a closed axis");
    assert_eq!(error.to_string(), "input `image`: the given shape is [2, 9, 8, 3], the file's is [?, 8, 8, 3]");
    let axes = [("batch".to_owned(), 2)].into();
    let error = load_with(&path, &ImportOptions { axes, ..ImportOptions::default() }).expect_err("no such axis");
    assert!(matches!(error, TfliteError::Axis { .. }), "{error}");
}
