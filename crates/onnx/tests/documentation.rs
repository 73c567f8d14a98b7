//! `docs/operators.md` is what the sources say.

#[path = "../examples/operators/page.rs"]
mod page;

#[test]
fn the_page_of_operators_is_up_to_date() {
    let written = std::fs::read_to_string(page::root().join("docs/operators.md")).expect("docs/operators.md");
    let now = page::page().expect("the sources");
    let differing = written.lines().zip(now.lines()).find(|(a, b)| a != b);
    assert!(
        written == now,
        "docs/operators.md differs from the sources, first at {differing:?}: cargo run -p veritorch-onnx --example operators"
    );
}
