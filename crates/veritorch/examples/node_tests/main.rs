//! Runs the node tests of the ONNX project as circuits, and writes what the documentation and the tests have of them.
//!
//! `cargo run -p veritorch --example node_tests -- FOLDER [FILTER]`, where `FOLDER` holds one folder per case with
//! `model.onnx` and `test_data_set_0/{input,output}_K.pb`, prints what became of each case whose name holds `FILTER`.
//! `-- FOLDER --record FILE --page PAGE` writes all outcomes with the smallest cases, and the page of the documentation.

mod case;
#[expect(dead_code, reason = "the tests prove, this runs")]
mod outcome;
#[expect(dead_code, reason = "the tests read what this writes")]
mod record;

use std::collections::BTreeMap;
use std::path::Path;

use case::Case;
use outcome::Outcome;
use record::{Record, Run};

type Failure = Box<dyn std::error::Error>;

fn read(folder: &Path) -> Option<Case> {
    let files = |kind: &str| -> Vec<Vec<u8>> {
        (0..).map_while(|k| std::fs::read(folder.join(format!("test_data_set_0/{kind}_{k}.pb"))).ok()).collect()
    };
    Some(Case {
        name: folder.file_name()?.to_string_lossy().into_owned(),
        model: std::fs::read(folder.join("model.onnx")).ok()?,
        inputs: files("input"),
        outputs: files("output"),
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, filter, files) = match arguments.as_slice() {
        [folder] => (folder, "", None),
        [folder, filter] => (folder, filter.as_str(), None),
        [folder, record, file, page, to] if record == "--record" && page == "--page" => (folder, "", Some((file, to))),
        _ => return Err("usage: node_tests FOLDER [FILTER] | FOLDER --record FILE --page PAGE".into()),
    };
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut run = Run::default();
    for case in paths.iter().filter_map(|path| read(path)).filter(|case| case.name.contains(filter)) {
        let (outcome, _) = outcome::run(&case);
        let (word, detail) = match &outcome {
            Outcome::Passed { live, all } => ("passed", format!("{live} of {all} inputs")),
            Outcome::Refused(reason) => ("refused", reason.clone()),
            Outcome::Wrong(reason) => ("WRONG", reason.clone()),
        };
        let operators = case.operators().into_iter().collect::<Vec<_>>().join("+");
        println!("{word} {} [{operators}]: {}", case.name, detail.replace('\n', " "));
        *counts.entry(word).or_default() += 1;
        if files.is_some() {
            run.records.push(Record::new(&case, outcome)?);
        }
    }
    println!("{counts:?}");
    if let Some((file, page)) = files {
        std::fs::write(page, run.page())?;
        std::fs::write(file, run.slim().to_bytes()?)?;
    }
    Ok(())
}
