//! Proof bytes: no panic, no false acceptance.
#![no_main]

#[path = "edits.rs"]
mod edits;
#[path = "fixture.rs"]
mod fixture;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use veritorch::Proof;
use veritorch::artefact::Kind;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let fixture = fixture::fixture();
    let sections = &fixture.proof_sections;
    let bytes = match mode % 4 {
        0 => data.to_vec(),
        1 => edits::edit(fixture.proof.to_bytes(), data),
        2 => fixture::with_section(Kind::Proof, sections, 0, edits::edit(sections[0].clone(), data)),
        _ => fixture::with_section(Kind::Proof, sections, 1, edits::edit(sections[1].clone(), data)),
    };
    if let Ok(proof) = Proof::from_bytes(Path::new("fuzz"), &bytes)
        && fixture.verifier.verify(&proof).is_ok()
    {
        assert_eq!(proof.statement(), fixture.proof.statement(), "a false statement was accepted");
        // The proof has one encoding: what is accepted is the proof that was made.
        assert_eq!(bytes[bytes.len() - sections[1].len()..], sections[1][..], "a second encoding was accepted");
    }
});
