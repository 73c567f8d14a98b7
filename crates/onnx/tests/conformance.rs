//! Node tests of the ONNX project (Apache-2.0, see `tests/data/README.md`): every one of these cases passes.

#[path = "../examples/conformance/case.rs"]
mod case;

use case::{Outcome, Pack};
use prost::Message;

#[test]
fn node_tests_pass() {
    let pack = Pack::decode(include_bytes!("data/conformance.pack").as_slice()).expect("a pack");
    assert!(pack.cases.len() > 60);
    let mut failed = Vec::new();
    for case in &pack.cases {
        match case.run() {
            Outcome::Passed(_) => {}
            Outcome::Refused(reason) | Outcome::Wrong(reason) => {
                failed.push(format!("{}: {reason}", case.name))
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Truncated and bit-flipped files of all these operators give an error or another graph, never a panic.
#[test]
fn damaged_node_tests_do_not_panic() {
    let pack = Pack::decode(include_bytes!("data/conformance.pack").as_slice()).expect("a pack");
    for case in &pack.cases {
        let live = match case.run() {
            Outcome::Passed(live) => live,
            _ => case.inputs.len(),
        };
        for at in 0..case.model.len() {
            let mut damaged = case.clone();
            damaged.model.truncate(at);
            damaged.attempt(live);
            let mut damaged = case.clone();
            damaged.model[at] ^= 1 << (at % 8);
            damaged.attempt(live);
            let mut damaged = case.clone();
            damaged.model[at] = 0xff;
            damaged.attempt(live);
        }
    }
}
