//! The list of operators in the documentation is complete.

use std::collections::BTreeSet;

#[test]
fn every_operator_is_documented() {
    let text = include_str!("../../../docs/models.md");
    let (_, table) = text.split_once("\n## Operators\n").expect("a chapter on operators");
    let first_cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let documented: BTreeSet<&str> = first_cells.skip(1).flat_map(|cell| cell.split(", ")).map(str::trim).collect();
    let supported: BTreeSet<&str> = veritorch_onnx::supported_operators().into_iter().collect();
    let differing: Vec<_> = documented.symmetric_difference(&supported).collect();
    assert!(differing.is_empty(), "{differing:?}");
}
