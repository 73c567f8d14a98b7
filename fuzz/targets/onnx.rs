//! ONNX bytes: no panic, and a graph that loads passes its checker.
#![no_main]

#[path = "edits.rs"]
mod edits;

use libfuzzer_sys::fuzz_target;

const MODELS: [&[u8]; 3] = [
    include_bytes!("../../python/tests/core/models/mlp.onnx"),
    include_bytes!("../../python/tests/core/models/two_ports.onnx"),
    include_bytes!("../../demo/data/mnist_cnn.onnx"),
];

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let bytes = match MODELS.get(usize::from(mode % 4)) {
        Some(model) => edits::edit(model.to_vec(), data),
        None => data.to_vec(),
    };
    if let Ok(graph) = veritorch_onnx::load_bytes(&bytes, None) {
        graph.check().expect("a graph that loads is valid");
    }
});
