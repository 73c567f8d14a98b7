//! Ledger bytes: no panic, one encoding, and no more openings than the file says are left.
#![no_main]

#[path = "edits.rs"]
mod edits;
#[path = "folder.rs"]
mod folder;

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use veritorch::artefact::{self, File, Kind};
use veritorch::commitment::CommitmentOpening;
use veritorch::ledger::{Grant, ledger_path};

use folder::folder;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let folder = folder();
    let bytes = match mode % 3 {
        0 => data.to_vec(),
        1 => edits::edit(folder.ledger.clone(), data),
        _ => artefact::encode(Kind::Ledger, &[edits::edit(folder.grant.clone(), data)]),
    };
    let grant = File::parse_as(Path::new("fuzz"), &bytes, Kind::Ledger).and_then(|file| file.section::<Grant>(0));
    if let Ok(grant) = &grant {
        assert_eq!(artefact::encode(Kind::Ledger, &[artefact::encode_section(grant)]), bytes, "a second encoding was accepted");
        assert!(grant.left() <= grant.openings, "more is left than there was");
    }
    // Beside the opening that it counts.
    let path = ledger_path(&folder.opening);
    fs::write(&path, &bytes).expect("a temporary file is written");
    let opening = CommitmentOpening::load(&folder.commitment).expect("the opening is whole");
    match (opening.openings_left(), grant) {
        (Ok(left), Ok(grant)) => assert!(left <= grant.left(), "more is left than the ledger says"),
        (Ok(_), Err(error)) => panic!("a ledger that cannot be read counts: {error}"),
        (Err(_), _) => {}
    }
});
