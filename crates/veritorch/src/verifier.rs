//! What anyone needs to check proofs of one committed model.

use std::path::Path;

use veritorch_commitment::CommitmentError;
use veritorch_graph::circuit::{Circuit, Port, Visibility};
use veritorch_prove::renewal::model_identity;
use veritorch_prove::{Link, ProveError, SecurityReport, Statement, VerifyError, VerifyingKey};

use crate::array::unravel;
use crate::artefact::{self, File, Kind};
use crate::circuit::{is_public, read_chain};
use crate::commitment::{PortCommitment, Side};
use crate::inspect::{Inspection, hex};
use crate::port::{BatchForm, dequantise, expected, match_arrays, quantise};
use crate::proof::{Origin, Proof, same_security};
use crate::{Arrays, Error, InputSteps, Verification};

/// A verifier's key. The `.vk` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Verifier {
    pub(crate) key: VerifyingKey,
    /// Hash of the model commitment's layout and first root.
    pub(crate) identity: [u8; 32],
    /// Earlier tables of the model.
    pub(crate) chain: Vec<Link>,
}

impl Verifier {
    /// Reads a `.vk` file.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind or version, or is damaged.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = artefact::read(path)?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads the bytes of a `.vk` file; `path` is for errors only.
    ///
    /// # Errors
    /// As [`Verifier::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let file = File::parse_as(path, bytes, Kind::VerifierKey)?;
        let key: VerifyingKey = file.section(0)?;
        let damaged = |reason: String| Error::Damaged {
            path: path.to_owned(),
            kind: Some(Kind::VerifierKey),
            section: "key".to_owned(),
            reason,
        };
        key.validate().map_err(|error| damaged(error.to_string()))?;
        if is_public(key.circuit.policy.weights) != (key.lifetime == 0) {
            return Err(damaged("its weights are masked though public, or private without masks".to_owned()));
        }
        let chain = read_chain(&file, 1, &key)?;
        let identity = model_identity(&key, &chain).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { key, identity, chain })
    }

    /// The bytes of a `.vk` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut sections = vec![artefact::encode_section(&self.key)];
        if !self.chain.is_empty() {
            sections.push(artefact::encode_section(&self.chain));
        }
        artefact::encode(Kind::VerifierKey, &sections)
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        artefact::write_atomically(path, &self.to_bytes())
    }

    /// Whether proofs keep the weights private, which limits their number.
    #[must_use]
    pub fn has_private_weights(&self) -> bool {
        self.key.lifetime > 0
    }

    /// The integer circuit.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.key.circuit
    }

    /// The model commitment, in hex.
    #[must_use]
    pub fn model_commitment(&self) -> String {
        hex(&self.identity)
    }

    /// Names of the inputs in the model's order.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        self.key.circuit.inputs.iter().map(|port| port.name.clone()).collect()
    }

    /// Names of the outputs in the model's order.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        self.key.circuit.outputs.iter().map(|port| port.name.clone()).collect()
    }

    /// Steps of the model's only output: what a model that takes it as its input has to be compiled with.
    ///
    /// # Errors
    /// [`Error::Option`] where there are several outputs or scales.
    pub fn output_steps(&self) -> Result<InputSteps, Error> {
        let refused = |reason| Err(Error::Option { option: "input-like", reason });
        let [port] = self.key.circuit.outputs.as_slice() else {
            return refused(format!("`{}` has {} outputs, expected one", self.key.circuit.name, self.key.circuit.outputs.len()));
        };
        let [scale] = port.scale.as_slice() else {
            return refused(format!("output `{}` has {} scales, expected one", port.name, port.scale.len()));
        };
        let tensor = self.key.circuit.tensor(port.tensor);
        Ok(InputSteps { scale: *scale, range: Some((tensor.min, tensor.max)) })
    }

    /// Verifies a proof.
    ///
    /// # Errors
    /// [`Error::OtherModel`], [`Error::Rejected`] with the check that failed, or [`Error::Note`].
    pub fn verify(&self, proof: &Proof) -> Result<Verification, Error> {
        let circuit = &self.key.circuit;
        let circuit_digest = circuit.digest();
        let origin = &proof.origin;
        let other = |what, expected: &[u8], actual: &[u8]| {
            Err(Error::OtherModel { what, expected: hex(expected), actual: hex(actual) })
        };
        if origin.circuit_digest != circuit_digest.0 {
            return other("circuit", &circuit_digest.0, &origin.circuit_digest);
        }
        if origin.model_identity != self.identity {
            return other("model commitment", &self.identity, &origin.model_identity);
        }
        let verified = veritorch_prove::verify(&self.key, &proof.proof)?;
        let security = self.with_renewals(verified.security)?;
        let (expected, actual) = (self.key.profile.target_bits(), security.bits);
        if actual < expected {
            return Err(VerifyError::Security { expected, actual }.into());
        }
        self.check_note(proof, &security)?;
        let statement = &proof.proof.statement;
        let form = if statement.batch == 1 { BatchForm::Single } else { BatchForm::Leading(statement.batch) };
        let arrays = |visibility, ports: &[Port], tensors: &[Vec<i64>]| {
            let values = ports.iter().zip(tensors);
            is_public(visibility)
                .then(|| values.map(|(port, integers)| (port.name.clone(), dequantise(port, integers, form))).collect())
        };
        Ok(Verification {
            model: circuit.name.clone(),
            policy: circuit.policy,
            circuit_digest: circuit_digest.to_string(),
            model_commitment: self.model_commitment(),
            batch: statement.batch,
            inputs: arrays(circuit.policy.input, &circuit.inputs, &statement.inputs),
            commitments: self.commitments(statement).map_err(ProveError::from)?,
            outputs: arrays(circuit.policy.output, &circuit.outputs, &statement.outputs),
            renewals: self.chain.len(),
            security,
        })
    }

    /// The statement's commitments with their ports.
    fn commitments(&self, statement: &Statement) -> Result<Vec<PortCommitment>, CommitmentError> {
        let Circuit { policy, inputs, outputs, .. } = &self.key.circuit;
        let sides = [(Side::Input, policy.input, inputs), (Side::Output, policy.output, outputs)];
        let committed = sides.into_iter().filter(|(_, visibility, _)| *visibility == Visibility::Committed);
        let ports = committed.flat_map(|(side, _, ports)| ports.iter().map(move |port| (side, port)));
        let named = ports.zip(&statement.commitments).map(|((side, port), commitment)| {
            let len = self.key.circuit.tensor(port.tensor).len().saturating_mul(statement.batch);
            let identity = hex(&commitment.identity(len, self.key.profile)?);
            Ok(PortCommitment { side, name: port.name.clone(), identity, scale: port.scale.clone() })
        });
        named.collect()
    }

    /// Whether the proof speaks of this input: the integers that it shows are those that these values round to.
    ///
    /// # Errors
    /// [`Error::Mismatch`], [`Error::NotPublic`], or the arrays do not fit the model.
    pub fn check_inputs(&self, proof: &Proof, inputs: &Arrays) -> Result<(), Error> {
        self.check_public("input", proof, inputs)
    }

    /// Whether the proof speaks of this output: each shown value is the one given, to half a step of its scale or
    /// to the precision of a float.
    ///
    /// # Errors
    /// [`Error::Mismatch`], [`Error::NotPublic`], or the arrays do not fit the model.
    pub fn check_outputs(&self, proof: &Proof, outputs: &Arrays) -> Result<(), Error> {
        self.check_public("output", proof, outputs)
    }

    fn check_public(&self, what: &'static str, proof: &Proof, arrays: &Arrays) -> Result<(), Error> {
        let circuit = &self.key.circuit;
        let statement = &proof.proof.statement;
        let (visibility, ports, shown) = match what {
            "input" => (circuit.policy.input, &circuit.inputs, &statement.inputs),
            _ => (circuit.policy.output, &circuit.outputs, &statement.outputs),
        };
        if !is_public(visibility) {
            return Err(Error::NotPublic { what });
        }
        let (arrays, form) = match_arrays(what, &expected(ports), arrays)?;
        for ((port, array), shown) in ports.iter().zip(arrays).zip(shown) {
            let mismatch = |index: Vec<usize>, expected, actual| Error::Mismatch {
                what,
                name: port.name.clone(),
                index,
                expected,
                actual,
            };
            if form.batch() != statement.batch {
                return Err(Error::Batches {
                    what,
                    first: "the proof".to_owned(),
                    first_batch: statement.batch,
                    second: port.name.clone(),
                    second_batch: form.batch(),
                });
            }
            let (wanted, _) = quantise(circuit, port, array);
            let actual = dequantise(port, shown, form).data;
            // Outputs of more than 24 bits are rounded when they become floats, and do not come back as the same integers.
            let integers = wanted.iter().zip(shown);
            let floats = array.data.iter().zip(&actual);
            if let Some((at, (_, (given, actual)))) = integers
                .zip(floats)
                .enumerate()
                .find(|(_, ((wanted, shown), (given, actual)))| wanted != shown && given != actual)
            {
                return Err(mismatch(unravel(at, &array.shape), f64::from(*given), f64::from(*actual)));
            }
        }
        Ok(())
    }

    /// The graph, the plan, sizes and the security level, for proofs of `batch` samples.
    ///
    /// # Errors
    /// If no proof of that size is possible.
    pub fn inspect(&self, batch: usize) -> Result<Inspection, Error> {
        self.inspect_as("verifier's key", batch)
    }

    /// What the proof says of itself must be what the key says, and its sizes must add up.
    fn check_note(&self, proof: &Proof, security: &SecurityReport) -> Result<(), Error> {
        let wrong = |reason: &str| Err(Error::Note { reason: reason.to_owned() });
        let (own, origin) = (Origin::of(&self.key, self.identity, security, &[]), &proof.origin);
        if !same_security(&origin.security, &own.security) {
            return wrong("it states another security level than its sizes give");
        }
        if (Origin { sizes: Vec::new(), security: own.security.clone(), ..origin.clone() }) != own {
            return wrong("it states another name, profile or policy than the key");
        }
        let total = origin.sizes.iter().try_fold(0u64, |total, (_, bytes)| total.checked_add(*bytes));
        if total != Some(proof.proof.transcript.len() as u64) {
            return wrong("the sizes of its parts do not add up to its own");
        }
        Ok(())
    }
}
