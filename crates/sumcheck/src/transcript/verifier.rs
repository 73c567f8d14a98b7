//! The verifier's side of the transcript: reads a proof, and keeps account of what is masked.

use p3_challenger::GrindingChallenger;
use p3_field::PrimeCharacteristicRing;

use super::pads::Recorded;
use super::{Challenger, Hidden, Masking, Transcript, TranscriptError, Value, new_challenger, observe_bytes, observe_elements};
use crate::field::{Ext, F, P};

/// The verifier's side: reads the proof.
#[derive(Clone, Debug)]
pub struct VerifierTranscript<'a> {
    challenger: Challenger,
    source: Source<'a>,
    masked: bool,
    masking: Masking,
    checks: Vec<Recorded>,
    is_replay: bool,
}

/// Where messages come from.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// What is left of a proof.
    Proof(&'a [u8]),
    /// Nowhere: every message is zero.
    Rehearsal,
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
        Self::from_source(domain, Source::Proof(proof))
    }

    /// A transcript without a proof: every message is zero, every equation holds. A protocol that runs on it tells which
    /// pads and products it asks for ([`Self::masking`]), before anything is sent.
    #[must_use]
    pub fn rehearse(domain: &'static str) -> Self {
        Self::from_source(domain, Source::Rehearsal)
    }

    /// Whether this is a rehearsal: what does not depend on pads need not be right.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        matches!(self.source, Source::Rehearsal)
    }

    /// The prover's reading of the messages that it has sent so far, for what the verifier makes of them. It does not judge: equations
    /// are not checked.
    #[must_use]
    pub fn replay(domain: &'static str, sent: &'a [u8]) -> Self {
        Self { is_replay: true, ..Self::from_source(domain, Source::Proof(sent)) }
    }

    fn from_source(domain: &'static str, source: Source<'a>) -> Self {
        Self { challenger: new_challenger(domain), source, masked: false, masking: Masking::default(), checks: Vec::new(), is_replay: false }
    }

    /// From here on, messages that are received by [`Self::receive`] are masked.
    pub fn mask(&mut self) {
        self.masked = true;
    }

    /// From here on, messages are received as they are.
    pub fn unmask(&mut self) {
        self.masked = false;
    }

    /// The pads and products that were asked for so far.
    #[must_use]
    pub fn masking(&self) -> Masking {
        self.masking.clone()
    }

    /// The checks that were recorded, each the name of an equation and what must be zero; none is left behind. All checks of a transcript are over
    /// one extension field.
    #[must_use]
    pub fn take_checks<E: Ext>(&mut self) -> Vec<(&'static str, Value<E>)> {
        std::mem::take(&mut self.checks).into_iter().map(Recorded::check).collect()
    }

    fn left(&self) -> usize {
        match self.source {
            Source::Proof(bytes) => bytes.len(),
            Source::Rehearsal => usize::MAX,
        }
    }

    /// The next bytes; none in a rehearsal.
    fn take(&mut self, label: &'static str, len: usize) -> Result<Option<&'a [u8]>, TranscriptError> {
        let Source::Proof(bytes) = self.source else { return Ok(None) };
        let (head, tail) = bytes.split_at_checked(len).ok_or(TranscriptError::Truncated { label, needed: len, left: bytes.len() })?;
        self.source = Source::Proof(tail);
        Ok(Some(head))
    }

    fn take_base(&mut self, label: &'static str, index: usize) -> Result<F, TranscriptError> {
        let Some(bytes) = self.take(label, 8)? else { return Ok(F::ZERO) };
        let word = bytes.iter().rev().fold(0u64, |word, &byte| (word << 8) | u64::from(byte));
        if word >= P {
            return Err(TranscriptError::NonCanonical { label, index });
        }
        Ok(F::from_u64(word))
    }

    fn take_elements<E: Ext>(&mut self, label: &'static str, count: usize) -> Result<Vec<E>, TranscriptError> {
        let needed = count.saturating_mul(E::DEGREE * 8);
        if self.left() < needed {
            return Err(TranscriptError::Truncated { label, needed, left: self.left() });
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
        let sent = self.take_elements::<E>(label, count)?;
        if !self.masked {
            return Ok(sent.into_iter().map(Value::public).collect());
        }
        sent.into_iter()
            .map(|sent| {
                let pad = self.masking.next_pad().ok_or(TranscriptError::TooManyPads { label })?;
                Ok(Value::linear(sent, [(Hidden::Pad(pad), E::NEG_ONE)]))
            })
            .collect()
    }

    /// Receives one field element.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_one<E: Ext>(&mut self, label: &'static str) -> Result<Value<E>, TranscriptError> {
        self.receive(label, 1)?.pop().ok_or(TranscriptError::Truncated { label, needed: 1, left: 0 })
    }

    /// Receives field elements that are sent in clear, whether or not the transcript is masked.
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
        let mut array = [0; N];
        if let Some(bytes) = self.take(label, N)? {
            array.copy_from_slice(bytes);
        }
        observe_bytes(&mut self.challenger, label, &array);
        Ok(array)
    }

    /// Receives an embedded proof of at most `max_len` bytes.
    ///
    /// # Errors
    /// If the proof is too short or the embedded proof too long.
    pub fn receive_embedded(&mut self, label: &'static str, max_len: usize) -> Result<&'a [u8], TranscriptError> {
        let Some(prefix) = self.take(label, 4)? else { return Ok(&[]) };
        let len = prefix.iter().rev().fold(0usize, |len, &byte| (len << 8) | usize::from(byte));
        if len > max_len {
            let reason = format!("it has {len} bytes, at most {max_len} are possible");
            return Err(TranscriptError::Malformed { label, reason });
        }
        Ok(self.take(label, len)?.unwrap_or_default())
    }

    /// Checks a proof of work.
    ///
    /// # Errors
    /// If it is missing or wrong.
    pub fn check_grinding(&mut self, label: &'static str, bits: usize) -> Result<(), TranscriptError> {
        if bits == 0 || matches!(self.source, Source::Rehearsal) {
            return Ok(());
        }
        let witness = self.take_base(label, 0)?;
        if self.challenger.check_witness(bits, witness) {
            Ok(())
        } else {
            Err(TranscriptError::Grinding { label, bits })
        }
    }

    /// The product of two received messages. If one of them has nothing hidden, it scales the other. Otherwise, with `a = a^ - p` and
    /// `b = b^ - q`, the product is `a^ b^ - a^ q - b^ p + pq`, and the prover is asked for `pq`.
    ///
    /// # Errors
    /// If both have hidden parts and one is not a single message as it was received.
    pub fn product<E: Ext>(&mut self, a: &Value<E>, b: &Value<E>) -> Result<Value<E>, TranscriptError> {
        if a.hidden().is_empty() {
            return Ok(b * a.constant());
        }
        if b.hidden().is_empty() {
            return Ok(a * b.constant());
        }
        let (p, q) = a.single_pad().zip(b.single_pad()).ok_or(TranscriptError::Product)?;
        let product = self.masking.next_product(p, q).ok_or(TranscriptError::Product)?;
        let coefficients = [(Hidden::Pad(q), -a.constant()), (Hidden::Pad(p), -b.constant()), (Hidden::Product(product), E::ONE)];
        Ok(Value::linear(a.constant() * b.constant(), coefficients))
    }

    /// Checks an equation of the verifier; records it if it has hidden parts.
    ///
    /// # Errors
    /// If the value has no hidden parts and is not zero.
    pub fn check_zero<E: Ext>(&mut self, check: &'static str, value: Value<E>) -> Result<(), TranscriptError> {
        if !value.hidden().is_empty() {
            self.checks.push(Recorded::new(check, &value));
            return Ok(());
        }
        match self.source {
            Source::Proof(_) if !self.is_replay && value.constant() != E::ZERO => Err(TranscriptError::Check { check }),
            Source::Proof(_) | Source::Rehearsal => Ok(()),
        }
    }

    /// Checks that every byte of the proof was read. Recorded checks must have been taken before.
    ///
    /// # Errors
    /// If bytes are left, or checks.
    pub fn finish(self) -> Result<(), TranscriptError> {
        if let Some(recorded) = self.checks.first() {
            return Err(TranscriptError::Check { check: recorded.name() });
        }
        match self.source {
            Source::Proof(bytes) if !bytes.is_empty() => Err(TranscriptError::Trailing { bytes: bytes.len() }),
            Source::Proof(_) | Source::Rehearsal => Ok(()),
        }
    }
}
