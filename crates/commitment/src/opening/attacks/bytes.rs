//! Proofs whose bytes are changed, the embedded proof of the combined row's opening among them.

use veritorch_sumcheck::field::P;
use veritorch_sumcheck::transcript::TranscriptError;

use super::*;

/// An honest proof, and where the embedded one starts that comes last.
fn honest_proof(setting: &Setting<E2>) -> (Vec<u8>, usize) {
    let transcript = library(setting);
    let (label, len) = transcript.parts()[transcript.parts().len() - 1];
    assert_eq!(label, "combination opening");
    let proof = transcript.into_proof();
    let start = proof.len() - len;
    check(setting, &proof, &|_, _| {}).unwrap();
    (proof, start)
}

fn error(setting: &Setting<E2>, proof: &[u8]) -> CommitmentError {
    check(setting, proof, &|_, _| {}).expect_err("a changed proof was accepted")
}

#[test]
fn every_byte_flip_is_refused() {
    let setting = Setting::<E2>::new(1);
    let (proof, _) = honest_proof(&setting);
    for (count, byte) in (0..proof.len()).step_by(proof.len() / 300).enumerate() {
        let mut proof = proof.clone();
        proof[byte] ^= 1 << (count % 8);
        assert!(check(&setting, &proof, &|_, _| {}).is_err(), "byte {byte}");
    }
    for len in (0..proof.len()).step_by(proof.len() / 20).chain([proof.len() - 1]) {
        check(&setting, &proof[..len], &|_, _| {}).unwrap_err();
    }
    let longer = [proof.as_slice(), &[0]].concat();
    check(&setting, &longer, &|_, _| {}).unwrap_err();
}

#[test]
fn bytes_after_the_embedded_proof_are_refused() {
    let setting = Setting::new(1);
    let (proof, start) = honest_proof(&setting);
    let len = u32::from_le_bytes(proof[start..start + 4].try_into().unwrap());
    assert_eq!(start + 4 + len as usize, proof.len());
    let mut longer = proof.clone();
    longer[start..start + 4].copy_from_slice(&(len + 1).to_le_bytes());
    longer.push(0);
    let refusal = error(&setting, &longer);
    assert!(refusal.to_string().contains("1 bytes follow"), "{refusal}");
    longer[start..start + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let refusal = error(&setting, &longer);
    assert!(matches!(refusal, CommitmentError::Transcript(TranscriptError::Malformed { .. })), "{refusal}");
}

#[test]
fn non_canonical_field_elements_in_the_embedded_proof_are_refused() {
    let setting = Setting::new(1);
    let (proof, start) = honest_proof(&setting);
    // Wherever eight bytes can be read as a small field element, p is added to it.
    let small = (start + 4..proof.len() - 8).filter(|&byte| u64::from_le_bytes(proof[byte..byte + 8].try_into().unwrap()) < (1 << 32) - 1);
    let mut tried = 0;
    for byte in small {
        let mut proof = proof.clone();
        let word = u64::from_le_bytes(proof[byte..byte + 8].try_into().unwrap());
        proof[byte..byte + 8].copy_from_slice(&(word + P).to_le_bytes());
        error(&setting, &proof);
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn overlong_varints_in_the_embedded_proof_are_refused() {
    let setting = Setting::new(1);
    let (proof, start) = honest_proof(&setting);
    let len = u32::from_le_bytes(proof[start..start + 4].try_into().unwrap());
    // It starts with the number of out-of-domain answers, which is 0: written in two bytes.
    assert_eq!(proof[start + 4], 0);
    let mut longer = proof[..start].to_vec();
    longer.extend_from_slice(&(len + 1).to_le_bytes());
    longer.extend_from_slice(&[0x80, 0x00]);
    longer.extend_from_slice(&proof[start + 5..]);
    let refusal = error(&setting, &longer);
    assert!(refusal.to_string().contains("canonical"), "{refusal}");
}

#[test]
fn random_bytes_never_panic() {
    let setting = Setting::new(1);
    let (honest, start) = honest_proof(&setting);
    let mut rng = SecretRng::from_seed(&[9; 32]);
    let mut below = |bound: usize| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound as u64) as usize
    };
    for round in 0..200 {
        let mut proof = honest.clone();
        // Half of them in the embedded proof.
        let first = if round % 2 == 0 { start } else { 0 };
        let from = first + below(proof.len() - first);
        let to = (from + 1 + below(1 + round)).min(proof.len());
        proof[from..to].iter_mut().for_each(|byte| *byte = below(256) as u8);
        if proof != honest {
            error(&setting, &proof);
        }
    }
}
