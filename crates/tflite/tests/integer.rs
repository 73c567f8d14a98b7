//! Models that are quantised already: every integer of the reference interpreter, exactly (`fixtures/make.py`).

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use veritorch_graph::model::evaluate;
use veritorch_onnx::ImportOptions;
use veritorch_tflite::load_with;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Sums of these models stay below 2^24: the graph's evaluator in single precision is exact.
fn assert_exact(name: &str) {
    let mut npz = NpzReader::new(File::open(fixture(&format!("{name}.npz"))).expect("arrays")).expect("an archive");
    let mut array = |name: String| -> ArrayD<f32> { npz.by_name(&name).unwrap_or_else(|error| panic!("{name}: {error}")) };
    for keep_unoptimised in [true, false] {
        let options = ImportOptions { keep_unoptimised, ..ImportOptions::default() };
        let graph = load_with(&fixture(&format!("{name}.tflite")), &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let inputs: Vec<ArrayD<f32>> = graph.inputs.iter().map(|&id| array(format!("in/{}.npy", graph.value(id).name))).collect();
        let mut differing = Vec::new();
        for sample in 0..inputs[0].shape()[0] {
            let given: Vec<Vec<f32>> = inputs.iter().map(|x| x.outer_iter().nth(sample).expect("a sample").iter().copied().collect()).collect();
            let found = evaluate(&graph, &given).expect(name);
            for (&id, found) in graph.outputs.iter().zip(&found) {
                let output = &graph.value(id).name;
                let expected = array(format!("out/{output}.npy"));
                assert_eq!(graph.value(id).shape, expected.shape()[1..], "{name}, {output}");
                let expected = expected.outer_iter().nth(sample).expect("a sample");
                let wrong: Vec<_> = found.iter().zip(expected.iter()).enumerate().filter(|(_, (a, b))| a != b).collect();
                if let Some(&(at, (a, b))) = wrong.first() {
                    differing.push(format!("{output}, sample {sample}: {} of {} differ, entry {at} is {a}, expected {b}", wrong.len(), found.len()));
                }
            }
        }
        assert!(differing.is_empty(), "{name}:\n{}", differing.join("\n"));
    }
}

macro_rules! fixtures {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            assert_exact(stringify!($name));
        })*
    };
}

fixtures! {
    cnn_int8,
    functions_int8,
    pairs_int8,
    windows_int8,
}
