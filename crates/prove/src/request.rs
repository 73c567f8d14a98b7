//! What the prover is asked for and what it alone knows.

use veritorch_commitment::model::Openings;
use veritorch_execute::Witness;
use veritorch_graph::circuit::{Policy, Visibility};
use veritorch_sumcheck::random::{NoRandomness, SecretRng};

use crate::error::ProveError;
use crate::key::{ProvingKey, VerifyingKey};
use crate::tensor::{CommittedTensor, Counted, Linking, Sizes, TensorFormat, committed_ports, format_of};

/// What the prover is asked for.
pub(crate) struct Request<'a> {
    pub(crate) inputs: &'a [Vec<i64>],
    pub(crate) openings: &'a dyn Openings,
    pub(crate) linking: &'a Linking<'a>,
}

impl Request<'_> {
    /// The proof's sizes; the committed tensors given must be those of the inputs.
    pub(crate) fn sizes(&self, key: &ProvingKey, batch: usize) -> Result<Sizes, ProveError> {
        let Policy { input, output, .. } = key.vk.circuit.policy;
        let circuit = &key.vk.circuit;
        let given = &self.linking.inputs;
        let expected = if input == Visibility::Committed { circuit.inputs.len() } else { 0 };
        if given.len() != expected {
            return Err(ProveError::CommittedInputs { expected, actual: given.len() });
        }
        for ((counted, port), integers) in given.iter().zip(&circuit.inputs).zip(self.inputs) {
            let other = |reason| Err(ProveError::OtherTensor { name: port.name.clone(), reason });
            if counted.tensor.profile() != key.vk.profile {
                return other("was made for another security profile");
            }
            if counted.tensor.values() != *integers {
                return other("is not a commitment to these values");
            }
        }
        let mut formats: Vec<TensorFormat> = given.iter().map(|counted| counted.tensor.commitment().format).collect();
        if output == Visibility::Committed {
            for port in &circuit.outputs {
                formats.push(format_of(circuit, port, self.linking.output_openings)?.with_margin(key.vk.output_margin()));
            }
        }
        Ok(Sizes { batch, formats })
    }
}

/// Fresh commitments to the outputs, if the policy commits them.
pub(crate) fn commit_outputs(
    key: &VerifyingKey,
    outputs: &[Vec<i64>],
    num_openings: usize,
) -> Result<Vec<CommittedTensor>, ProveError> {
    let ports = committed_ports(&key.circuit).filter(|(what, _)| *what == "output");
    ports
        .zip(outputs)
        .map(|((_, port), values)| {
            let format = format_of(&key.circuit, port, num_openings)?.with_margin(key.margin());
            CommittedTensor::commit(values.clone(), format, key.profile)
        })
        .collect()
}

/// What the prover alone knows, beside the key.
pub(crate) struct Secret<'a> {
    pub(crate) witness: &'a Witness,
    pub(crate) multiplicities: &'a [Vec<u32>],
    /// Openings of the model commitment.
    pub(crate) openings: &'a dyn Openings,
    /// The committed inputs and outputs.
    pub(crate) tensors: &'a [Counted<'a>],
    /// Makes a test's randomness the same each time.
    #[cfg(test)]
    pub(crate) seed: Option<[u8; 32]>,
}

impl Secret<'_> {
    /// Fresh randomness.
    pub(crate) fn rng(&self) -> Result<SecretRng, NoRandomness> {
        #[cfg(test)]
        if let Some(seed) = &self.seed {
            return Ok(SecretRng::from_seed(seed));
        }
        SecretRng::from_os()
    }
}
