//! Runs the node tests of the ONNX project against the importer and the reference evaluator.
//!
//! `cargo run -p veritorch-onnx --example conformance -- FOLDER [FILTER]`, where `FOLDER` holds one folder per case with
//! `model.onnx` and `test_data_set_0/{input,output}_K.pb`. A case passes where some choice of which inputs are constants
//! loads and gives the expected outputs. `-- FOLDER --pack FILE CASE ..` writes cases into one file.

mod case;

use std::collections::BTreeMap;
use std::path::Path;

use case::{Case, Outcome, Pack};
use prost::Message;

type Failure = Box<dyn std::error::Error>;

fn read(folder: &Path) -> Option<Case> {
    let files = |kind: &str| -> Vec<Vec<u8>> {
        (0..)
            .map_while(|k| {
                std::fs::read(folder.join(format!("test_data_set_0/{kind}_{k}.pb"))).ok()
            })
            .collect()
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
    let folder = Path::new(arguments.first().ok_or("a folder is missing")?);
    if let [_, flag, file, names @ ..] = arguments.as_slice()
        && flag == "--pack"
    {
        let cases = names
            .iter()
            .map(|name| read(&folder.join(name)).ok_or_else(|| format!("no case {name}")));
        let pack = Pack {
            cases: cases.collect::<Result<_, _>>()?,
        };
        std::fs::write(file, pack.encode_to_vec())?;
        return Ok(());
    }
    let filter = arguments.get(1).map_or("", String::as_str);
    let mut cases: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    cases.sort();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases
        .iter()
        .filter_map(|path| read(path))
        .filter(|case| case.name.contains(filter))
    {
        let (word, detail) = match case.run() {
            Outcome::Passed(live) => ("passed", format!("{live} of {} inputs", case.inputs.len())),
            Outcome::Refused(reason) => ("refused", reason),
            Outcome::Wrong(reason) => ("WRONG", reason),
        };
        println!("{word} {}: {}", case.name, detail.replace('\n', " "));
        *counts.entry(word).or_default() += 1;
    }
    println!("{counts:?}");
    Ok(())
}
