//! The conformance kit: every operator of the importer goes from an ONNX file to a verified proof.
//!
//! Each case is one small model. It is imported, quantised, run, proved and verified; its integer outputs are near the
//! float model's, and a proof that was touched is refused (`pipeline`, `tamper`). A new operator needs a case here or among the
//! node tests of the ONNX project (`nodes`).

#[path = "../../examples/node_tests/case.rs"]
mod case;
#[path = "../../examples/node_tests/outcome.rs"]
mod outcome;
#[path = "../../examples/node_tests/record.rs"]
#[expect(dead_code, reason = "the example writes what this kit reads")]
mod record;

#[path = "../../../onnx/tests/files/bytes.rs"]
#[expect(dead_code, reason = "this kit writes whole files only")]
mod bytes;
mod net;
mod pipeline;
mod tamper;

mod activations;
mod arithmetic;
mod classical;
mod folding;
mod linear;
mod nodes;
mod reductions;
mod transformers;
mod windows;
mod wiring;

use std::collections::BTreeSet;

/// Every registered operator stands in at least one case, here or among ONNX's own.
#[test]
fn every_operator_has_a_case() {
    let cases = [
        activations::cases(),
        arithmetic::cases(),
        classical::cases(),
        folding::cases(),
        linear::cases(),
        reductions::cases(),
        transformers::cases(),
        windows::cases(),
        wiring::cases(),
    ]
    .concat();
    let covered: BTreeSet<&str> = cases.iter().flat_map(|case| case.operators.iter().copied()).collect();
    let registered: BTreeSet<&str> = veritorch_onnx::supported_operators().into_iter().collect();
    let elsewhere = nodes::operators();
    let missing: Vec<_> = registered.difference(&covered).filter(|name| !elsewhere.contains(**name)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
}
