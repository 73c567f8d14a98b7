//! `compile FOLDER`: what is refused before the model is quantised.

use std::path::Path;

use crate::support::Place;

fn stories() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/data/stories260K").display().to_string()
}

#[test]
fn folders_take_a_sequence_length() {
    let place = Place::new();
    place.write("prompts.txt", b"Once upon a time.\n");
    let before = place.names();
    let stories = stories();
    let compile = |model: &str, more: &[&str], says: &[&str]| {
        place.bad(&[&["compile", model, "-o", "a.vt"], more].concat(), 2, says);
    };
    compile(&stories, &["--calibration", "prompts.txt"], &["--seq-len: is missing"]);
    compile(&stories, &["--calibration", "prompts.txt", "--seq-len", "513"], &["sequence length 513, expected 1 to 512", "hint:"]);
    compile(&stories, &["--calibration", "prompts.txt", "--seq-len", "64"], &["tokens, expected at least 64"]);
    compile(&stories, &["--calibration", "none.txt", "--seq-len", "4"], &["cannot read `none.txt`"]);
    compile(&stories, &["--calibration", "cal.npz", "--seq-len", "4"], &["calibration `input_ids` is missing; given: x"]);
    compile("model.onnx", &["--calibration", "cal.npz", "--seq-len", "4"], &["--seq-len"]);
    compile(".", &["--calibration", "prompts.txt", "--seq-len", "4"], &["config.json", "hint: a checkpoint is a folder"]);
    place.write("prompts.bin", &[0xff, 0xfe]);
    compile(&stories, &["--calibration", "prompts.bin", "--seq-len", "4"], &["UTF-8"]);
    std::fs::remove_file(place.path("prompts.bin")).expect("removed");
    assert_eq!(place.names(), before);
}
