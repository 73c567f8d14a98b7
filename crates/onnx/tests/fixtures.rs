//! Networks exported by PyTorch (`tests/data/generate*.py`): they load, give PyTorch's outputs, and look as expected.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use veritorch_graph::model::{ModelGraph, ModelOp, evaluate};
use veritorch_onnx::{ImportOptions, OnnxError, load, load_with};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// Loads with and without passes, compares both with PyTorch's outputs, gives the graph after passes.
fn load_and_compare(name: &str) -> ModelGraph {
    let path = data(&format!("{name}.onnx"));
    let network = name.rsplit_once('_').map_or(name, |(network, _)| network);
    let mut npz = NpzReader::new(File::open(data(&format!("{network}.npz"))).expect("outputs"))
        .expect("an archive");
    let mut array = |name: String| -> ArrayD<f32> { npz.by_name(&name).expect("an array") };
    let mut last = None;
    for keep_unoptimised in [true, false] {
        let graph = load_with(
            &path,
            &ImportOptions {
                keep_unoptimised,
                ..ImportOptions::default()
            },
        )
        .expect(name);
        graph.check().expect(name);
        let inputs: Vec<Vec<f32>> = (0..graph.inputs.len())
            .map(|k| array(format!("in{k}.npy")).iter().copied().collect())
            .collect();
        let outputs = evaluate(&graph, &inputs).expect(name);
        for (k, (id, output)) in graph.outputs.iter().zip(&outputs).enumerate() {
            let expected = array(format!("out{k}.npy"));
            assert_eq!(
                graph.value(*id).shape,
                expected.shape(),
                "{name}, output {k}"
            );
            for (a, b) in output.iter().zip(expected.iter()) {
                assert!(
                    (a - b).abs() <= 1e-5 * (1.0 + b.abs()),
                    "{name}, output {k}: {a}, expected {b}"
                );
            }
        }
        last = Some(graph);
    }
    last.expect("two rounds")
}

/// Both exporters' files of a network; the graph after passes is the snapshot.
macro_rules! fixtures {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(load_and_compare(stringify!($name)));
        })*
    };
}

fixtures! {
    attention_dynamo,
    gated_opset13,
    mobile_dynamo,
    mobile_opset13,
    residual1d_dynamo,
    residual1d_opset11,
    shapes_dynamo,
    shapes_opset11,
    transposed1d_opset17,
    unet_dynamo,
    unet_opset17,
    windows_dynamo,
    windows_opset11,
}

/// Transformers in every form that PyTorch exports (`tests/data/generate_transformers.py`): the graph of the first form is a
/// snapshot, the others come to as many operators of each kind.
macro_rules! transformers {
    ($($network:ident: $first:literal $($form:literal)*,)*) => {
        $(#[test]
        fn $network() {
            let load = |form: &str| load_and_compare(&format!("{}_{form}", stringify!($network)));
            let graph = load($first);
            let wanted = operators(&graph);
            insta::assert_snapshot!(graph);
            for form in [$($form),*] {
                assert_eq!(operators(&load(form)), wanted, "{form}");
            }
        })*
    };
}

transformers! {
    bert: "eager18" "fused20" "fused23" "old14" "oldfused17",
    gpt2: "eager18" "fused20" "fused23" "old14" "oldfused17",
    llama: "eager18" "fused20" "fused23" "old14",
    vit: "eager18" "fused20" "fused23" "old14" "oldfused17",
}

/// How often each operator is there; wiring is left out, and products by one number, which stand in different places.
fn operators(graph: &ModelGraph) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.nodes {
        let scales = matches!(node.op, ModelOp::Mul)
            && node.inputs.iter().any(|&id| graph.value(id).constant.as_ref().is_some_and(|data| data.len() == 1));
        let wires = matches!(node.op, ModelOp::Reshape | ModelOp::Transpose { .. } | ModelOp::Slice { .. } | ModelOp::Gather { .. });
        if !scales && !wires {
            *counts.entry(node.op.name().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn all_unsupported_operators_are_reported_at_once() {
    let error =
        load(&data("unsupported_dynamo.onnx")).expect_err("random numbers have no lowering");
    let OnnxError::Unsupported(nodes) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        nodes
            .iter()
            .map(|node| node.op.as_str())
            .collect::<Vec<_>>(),
        ["RandomUniformLike", "Bernoulli", "RandomNormalLike"]
    );
    insta::assert_snapshot!(format!(
        "{error}\nhint: {}",
        error.hint().unwrap_or_default()
    ));
}
