//! The prover's side of the transcript: what is sent is the proof.

use p3_challenger::GrindingChallenger;
use p3_field::PrimeField64;

use super::{Challenger, Pads, Transcript, new_challenger, observe_bytes, observe_elements};
use crate::field::Ext;

/// The prover's side: collects the proof.
///
/// A copy of a masked transcript has the same pads: two copies must not send different messages to anyone.
#[derive(Clone, Debug)]
pub struct ProverTranscript {
    challenger: Challenger,
    bytes: Vec<u8>,
    parts: Vec<(&'static str, usize)>,
    pads: Option<Pads>,
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
        Self { challenger: new_challenger(domain), bytes: Vec::new(), parts: Vec::new(), pads: None }
    }

    /// From here on, [`Self::send`] adds these pads to the messages, in order, each once.
    ///
    /// # Panics
    /// If the transcript is masked.
    pub fn mask(&mut self, pads: Pads) {
        assert!(self.pads.is_none(), "the transcript is masked already");
        self.pads = Some(pads);
    }

    /// From here on, messages are sent as they are.
    ///
    /// # Panics
    /// If pads are left: the protocol is not the one that was rehearsed.
    pub fn unmask(&mut self) {
        if let Some(pads) = self.pads.take() {
            assert_eq!(pads.num_left(), 0, "pads are left");
        }
    }

    /// Sends field elements, masked if the transcript is.
    ///
    /// # Panics
    /// If there are fewer pads than elements: the protocol is not the one that was rehearsed.
    pub fn send<E: Ext>(&mut self, label: &'static str, values: &[E]) {
        match &mut self.pads {
            Some(pads) => {
                let masked: Vec<E> = values.iter().map(|&value| value + pads.take::<E>()).collect();
                self.send_clear(label, &masked);
            }
            None => self.send_clear(label, values),
        }
    }

    /// Sends field elements as they are, whether or not the transcript is masked: public ones, and those that hide nothing.
    pub fn send_clear<E: Ext>(&mut self, label: &'static str, values: &[E]) {
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

    /// The bytes sent so far: the prover reads them as its own verifier to learn the checks that were recorded.
    #[must_use]
    pub fn proof_so_far(&self) -> &[u8] {
        &self.bytes
    }

    /// The proof.
    #[must_use]
    pub fn into_proof(self) -> Vec<u8> {
        self.bytes
    }

    /// The messages so far: their labels and lengths in bytes.
    #[must_use]
    pub fn parts(&self) -> &[(&'static str, usize)] {
        &self.parts
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
