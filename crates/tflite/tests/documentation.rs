//! `docs/tflite.md` lists the operators that there are, and no others.

use std::path::Path;

#[test]
fn the_page_lists_the_operators() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tflite.md");
    let page = std::fs::read_to_string(path).expect("docs/tflite.md");
    for names in [veritorch_tflite::supported_operators(), veritorch_tflite::integer_operators()] {
        let list = format!("\n{}.\n", names.join(", "));
        assert!(page.contains(&list), "docs/tflite.md needs the line:{list}");
    }
}
