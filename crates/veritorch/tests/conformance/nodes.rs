//! The node tests of the ONNX project that are kept here (Apache-2.0, see `tests/data/README.md`), as circuits and as proofs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost::Message;
use crate::outcome;
use crate::record::{Record, Run};

pub(crate) fn kept() -> Run {
    Run::from_bytes(include_bytes!("../data/node_tests.pack")).expect("the kept cases")
}

/// Every kept case has the outcome that was recorded, and the documentation's page is what was recorded.
#[test]
fn outcomes_are_as_documented() {
    let run = kept();
    let mut failed = Vec::new();
    for record in &run.records {
        let Some(case) = &record.case else { continue };
        match Record::new(case, outcome::run(case).0) {
            Ok(now) if now == *record => {}
            Ok(now) => failed.push(format!("{}: {} live, {}, recorded {} live, {}", now.name, now.live, now.refused, record.live, record.refused)),
            Err(wrong) => failed.push(wrong),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let page = std::fs::read_to_string(page).expect("docs/conformance.md");
    assert!(page == run.page(), "docs/conformance.md is not what was recorded: run the example `node_tests` again");
}

/// Operators that pass a kept case.
pub(crate) fn operators() -> BTreeSet<String> {
    let run = kept();
    run.records.into_iter().filter(|record| record.case.is_some() && record.refused.is_empty()).flat_map(|record| record.operators).collect()
}

#[test]
fn enough_operators_work() {
    let passed = operators();
    assert!(passed.len() >= 140, "{} operators", passed.len());
}

/// The smallest case of each operator with an input is proved; a share of them in each of these tests.
fn prove_share(share: usize, of: usize) {
    let run = kept();
    let mut smallest: BTreeMap<&str, &Record> = BTreeMap::new();
    let size = |record: &Record| record.case.as_ref().map_or(usize::MAX, Message::encoded_len);
    for record in run.records.iter().filter(|record| record.case.is_some() && record.live > 0) {
        for operator in &record.operators {
            let best = smallest.entry(operator).or_insert(record);
            if size(record) < size(best) {
                *best = record;
            }
        }
    }
    let names: BTreeMap<&str, &Record> = smallest.into_values().map(|record| (record.name.as_str(), record)).collect();
    let mut failed = Vec::new();
    for record in names.into_values().skip(share).step_by(of) {
        let Some(case) = &record.case else { continue };
        let proved = outcome::run(case).1.ok_or_else(|| "no circuit".to_owned()).and_then(outcome::prove_and_verify);
        failed.extend(proved.err().map(|reason| format!("{}: {reason}", record.name)));
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn first_share_is_proved() {
    prove_share(0, 4);
}

#[test]
fn second_share_is_proved() {
    prove_share(1, 4);
}

#[test]
fn third_share_is_proved() {
    prove_share(2, 4);
}

#[test]
fn fourth_share_is_proved() {
    prove_share(3, 4);
}
