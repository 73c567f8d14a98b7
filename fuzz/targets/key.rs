//! Key bytes: no panic, and a proof is not accepted under another key.
#![no_main]

#[path = "edits.rs"]
mod edits;
#[path = "fixture.rs"]
mod fixture;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use veritorch::Verifier;
use veritorch::artefact::Kind;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else { return };
    let fixture = fixture::fixture();
    let sections = &fixture.key_sections;
    let bytes = match mode % 3 {
        0 => data.to_vec(),
        1 => edits::edit(fixture.verifier.to_bytes(), data),
        _ => fixture::with_section(Kind::VerifierKey, sections, 0, edits::edit(sections[0].clone(), data)),
    };
    if let Ok(verifier) = Verifier::from_bytes(Path::new("fuzz"), &bytes)
        && verifier.verify(&fixture.proof).is_ok()
    {
        assert_eq!(verifier.to_bytes(), fixture.verifier.to_bytes(), "a proof was accepted under another key");
    }
});
