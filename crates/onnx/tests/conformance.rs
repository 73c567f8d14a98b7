//! Node tests of the ONNX project (Apache-2.0, see `tests/data/README.md`): every one of these cases passes.

#[path = "../examples/conformance/case.rs"]
mod case;

use std::collections::BTreeSet;

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

/// The operators of a file's nodes.
#[derive(Clone, PartialEq, prost::Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Node {
    #[prost(string, tag = "4")]
    op_type: String,
}

/// A new operator comes with a case: here, or for those that ONNX has no small case for, in `tests/files`.
#[test]
fn every_operator_has_a_case() {
    const ELSEWHERE: [&str; 4] = ["GlobalLpPool", "Mish", "Not", "SimplifiedLayerNormalization"];
    let pack = Pack::decode(include_bytes!("data/conformance.pack").as_slice()).expect("a pack");
    let mut covered: BTreeSet<String> = ELSEWHERE.iter().map(|name| (*name).to_owned()).collect();
    for case in &pack.cases {
        let model = Model::decode(case.model.as_slice()).expect("a model");
        covered.extend(
            model
                .graph
                .into_iter()
                .flat_map(|graph| graph.nodes)
                .map(|node| node.op_type),
        );
    }
    let missing: Vec<&str> = veritorch_onnx::supported_operators()
        .into_iter()
        // Classical models have tests of their own, and cases in the kit of whole proofs.
        .filter(|name| !covered.contains(*name) && !veritorch_onnx::classical_operators().contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
