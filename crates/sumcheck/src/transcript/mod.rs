//! The Fiat-Shamir transcript: BLAKE3 over everything that was said, in order, with a label for each message.
//!
//! The proof is exactly the bytes that the prover sent. Counts and lengths come from the verifying key, never from the
//! proof. The verifier holds what it received as [`Value`]s: they can be added, scaled by public numbers, multiplied
//! with one another and checked to be zero, but not read.
//!
//! Masking. From [`ProverTranscript::mask`] on, message `i` is sent as `m_i + p_i` with a uniform pad `p_i` that is used once, so that
//! what is sent is uniform whatever the messages are. The pads, and those products of two pads that the verifier's checks need, were
//! committed to before: a check is then a linear equation of committed elements, which is recorded
//! ([`VerifierTranscript::take_checks`]) instead of decided. Which pads and products there are depends on the protocol alone:
//! a verifier that runs without a proof ([`VerifierTranscript::rehearse`]) finds them. [Ben-Or et al. 1988; Cramer and Damgård 1998;
//! Longfellow: Frigo and shelat 2024, sec. 4]

mod error;
mod pads;
mod prover;
mod value;
mod verifier;

use p3_blake3::Blake3;
use p3_challenger::{CanObserve, CanSample, CanSampleBits, HashChallenger, SerializingChallenger64};
use p3_field::PrimeCharacteristicRing;

pub use self::error::TranscriptError;
pub use self::pads::{Masking, Pads};
pub use self::prover::ProverTranscript;
pub use self::value::{Hidden, Value};
pub use self::verifier::VerifierTranscript;
use crate::field::{Ext, F};

/// The challenger under the transcript; the polynomial commitments use it directly.
pub type Challenger = SerializingChallenger64<F, HashChallenger<u8, Blake3, 32>>;

fn tag(label: &str, len: usize) -> [F; 2] {
    // FNV-1a: labels separate messages for readers of a dump; the order of messages is fixed by the verifying key.
    let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    [F::from_u64(hash >> 1), F::from_u64(len as u64)]
}

fn observe_bytes(challenger: &mut Challenger, label: &'static str, bytes: &[u8]) {
    challenger.observe_slice(&tag(label, bytes.len()));
    for chunk in bytes.chunks(7) {
        let mut word = [0u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        challenger.observe(F::from_u64(u64::from_le_bytes(word)));
    }
}

fn observe_elements<E: Ext>(challenger: &mut Challenger, label: &'static str, values: &[E]) {
    challenger.observe_slice(&tag(label, values.len()));
    for value in values {
        challenger.observe_slice(value.as_basis_coefficients_slice());
    }
}

fn sample<E: Ext>(challenger: &mut Challenger, label: &'static str) -> E {
    challenger.observe_slice(&tag(label, 0));
    challenger.sample()
}

fn new_challenger(domain: &'static str) -> Challenger {
    let mut challenger = Challenger::from_hasher(Vec::new(), Blake3);
    observe_bytes(&mut challenger, "domain", domain.as_bytes());
    challenger
}

/// What both sides do with a transcript beside sending and receiving.
pub trait Transcript {
    /// The challenger, for the embedded polynomial commitments.
    fn challenger(&mut self) -> &mut Challenger;

    /// Absorbs public bytes: both sides know them.
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        observe_bytes(self.challenger(), label, bytes);
    }

    /// A challenge, uniform in the extension field.
    fn challenge<E: Ext>(&mut self, label: &'static str) -> E {
        sample(self.challenger(), label)
    }

    /// Independent challenges.
    fn challenges<E: Ext>(&mut self, label: &'static str, count: usize) -> Vec<E> {
        (0..count).map(|_| self.challenge(label)).collect()
    }

    /// Uniform indices below `2^log_len`, with repetition, in the order drawn.
    fn indices(&mut self, label: &'static str, count: usize, log_len: usize) -> Vec<usize> {
        self.challenger().observe_slice(&tag(label, count));
        (0..count).map(|_| self.challenger().sample_bits(log_len)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{E2, P};

    #[test]
    fn every_message_changes_every_later_challenge() {
        let run = |changed: Option<usize>| {
            let mut transcript = ProverTranscript::new("test");
            (0..4usize)
                .map(|i| {
                    let value = E2::from_int(if changed == Some(i) { 7 } else { 3 });
                    match i {
                        0 => transcript.absorb("public", &[value.limbs()[0] as u8]),
                        1 => transcript.send("value", &[value]),
                        2 => transcript.send_bytes("root", &[value.limbs()[0] as u8; 32]),
                        _ => transcript.send("pair", &[E2::ONE, value]),
                    }
                    transcript.challenge::<E2>("challenge")
                })
                .collect::<Vec<_>>()
        };
        let honest = run(None);
        for i in 0..4 {
            let other = run(Some(i));
            for j in 0..4 {
                assert_eq!(honest[j] == other[j], j < i, "message {i}, challenge {j}");
            }
        }
    }

    #[test]
    fn refuses_non_canonical_truncated_and_trailing() {
        let mut transcript = ProverTranscript::new("test");
        transcript.send("value", &[E2::from_int(5)]);
        let proof = transcript.into_proof();

        let mut verifier = VerifierTranscript::new("test", &proof);
        let value = verifier.receive_one::<E2>("value").unwrap();
        verifier.check_zero("five", value - Value::public(E2::from_int(5))).unwrap();
        verifier.finish().unwrap();

        let mut shifted = proof.clone();
        shifted[..8].copy_from_slice(&(P + 5).to_le_bytes());
        let error = VerifierTranscript::new("test", &shifted).receive_one::<E2>("value");
        assert_eq!(error, Err(TranscriptError::NonCanonical { label: "value", index: 0 }));

        let error = VerifierTranscript::new("test", &proof[..15]).receive_one::<E2>("value");
        assert!(matches!(error, Err(TranscriptError::Truncated { .. })));

        let longer = [proof.as_slice(), &[0]].concat();
        let mut verifier = VerifierTranscript::new("test", &longer);
        let _ = verifier.receive_one::<E2>("value").unwrap();
        assert_eq!(verifier.finish(), Err(TranscriptError::Trailing { bytes: 1 }));
    }
}
