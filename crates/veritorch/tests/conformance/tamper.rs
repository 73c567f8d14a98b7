//! Proofs, statements and keys that were touched.

use veritorch_prove::{Proof, VerifyError, VerifyingKey, verify};

/// The modulus of the base field.
const P: u64 = 0xffff_ffff_0000_0001;
/// Bits that are flipped, spread over the proof.
const FLIPS: usize = 40;
/// Places of field elements that are written in another form.
const ELEMENTS: usize = 12;

/// Every change of a proof that is accepted is refused.
pub(crate) fn refuses_what_was_touched(key: &VerifyingKey, proof: &Proof) -> Result<(), String> {
    for (what, other) in statements(proof).into_iter().chain(lengths(proof)).chain(flips(proof)) {
        refused(key, &other, &what)?;
    }
    other_forms(key, proof)?;
    other_keys(key, proof)
}

fn refused(key: &VerifyingKey, proof: &Proof, what: &str) -> Result<VerifyError, String> {
    match verify(key, proof) {
        Ok(_) => Err(format!("accepted a proof with {what}")),
        Err(error) => Ok(error),
    }
}

/// Each output changed in its first and in its last entry.
fn statements(proof: &Proof) -> Vec<(String, Proof)> {
    let mut changed = Vec::new();
    for (index, output) in proof.statement.outputs.iter().enumerate() {
        for (at, step) in [(0, 1), (output.len() - 1, -1)] {
            let mut other = proof.clone();
            other.statement.outputs[index][at] += step;
            changed.push((format!("output {index} changed at {at}"), other));
        }
    }
    changed
}

/// Cut at every length modulo 8, near both ends and between, and with bytes behind the end.
fn lengths(proof: &Proof) -> Vec<(String, Proof)> {
    let len = proof.transcript.len();
    let near_start = [0, 1, 8, 31, 32, 33];
    let between = (0..8).map(|residue| (residue + 1) * len / 10 / 8 * 8 + residue);
    let near_end = [33, 32, 8, 4, 1].map(|left| len - left);
    let cuts = near_start.into_iter().chain(between).chain(near_end);
    let cut = cuts.map(|at| (format!("{at} of {len} bytes"), transcript(proof, proof.transcript[..at].to_vec())));
    let longer = [1, 8, 32].map(|more| {
        let bytes = [proof.transcript.as_slice(), &vec![0; more]].concat();
        (format!("{more} bytes behind its end"), transcript(proof, bytes))
    });
    cut.chain(longer).collect()
}

fn flips(proof: &Proof) -> Vec<(String, Proof)> {
    let len = proof.transcript.len();
    let flip = |index: usize| {
        let (at, bit) = (index * (len - 1) / (FLIPS - 1), index * 3 % 8);
        let mut bytes = proof.transcript.clone();
        bytes[at] ^= 1 << bit;
        (format!("bit {bit} of byte {at} of {len} flipped"), transcript(proof, bytes))
    };
    (0..FLIPS).map(flip).collect()
}

/// Words at or above the modulus: behind the root, where field elements begin, and over the whole proof. Small elements
/// `x` become `x + p`, the same element in another form.
fn other_forms(key: &VerifyingKey, proof: &Proof) -> Result<(), String> {
    let words: Vec<u64> = proof.transcript.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let spread = (0..ELEMENTS).map(|index| (4 + index * (words.len() - 5) / (ELEMENTS - 1), None));
    let small = words.iter().enumerate().filter(|(_, word)| word.checked_add(P).is_some());
    let aliases = small.map(|(at, word)| (at, Some(word + P))).step_by(97).take(ELEMENTS);
    let mut named = 0;
    for (at, alias) in spread.chain(aliases) {
        let mut bytes = proof.transcript.clone();
        let word = alias.unwrap_or(P + words[at] % (u64::MAX - P));
        bytes[8 * at..8 * at + 8].copy_from_slice(&word.to_le_bytes());
        let error = refused(key, &transcript(proof, bytes), &format!("word {at} of {} above the modulus", words.len()))?;
        named += usize::from(error.to_string().contains("canonical"));
    }
    if named == 0 {
        return Err("no refusal names the form of a field element".to_owned());
    }
    Ok(())
}

/// Keys that differ in one thing.
fn other_keys(key: &VerifyingKey, proof: &Proof) -> Result<(), String> {
    let mut renamed = key.clone();
    renamed.circuit.name.push('!');
    refused(&renamed, proof, "a circuit of another name")?;
    let mut other_root = key.clone();
    other_root.model_root[7] ^= 1;
    refused(&other_root, proof, "another model commitment")?;
    let mut rescaled = key.clone();
    rescaled.circuit.outputs[0].scale[0] *= 2.0;
    refused(&rescaled, proof, "an output of another scale").map(drop)
}

fn transcript(proof: &Proof, transcript: Vec<u8>) -> Proof {
    Proof { statement: proof.statement.clone(), transcript }
}
