//! Reports on files of any kind.

use std::path::Path;

use super::{FileRow, Inspection, SizeRow};
use crate::artefact::{self, File, Kind};
use crate::{CompiledCircuit, Error, Proof, Verifier};

/// What is in a file: a `.vt`, a `.vk` or a `.proof`, told by its content. `batch` is the number of samples that
/// predictions and the security level of keys are for.
///
/// # Errors
/// The file cannot be read, is none of ours or is damaged; or no proof of that size is possible.
pub fn inspect_file(path: &Path, batch: usize) -> Result<Inspection, Error> {
    if batch == 0 {
        return Err(Error::Option { option: "batch", reason: "0 samples, expected at least 1".to_owned() });
    }
    let map = artefact::map(path)?;
    let bytes = (*map).as_ref();
    let file = File::parse(path, bytes)?;
    let mut report = match file.kind {
        Kind::ProverKey => CompiledCircuit::from_bytes(path, &map)?.inspect(batch)?,
        Kind::VerifierKey => Verifier::from_bytes(path, bytes)?.inspect(batch)?,
        Kind::Proof => Proof::from_bytes(path, bytes)?.inspect(),
        kind @ (Kind::Ledger | Kind::Commitment | Kind::Opening | Kind::Part) => {
            return Err(Error::WrongKind { path: path.to_owned(), expected: Kind::ProverKey, actual: kind });
        }
    };
    let sections = file.section_sizes().into_iter();
    report.file = Some(FileRow {
        path: path.display().to_string(),
        bytes: bytes.len() as u64,
        sections: sections.map(|(name, bytes)| SizeRow { name: name.to_owned(), bytes }).collect(),
    });
    Ok(report)
}
