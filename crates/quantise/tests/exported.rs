//! Transformers as PyTorch exports them (`crates/onnx/tests/data`), eager and fused, old exporter and new: each becomes a
//! circuit near the float model at the default settings.

use std::path::Path;

use veritorch_graph::model::{ModelGraph, ModelOp};
use veritorch_quantise::{QuantiseOptions, quantise};

/// Samples of the one input: ids below the vocabulary where it chooses rows of a table, noise otherwise.
fn samples(graph: &ModelGraph, count: usize) -> Vec<Vec<f32>> {
    let input = graph.inputs[0];
    let rows = graph.nodes.iter().find(|node| node.op == ModelOp::Embedding && node.inputs[1] == input);
    let vocabulary = rows.map(|node| graph.value(node.inputs[0]).shape[0]);
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let number = |_| match vocabulary {
        Some(rows) => (random() % rows) as f32,
        None => (random() % 2001) as f32 / 500.0 - 2.0,
    };
    vec![(0..count * graph.value(input).len()).map(number).collect()]
}

#[track_caller]
fn near(network: &str, forms: &[&str], drift: f64) {
    for form in forms {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../onnx/tests/data/{network}_{form}.onnx"));
        let graph = veritorch_onnx::load(&path).expect("a good model");
        let quantised = quantise(&graph, &samples(&graph, 16), &QuantiseOptions::default()).expect("a circuit");
        let report = &quantised.report;
        assert_eq!(report.refused, 0, "{network} {form}\n{report}");
        assert!(report.drift() <= drift, "{network} {form}\n{report}");
    }
}

const FORMS: [&str; 5] = ["eager18", "fused20", "fused23", "old14", "oldfused17"];

#[test]
fn gpt2() {
    near("gpt2", &FORMS, 5e-3);
}

#[test]
fn bert() {
    near("bert", &FORMS, 5e-3);
}

#[test]
fn llama() {
    near("llama", &FORMS[..4], 5e-3);
}

#[test]
fn vit() {
    near("vit", &FORMS, 5e-3);
}
