//! Classical models as scikit-learn, LightGBM and XGBoost export them (`tests/data/generate_classical.py`): the graph gives onnxruntime's results.

use std::fs::File;
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use veritorch_graph::model::evaluate;
use veritorch_onnx::load;

const FEATURES: usize = 6;

#[test]
fn classical_models_give_the_results_of_onnxruntime() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".onnx").filter(|name| name.starts_with("classical_"))?.to_owned()))
        .collect();
    names.sort();
    assert_eq!(names.len(), 13);
    let failures: Vec<String> = names.iter().filter_map(|name| differs(&folder, name).map(|reason| format!("{name}: {reason}"))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The first result that is not onnxruntime's.
fn differs(folder: &Path, name: &str) -> Option<String> {
    let graph = match load(&folder.join(format!("{name}.onnx"))) {
        Ok(graph) => graph,
        Err(error) => return Some(error.to_string()),
    };
    let mut npz = NpzReader::new(File::open(folder.join(format!("{name}.npz"))).unwrap()).unwrap();
    let mut array = |name: &str| -> ArrayD<f32> { npz.by_name(&format!("{name}.npy")).unwrap() };
    let rows: Vec<f32> = array("X").iter().copied().collect();
    let expected: Vec<Vec<f32>> =
        graph.outputs.iter().map(|&id| array(&graph.value(id).name).iter().copied().collect()).collect();
    let count = rows.len() / FEATURES;
    for (row, x) in rows.chunks(FEATURES).enumerate() {
        let outputs = match evaluate(&graph, &[x.to_vec()]) {
            Ok(outputs) => outputs,
            Err(error) => return Some(error.to_string()),
        };
        for ((id, output), expected) in graph.outputs.iter().zip(&outputs).zip(&expected) {
            let own = &expected[row * expected.len() / count..(row + 1) * expected.len() / count];
            let near = own.len() == output.len() && own.iter().zip(output).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs()));
            if !near {
                return Some(format!("row {row}, `{}`: {output:?}, expected {own:?}", graph.value(*id).name));
            }
        }
    }
    None
}
