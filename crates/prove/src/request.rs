//! What the prover is asked for and what it alone knows.

use veritorch_commitment::model::Openings;
use veritorch_execute::Witness;
use veritorch_graph::circuit::{Circuit, Policy, Visibility};
use veritorch_sumcheck::random::{NoRandomness, SecretRng};

use crate::error::ProveError;
use crate::key::ProvingKey;
use crate::security::Profile;
use crate::tensor::{CommittedTensor, Counted, Linking, Sizes, TensorFormat, committed_ports};

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
                let tensor = circuit.tensor(port.tensor);
                formats.push(TensorFormat::of(tensor.min, tensor.max, self.linking.output_openings)?);
            }
        }
        Ok(Sizes { batch, formats })
    }
}

/// Fresh commitments to the outputs, if the policy commits them.
pub(crate) fn commit_outputs(
    circuit: &Circuit,
    outputs: &[Vec<i64>],
    num_openings: usize,
    profile: Profile,
) -> Result<Vec<CommittedTensor>, ProveError> {
    let ports = committed_ports(circuit).filter(|(what, _)| *what == "output");
    ports
        .zip(outputs)
        .map(|((_, port), values)| {
            let tensor = circuit.tensor(port.tensor);
            CommittedTensor::commit(values.clone(), TensorFormat::of(tensor.min, tensor.max, num_openings)?, profile)
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
