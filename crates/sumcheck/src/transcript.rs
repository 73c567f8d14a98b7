//! The Fiat-Shamir transcript: BLAKE3 over everything that was said, in order, with a label for each message.
//!
//! The proof is exactly the bytes that the prover sent. Counts and lengths come from the verifying key, never from the
//! proof. The verifier holds what it received as [`Value`]s: they can be added, scaled by public numbers, multiplied
//! with one another and checked to be zero, but not read, so that a transcript whose messages are masked can take this
//! one's place without a change to the arguments. [Longfellow: Frigo and shelat 2024, sec. 4]

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use p3_blake3::Blake3;
use p3_challenger::{CanObserve, CanSample, CanSampleBits, GrindingChallenger, HashChallenger, SerializingChallenger64};
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use thiserror::Error;

use crate::field::{Ext, F, P};

/// The challenger under the transcript; the polynomial commitments use it directly.
pub type Challenger = SerializingChallenger64<F, HashChallenger<u8, Blake3, 32>>;

/// Why a proof was refused while it was read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TranscriptError {
    /// The proof ends before the message does.
    #[error("proof ends inside message `{label}`: {needed} bytes needed, {left} left")]
    Truncated {
        /// Message.
        label: &'static str,
        /// Bytes that the message has.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A field element is not in canonical form.
    #[error("message `{label}`: element {index} is not a canonical field element")]
    NonCanonical {
        /// Message.
        label: &'static str,
        /// Position in the message, in base-field elements.
        index: usize,
    },
    /// An embedded proof is longer than it can be, or cannot be decoded.
    #[error("message `{label}` cannot be decoded: {reason}")]
    Malformed {
        /// Message.
        label: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Bytes follow the last message.
    #[error("{bytes} bytes follow the last message of the proof")]
    Trailing {
        /// Their number.
        bytes: usize,
    },
    /// A proof-of-work witness is wrong.
    #[error("proof of work for `{label}` is missing: {bits} bits asked for")]
    Grinding {
        /// What it stands before.
        label: &'static str,
        /// Bits asked for.
        bits: usize,
    },
    /// An equation of the verifier does not hold.
    #[error("check `{check}` failed")]
    Check {
        /// Name of the check.
        check: &'static str,
    },
}

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

/// The prover's side: collects the proof.
#[derive(Clone, Debug)]
pub struct ProverTranscript {
    challenger: Challenger,
    bytes: Vec<u8>,
    parts: Vec<(&'static str, usize)>,
}

impl Transcript for ProverTranscript {
    fn challenger(&mut self) -> &mut Challenger {
        &mut self.challenger
    }
}

impl ProverTranscript {
    /// An empty transcript in this domain.
    #[must_use]
    pub fn new(domain: &'static str) -> Self {
        Self { challenger: new_challenger(domain), bytes: Vec::new(), parts: Vec::new() }
    }

    /// Sends field elements.
    pub fn send<E: Ext>(&mut self, label: &'static str, values: &[E]) {
        observe_elements(&mut self.challenger, label, values);
        for value in values {
            for limb in value.as_basis_coefficients_slice() {
                self.bytes.extend_from_slice(&limb.as_canonical_u64().to_le_bytes());
            }
        }
        self.count(label, values.len() * E::DEGREE * 8);
    }

    /// Sends bytes whose length the verifier knows (a Merkle root).
    pub fn send_bytes(&mut self, label: &'static str, bytes: &[u8]) {
        observe_bytes(&mut self.challenger, label, bytes);
        self.bytes.extend_from_slice(bytes);
        self.count(label, bytes.len());
    }

    /// Appends an embedded proof, whose own protocol has absorbed it through [`Transcript::challenger`], or whose
    /// content is fixed by an earlier root.
    ///
    /// # Panics
    /// If it is longer than 4 GiB.
    pub fn send_embedded(&mut self, label: &'static str, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).expect("embedded proofs are below 4 GiB");
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        self.count(label, bytes.len() + 4);
    }

    /// Proof of work: `bits` zero bits before the next challenge.
    pub fn grind(&mut self, label: &'static str, bits: usize) {
        if bits > 0 {
            let witness = self.challenger.grind(bits);
            self.bytes.extend_from_slice(&witness.as_canonical_u64().to_le_bytes());
            self.count(label, 8);
        }
    }

    /// The proof so far.
    #[must_use]
    pub fn into_proof(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes sent under each label, in order of first use.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes: Vec<(&'static str, usize)> = Vec::new();
        for &(label, bytes) in &self.parts {
            match sizes.iter_mut().find(|(known, _)| *known == label) {
                Some((_, total)) => *total += bytes,
                None => sizes.push((label, bytes)),
            }
        }
        sizes
    }

    fn count(&mut self, label: &'static str, bytes: usize) {
        self.parts.push((label, bytes));
    }
}

/// The verifier's side: reads the proof.
#[derive(Clone, Debug)]
pub struct VerifierTranscript<'a> {
    challenger: Challenger,
    bytes: &'a [u8],
}

impl Transcript for VerifierTranscript<'_> {
    fn challenger(&mut self) -> &mut Challenger {
        &mut self.challenger
    }
}

impl<'a> VerifierTranscript<'a> {
    /// A transcript in this domain that reads `proof`.
    #[must_use]
    pub fn new(domain: &'static str, proof: &'a [u8]) -> Self {
        Self { challenger: new_challenger(domain), bytes: proof }
    }

    fn take(&mut self, label: &'static str, len: usize) -> Result<&'a [u8], TranscriptError> {
        let (head, tail) = self
            .bytes
            .split_at_checked(len)
            .ok_or(TranscriptError::Truncated { label, needed: len, left: self.bytes.len() })?;
        self.bytes = tail;
        Ok(head)
    }

    fn take_base(&mut self, label: &'static str, index: usize) -> Result<F, TranscriptError> {
        let bytes = self.take(label, 8)?;
        let word = bytes.iter().rev().fold(0u64, |word, &byte| (word << 8) | u64::from(byte));
        if word >= P {
            return Err(TranscriptError::NonCanonical { label, index });
        }
        Ok(F::from_u64(word))
    }

    fn take_elements<E: Ext>(&mut self, label: &'static str, count: usize) -> Result<Vec<E>, TranscriptError> {
        let needed = count.saturating_mul(E::DEGREE * 8);
        if self.bytes.len() < needed {
            return Err(TranscriptError::Truncated { label, needed, left: self.bytes.len() });
        }
        let mut elements = Vec::with_capacity(count);
        for index in 0..count {
            let mut limbs = [F::ZERO; 4];
            for (d, limb) in limbs.iter_mut().enumerate().take(E::DEGREE) {
                *limb = self.take_base(label, index * E::DEGREE + d)?;
            }
            elements.push(E::from_basis_coefficients_fn(|d| limbs.get(d).copied().unwrap_or(F::ZERO)));
        }
        observe_elements(&mut self.challenger, label, &elements);
        Ok(elements)
    }

    /// Receives field elements.
    ///
    /// # Errors
    /// If the proof is too short or an element is not canonical.
    pub fn receive<E: Ext>(&mut self, label: &'static str, count: usize) -> Result<Vec<Value<E>>, TranscriptError> {
        Ok(self.take_elements(label, count)?.into_iter().map(Value).collect())
    }

    /// Receives one field element.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_one<E: Ext>(&mut self, label: &'static str) -> Result<Value<E>, TranscriptError> {
        self.receive(label, 1)?.pop().ok_or(TranscriptError::Truncated { label, needed: 1, left: 0 })
    }

    /// Receives field elements that are sent in clear whatever the transcript: the one evaluation of a commitment.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_clear<E: Ext>(&mut self, label: &'static str, count: usize) -> Result<Vec<E>, TranscriptError> {
        self.take_elements(label, count)
    }

    /// Receives a fixed number of bytes.
    ///
    /// # Errors
    /// If the proof is too short.
    pub fn receive_bytes<const N: usize>(&mut self, label: &'static str) -> Result<[u8; N], TranscriptError> {
        let bytes = self.take(label, N)?;
        observe_bytes(&mut self.challenger, label, bytes);
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    /// Receives an embedded proof of at most `max_len` bytes.
    ///
    /// # Errors
    /// If the proof is too short or the embedded proof too long.
    pub fn receive_embedded(&mut self, label: &'static str, max_len: usize) -> Result<&'a [u8], TranscriptError> {
        let prefix = self.take(label, 4)?;
        let len = prefix.iter().rev().fold(0usize, |len, &byte| (len << 8) | usize::from(byte));
        if len > max_len {
            let reason = format!("it has {len} bytes, at most {max_len} are possible");
            return Err(TranscriptError::Malformed { label, reason });
        }
        self.take(label, len)
    }

    /// Checks a proof of work.
    ///
    /// # Errors
    /// If it is missing or wrong.
    pub fn check_grinding(&mut self, label: &'static str, bits: usize) -> Result<(), TranscriptError> {
        if bits == 0 {
            return Ok(());
        }
        let witness = self.take_base(label, 0)?;
        if self.challenger.check_witness(bits, witness) {
            Ok(())
        } else {
            Err(TranscriptError::Grinding { label, bits })
        }
    }

    /// Checks an equation of the verifier.
    ///
    /// # Errors
    /// If the value is not zero.
    pub fn check_zero<E: Ext>(&mut self, check: &'static str, value: Value<E>) -> Result<(), TranscriptError> {
        if value.0 == E::ZERO { Ok(()) } else { Err(TranscriptError::Check { check }) }
    }

    /// Checks that every byte of the proof was read.
    ///
    /// # Errors
    /// If bytes are left.
    pub fn finish(self) -> Result<(), TranscriptError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(TranscriptError::Trailing { bytes: self.bytes.len() }) }
    }
}

/// A message as the verifier holds it: opaque, but linear, with products.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Value<E>(E);

impl<E: Ext> Value<E> {
    /// A public number.
    pub fn public(value: E) -> Self {
        Self(value)
    }

    /// Zero.
    pub fn zero() -> Self {
        Self(E::ZERO)
    }

    /// The product of two received values: what masking has to be prepared for.
    pub fn product(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl<E: Ext> Add for Value<E> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl<E: Ext> AddAssign for Value<E> {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl<E: Ext> Sub for Value<E> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl<E: Ext> Neg for Value<E> {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<E: Ext> Mul<E> for Value<E> {
    type Output = Self;
    fn mul(self, factor: E) -> Self {
        Self(self.0 * factor)
    }
}

impl<E: Ext> Sum for Value<E> {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::zero(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::E2;

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
