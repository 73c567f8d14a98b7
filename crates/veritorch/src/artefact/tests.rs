//! Round trips, truncation, bit flips and forged checksums of files.

use std::path::Path;

use super::*;

type Report = (String, Vec<u32>);

fn sample() -> Vec<u8> {
    let report: Report = ("accuracy".to_owned(), vec![1, 2, 300]);
    encode(Kind::Proof, &[encode_section(&vec![7u8; 100]), encode_section(&report)])
}

fn parse(bytes: &[u8]) -> Result<(Vec<u8>, Report), Error> {
    let file = File::parse_as(Path::new("a.proof"), bytes, Kind::Proof)?;
    Ok((file.section(0)?, file.section(1)?))
}

#[test]
fn sections_come_back() {
    let (key, report) = parse(&sample()).unwrap();
    assert_eq!(key, vec![7; 100]);
    assert_eq!(report.1, [1, 2, 300]);
    let bytes = sample();
    let file = File::parse(Path::new("a.proof"), &bytes).unwrap();
    assert_eq!(file.section_sizes(), [("origin", 101), ("proof", 14)]);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample();
    for len in 0..bytes.len() {
        let error = parse(&bytes[..len]).unwrap_err();
        if len == 0 {
            assert!(matches!(error, Error::NotAnArtefact { looks_like: "an empty file", .. }));
        } else {
            assert!(matches!(error, Error::Truncated { .. }), "{len}: {error}");
        }
    }
}

#[test]
fn every_bit_flip_is_an_error() {
    let bytes = sample();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            assert!(parse(&flipped).is_err(), "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = sample();
    bytes.push(0);
    let error = parse(&bytes).unwrap_err();
    assert!(error.to_string().contains("1 bytes too many"), "{error}");
}

#[test]
fn wrong_kinds_and_versions_say_so() {
    let key = encode(Kind::VerifierKey, &[encode_section(&1u8)]);
    let error = parse(&key).unwrap_err();
    assert_eq!(error.to_string(), "`a.proof` is a verifier's key (.vk), expected a proof (.proof)");
    let mut newer = sample();
    newer[8] = 9;
    let error = parse(&newer).unwrap_err();
    assert!(matches!(error, Error::Version { found: 9, supported: VERSION, .. }));
    assert_eq!(error.hint().unwrap(), "install a newer veritorch");
    let error = parse(b"PK\x03\x04").unwrap_err();
    assert!(error.to_string().contains(".npz"), "{error}");
}

#[test]
fn forged_checksums_do_not_help_bytes_that_are_not_canonical() {
    let bytes = encode(Kind::VerifierKey, &[vec![0x81, 0x00]]);
    let file = File::parse_as(Path::new("a.vk"), &bytes, Kind::VerifierKey).unwrap();
    let error = file.section::<u64>(0).unwrap_err();
    assert!(error.to_string().contains("not canonical"), "{error}");
}

#[test]
fn lengths_from_the_file_are_not_trusted() {
    let mut bytes = sample();
    bytes[FIXED_HEADER..FIXED_HEADER + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    let covered = FIXED_HEADER + 2 * SECTION_HEADER;
    let checksum = blake3::hash(&bytes[..covered]);
    bytes[covered..covered + CHECKSUM].copy_from_slice(checksum.as_bytes());
    assert!(matches!(parse(&bytes).unwrap_err(), Error::Truncated { expected: u64::MAX, .. }));
}
