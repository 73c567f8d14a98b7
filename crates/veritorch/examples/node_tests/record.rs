//! What is kept of a run: every case's outcome, the files of the smallest cases, and the documentation's table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use prost::Message;

use crate::case::Case;
use crate::outcome::Outcome;

/// Cases of each operator whose files are kept.
const KEPT: usize = 4;
/// Most bytes of a case that is kept.
const MOST_BYTES: usize = 24 << 10;

/// A case and what became of it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Record {
    /// Name of the case.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Operators of its file.
    #[prost(string, repeated, tag = "2")]
    pub(crate) operators: Vec<String>,
    /// Why it is refused; empty where it passes.
    #[prost(string, tag = "3")]
    pub(crate) refused: String,
    /// Inputs that are inputs of the circuit.
    #[prost(uint32, tag = "4")]
    pub(crate) live: u32,
    /// Inputs of the case.
    #[prost(uint32, tag = "5")]
    pub(crate) all: u32,
    /// Its files, where they are kept.
    #[prost(message, optional, tag = "6")]
    pub(crate) case: Option<Case>,
}

/// All cases of a run.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Run {
    /// In the order of their names.
    #[prost(message, repeated, tag = "1")]
    pub(crate) records: Vec<Record>,
}

impl Record {
    /// # Errors
    /// A case that is wrong.
    pub(crate) fn new(case: &Case, outcome: Outcome) -> Result<Self, String> {
        let (refused, live, all) = match outcome {
            Outcome::Passed { live, all } => (String::new(), live, all),
            Outcome::Refused(reason) => (reason.replace('\n', " "), 0, case.inputs.len()),
            Outcome::Wrong(reason) => return Err(format!("{} is wrong: {reason}", case.name)),
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let operators = case.operators().into_iter().collect();
        Ok(Self { name: case.name.clone(), operators, refused, live: count(live), all: count(all), case: Some(case.clone()) })
    }

    fn passes(&self) -> bool {
        self.refused.is_empty()
    }
}

impl Run {
    /// Keeps the files of each operator's smallest cases, those that pass first.
    pub(crate) fn slim(mut self) -> Self {
        let size = |record: &Record| record.case.as_ref().map_or(0, Message::encoded_len);
        let mut order: Vec<usize> = (0..self.records.len()).filter(|&k| size(&self.records[k]) <= MOST_BYTES).collect();
        order.sort_by_key(|&k| (!self.records[k].passes(), size(&self.records[k])));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for k in order {
            let operators = &self.records[k].operators;
            if operators.iter().any(|op| counts.get(op.as_str()).is_none_or(|&count| count < KEPT)) {
                operators.iter().for_each(|op| *counts.entry(op).or_default() += 1);
                kept.insert(k);
            }
        }
        for (k, record) in self.records.iter_mut().enumerate() {
            if !kept.contains(&k) {
                record.case = None;
            }
        }
        self
    }

    pub(crate) fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&self.encode_to_vec())?;
        encoder.finish()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> std::io::Result<Self> {
        let mut raw = Vec::new();
        flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut raw)?;
        Self::decode(raw.as_slice()).map_err(std::io::Error::other)
    }

    /// The page of the documentation.
    pub(crate) fn page(&self) -> String {
        let mut by_operator: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        for record in &self.records {
            for operator in &record.operators {
                by_operator.entry(operator).or_default().push(record);
            }
        }
        let passed = self.records.iter().filter(|record| record.passes()).count();
        let working = by_operator.values().filter(|records| records.iter().any(|record| record.passes())).count();
        let mut page = format!(
            "# Conformance with ONNX's own tests\n\n\
             The ONNX project has a test case for every operator: a model, inputs, expected outputs. Of the {} node tests of version 1.17.0,\n\
             {passed} pass as circuits and {} are refused with a reason; none gives a wrong result. {working} of the {} operators that occur in them work.\n\n\
             A case passes with as many of its inputs as possible as inputs of the circuit, the others as constants of the file, which is how\n\
             shapes, axes and indices reach an operator. It is quantised with 16-bit activations, inputs and weights. Each entry of an output is within\n\
             1/256 of the output's greatest magnitude, of the expected output or of the float model's on the input as the circuit's integers\n\
             hold it; integers and truth values are exact. One case of each operator is proved and verified.\n\
             The rule in full stands in `crates/veritorch/examples/node_tests/outcome.rs`.\n\n\
             This page is written by `cargo run -p veritorch --example node_tests -- FOLDER --record crates/veritorch/tests/data/node_tests.pack\n\
             --page docs/conformance.md`, where FOLDER holds the cases (`onnx/backend/test/data/node` of the Python package `onnx`). A test runs the cases that\n\
             are kept in the repository, and compares this page with them.\n\n\
             \"Inputs\" says how many inputs of a case are inputs of the circuit in the best case that passes: all, some, or none (the operator is\n\
             computed while the model is imported).\n\n\
             | operator | passed | inputs | refused |\n|---|---|---|---|\n",
            self.records.len(),
            self.records.len() - passed,
            by_operator.len(),
        );
        for (operator, records) in &by_operator {
            let passing: Vec<&&Record> = records.iter().filter(|record| record.passes()).collect();
            let inputs = if passing.is_empty() {
                ""
            } else if passing.iter().any(|record| record.live == record.all && record.all > 0) {
                "all"
            } else if passing.iter().any(|record| record.live > 0) {
                "some"
            } else {
                "none"
            };
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            for record in records.iter().filter(|record| !record.passes()) {
                *reasons.entry(&record.refused).or_default() += 1;
            }
            let reasons: Vec<String> = reasons
                .iter()
                .map(|(reason, count)| {
                    let reason = reason.replace('|', "\\|");
                    if *count == 1 { reason } else { format!("{reason} ({count})") }
                })
                .collect();
            let _ = writeln!(page, "| {operator} | {} of {} | {inputs} | {} |", passing.len(), records.len(), reasons.join("; "));
        }
        page
    }
}
