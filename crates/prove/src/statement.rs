//! What a proof says, and the proof.

use serde::{Deserialize, Serialize};
use veritorch_graph::circuit::{Circuit, Visibility};

use crate::tensor::{Sizes, TensorCommitment};

/// The public part of a proof beside the verifying key. Integers; a port's scale turns them into the model's units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Samples in the proof.
    pub batch: usize,
    /// Values of each input, samples first, if the policy makes inputs public; else empty.
    pub inputs: Vec<Vec<i64>>,
    /// Values of each output, samples first, if the policy makes outputs public; else empty.
    pub outputs: Vec<Vec<i64>>,
    /// A commitment to each input, if the policy commits inputs, and then to each output, if it commits outputs.
    pub commitments: Vec<TensorCommitment>,
}

impl Statement {
    /// A statement without entries, for a run that counts messages.
    pub(crate) fn empty(circuit: &Circuit, sizes: &Sizes) -> Self {
        let tensors = |visibility, ports: usize| vec![Vec::new(); if visibility == Visibility::Public { ports } else { 0 }];
        let policy = circuit.policy;
        Self {
            batch: sizes.batch,
            inputs: tensors(policy.input, circuit.inputs.len()),
            outputs: tensors(policy.output, circuit.outputs.len()),
            commitments: sizes.formats.iter().map(|&format| TensorCommitment { root: [0; 32], format }).collect(),
        }
    }
}

/// A statement with the messages that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What is proved.
    pub statement: Statement,
    /// The transcript: exactly the bytes that the prover sent.
    pub transcript: Vec<u8>,
}
