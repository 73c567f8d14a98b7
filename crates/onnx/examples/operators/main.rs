//! Writes `docs/operators.md` from the operators' own documentation: `cargo run -p veritorch-onnx --example operators`.

mod page;

fn main() -> std::io::Result<()> {
    std::fs::write(page::root().join("docs/operators.md"), page::page()?)
}
