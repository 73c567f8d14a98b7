//! Bytes of a commitment's opening: no panic, and what loads opens the commitment that it lies beside.
#![no_main]

#[path = "edits.rs"]
mod edits;
#[path = "folder.rs"]
mod folder;

use std::fs;

use libfuzzer_sys::fuzz_target;
use veritorch::artefact::{self, Kind};
use veritorch::commitment::CommitmentOpening;

use folder::folder;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let folder = folder();
    let bytes = match mode % 3 {
        0 => data.to_vec(),
        1 => edits::edit(folder.secret.clone(), data),
        _ => artefact::encode(Kind::Opening, &[edits::edit(folder.tensors.clone(), data)]),
    };
    fs::write(&folder.opening, &bytes).expect("a temporary file is written");
    if let Ok(opening) = CommitmentOpening::load(&folder.commitment) {
        assert_eq!(opening.commitment().to_bytes(), folder.contents, "it opens another commitment");
        let _ = opening.openings_left();
    }
});
