//! Commitment bytes: no panic, and one encoding.
#![no_main]

#[path = "edits.rs"]
mod edits;
#[path = "folder.rs"]
mod folder;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use veritorch::Commitment;
use veritorch::artefact::{self, Kind};

use folder::folder;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let folder = folder();
    let bytes = match mode % 3 {
        0 => data.to_vec(),
        1 => edits::edit(folder.contents.clone(), data),
        _ => artefact::encode(Kind::Commitment, &[edits::edit(folder.arrays.clone(), data)]),
    };
    if let Ok(commitment) = Commitment::from_bytes(Path::new("fuzz"), &bytes) {
        assert_eq!(commitment.to_bytes(), bytes, "a second encoding was accepted");
        let _ = commitment.identities().count();
    }
});
