//! A proof as a file: the statement and its messages, with a note of where it comes from.
//!
//! The note serves people and error messages. A verifier compares every part of it with its key; only how the size
//! splits into parts is the prover's word.

use std::path::Path;

use serde::{Deserialize, Serialize};
use veritorch_graph::circuit::{Policy, Port, Visibility};
use veritorch_prove::{Profile, SecurityReport, SecurityTerm, Statement, VerifyingKey};

use crate::Error;
use crate::artefact::{self, File, Kind};
use crate::inspect::{Inspection, ProofRow, SizeRow, Subject, ValueRow, whole_tenths};

/// A public input or output: what its integers mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PortNote {
    /// Name in the model.
    pub(crate) name: String,
    /// Shape of one sample.
    pub(crate) shape: Vec<usize>,
    /// Real value of one step.
    pub(crate) scale: Vec<f64>,
}

impl PortNote {
    fn of(visibility: Visibility, ports: &[Port]) -> Vec<Self> {
        let note = |port: &Port| Self { name: port.name.clone(), shape: port.shape.clone(), scale: port.scale.clone() };
        if visibility == Visibility::Public { ports.iter().map(note).collect() } else { Vec::new() }
    }

    fn value(&self, integers: &[i64], batch: usize) -> ValueRow {
        let scales = self.scale.len().max(1);
        let real = |(index, integer): (usize, &i64)| {
            *integer as f64 * self.scale.get(index % scales).copied().unwrap_or(1.0)
        };
        let shape = if batch > 1 { [&[batch], self.shape.as_slice()].concat() } else { self.shape.clone() };
        ValueRow { name: self.name.clone(), shape, values: integers.iter().enumerate().map(real).collect() }
    }
}

/// Where a proof comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Name of the model.
    pub(crate) model: String,
    /// Digest of the circuit.
    pub(crate) circuit_digest: [u8; 32],
    /// Hash of the model commitment's layout and root.
    pub(crate) model_identity: [u8; 32],
    /// Security profile.
    pub(crate) profile: Profile,
    /// What the statement shows.
    pub(crate) policy: Policy,
    /// Inputs and outputs that the statement shows.
    pub(crate) shown: [Vec<PortNote>; 2],
    /// Security terms and, last, their sum, in tenths of a bit.
    pub(crate) security: Vec<(String, u32)>,
    /// Bytes under each label of the transcript, as the prover counted them.
    pub(crate) sizes: Vec<(String, u64)>,
}

impl Origin {
    /// What a proof under this key says of itself.
    pub(crate) fn of(
        key: &VerifyingKey,
        model_identity: [u8; 32],
        security: &SecurityReport,
        sizes: &[(String, usize)],
    ) -> Self {
        let circuit = &key.circuit;
        let terms = security.terms.iter().map(|term| (term.name.clone(), tenths(term.bits)));
        Self {
            security: terms.chain([(String::new(), tenths(security.bits))]).collect(),
            model: key.circuit.name.clone(),
            circuit_digest: key.circuit.digest().0,
            model_identity,
            profile: key.profile,
            policy: key.circuit.policy,
            shown: [
                PortNote::of(circuit.policy.input, &circuit.inputs),
                PortNote::of(circuit.policy.output, &circuit.outputs),
            ],
            sizes: sizes.iter().map(|(name, bytes)| (name.clone(), *bytes as u64)).collect(),
        }
    }
}

/// Tenths of a bit, rounded down.
fn tenths(bits: f64) -> u32 {
    (whole_tenths(bits) * 10.0).round().clamp(0.0, 1e6) as u32
}

/// Whether two lists of terms agree; logarithms may differ in their last place between machines.
pub(crate) fn same_security(a: &[(String, u32)], b: &[(String, u32)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.abs_diff(b.1) <= 1)
}

/// A statement with its proof. The `.proof` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    pub(crate) origin: Origin,
    pub(crate) proof: veritorch_prove::Proof,
}

impl Proof {
    /// Reads a `.proof` file.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind or version, or is damaged.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = artefact::read(path)?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads the bytes of a `.proof` file; `path` is for errors only.
    ///
    /// # Errors
    /// As [`Proof::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let file = File::parse_as(path, bytes, Kind::Proof)?;
        Ok(Self { origin: file.section(0)?, proof: file.section(1)? })
    }

    /// The bytes of a `.proof` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        artefact::encode(
            Kind::Proof,
            &[artefact::encode_section(&self.origin), artefact::encode_section(&self.proof)],
        )
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        artefact::write_atomically(path, &self.to_bytes())
    }

    /// Name of the model, as the prover wrote it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.origin.model
    }

    /// What is proved: samples and public integers.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.proof.statement
    }

    /// Bytes of the messages, without the statement.
    #[must_use]
    pub fn transcript_bytes(&self) -> usize {
        self.proof.transcript.len()
    }

    fn values(&self, which: usize, tensors: &[Vec<i64>]) -> Vec<ValueRow> {
        let shown = self.origin.shown[which].iter().zip(tensors);
        shown.map(|(note, integers)| note.value(integers, self.proof.statement.batch)).collect()
    }

    /// Statement, sizes and security level as the proof states them. [`Verifier::verify`](crate::Verifier::verify)
    /// checks all of it.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        let origin = &self.origin;
        let mut terms: Vec<SecurityTerm> = origin
            .security
            .iter()
            .map(|(name, tenths)| SecurityTerm { name: name.clone(), bits: f64::from(*tenths) / 10.0 })
            .collect();
        let bits = terms.pop().map_or(0.0, |all| all.bits);
        let security = SecurityReport { terms, bits };
        let mut report = Inspection::new(Subject {
            kind: "proof",
            model: &origin.model,
            circuit_digest: &origin.circuit_digest,
            model_identity: &origin.model_identity,
            profile: origin.profile,
            policy: origin.policy,
            batch: self.proof.statement.batch,
            security,
        });
        let parts = origin.sizes.iter();
        report.proof = Some(ProofRow {
            transcript_bytes: self.transcript_bytes(),
            parts: parts.map(|(name, bytes)| SizeRow { name: name.clone(), bytes: *bytes as usize }).collect(),
            inputs: self.values(0, &self.proof.statement.inputs),
            outputs: self.values(1, &self.proof.statement.outputs),
        });
        report
    }
}
