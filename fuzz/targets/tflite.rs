//! TensorFlow Lite bytes: no panic, and a graph that loads passes its checker.
#![no_main]

#[path = "edits.rs"]
mod edits;

use libfuzzer_sys::fuzz_target;

const MODELS: [&[u8]; 3] = [
    include_bytes!("../../crates/tflite/tests/fixtures/cnn.tflite"),
    include_bytes!("../../crates/tflite/tests/fixtures/shapes.tflite"),
    include_bytes!("../../crates/tflite/tests/fixtures/transformer.tflite"),
];

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let bytes = match MODELS.get(usize::from(mode % 4)) {
        Some(model) => edits::edit(model.to_vec(), data),
        None => data.to_vec(),
    };
    if let Ok(graph) = veritorch_tflite::load_bytes_with(&bytes, &Default::default()) {
        graph.check().expect("a graph that loads is valid");
    }
});
