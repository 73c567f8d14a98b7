//! Errors of the prover and of the verifier.

use thiserror::Error;
use veritorch_commitment::CommitmentError;
use veritorch_execute::ExecuteError;
use veritorch_graph::circuit::CircuitError;
use veritorch_lookup::LookupError;
use veritorch_sumcheck::TranscriptError;
use veritorch_sumcheck::random::NoRandomness;

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The circuit breaks a rule.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The input was refused, or does not fit the circuit.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A commitment could not be made or opened.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The prover's own messages do not read as a proof: a defect of this program.
    #[error("the prover's own messages were refused: {0}")]
    Replay(#[from] VerifyError),
    /// A value is not in its table.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The proof would be worth less than the profile asks for.
    #[error("a proof of this size has {actual:.1} bits of security, the profile asks for {expected:.0}")]
    Security {
        /// Bits asked for.
        expected: f64,
        /// Bits that the sizes give.
        actual: f64,
    },
    /// No proof has this many samples.
    #[error("a batch of {batch} samples, 1 to {} are possible", crate::MAX_BATCH)]
    Batch {
        /// Samples asked for.
        batch: usize,
    },
    /// A key of several segments was used as if it had one.
    #[error("the key has several segments, each with a commitment of its own")]
    Segmented,
    /// What was kept of an unfinished proof cannot be used.
    #[error("what was kept of segment {segment}: {reason}")]
    Kept {
        /// The segment, from 1.
        segment: usize,
        /// What is wrong.
        #[source]
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored key's parts do not belong together.
    #[error("the stored commitment is not that of the verifying key")]
    OtherModel,
    /// No opening of the model commitment could be counted.
    #[error("{0}")]
    Openings(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No commitment holds integers of this range.
    #[error("integers in [{min}, {max}] take more than {} bytes: they cannot be committed", crate::MAX_TENSOR_PLANES)]
    TensorRange {
        /// Least integer.
        min: i64,
        /// Greatest integer.
        max: i64,
    },
    /// The prover did not bring one committed tensor for each committed input.
    #[error("{actual} committed inputs, expected {expected}")]
    CommittedInputs {
        /// Committed inputs of the circuit.
        expected: usize,
        /// Committed tensors given.
        actual: usize,
    },
    /// A committed tensor does not hold the integers of the input that it is given for, or was made for another security profile.
    #[error("the commitment given for input `{name}` {reason}")]
    OtherTensor {
        /// Name of the input.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Why a proof is refused.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The verifying key's circuit breaks a rule.
    #[error("verifying key: {0}")]
    Circuit(#[from] CircuitError),
    /// The statement does not fit the verifying key.
    #[error("statement: {reason}")]
    Statement {
        /// What does not fit.
        reason: String,
    },
    /// A message cannot be read or an equation does not hold.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// A link of the chain of tables is refused.
    #[error("renewal {link} of the model commitment: {source}")]
    Renewal {
        /// Which one, from 1.
        link: usize,
        /// Why.
        source: CommitmentError,
    },
    /// The proof of a segment is refused.
    #[error("segment {segment}: {source}")]
    Segment {
        /// Which one, from 1.
        segment: usize,
        /// Why.
        source: Box<VerifyError>,
    },
    /// A chain of tables is too long.
    #[error("{links} renewals, at most {} are possible", crate::renewal::MAX_RENEWALS)]
    Renewals {
        /// Links of the chain.
        links: usize,
    },
    /// The lookup argument is refused.
    #[error("lookup: {0}")]
    Lookup(#[from] LookupError),
    /// An opening is refused.
    #[error("opening: {0}")]
    Commitment(#[from] CommitmentError),
    /// The proof is worth less than the profile asks for.
    #[error("a proof of this size has {actual:.1} bits of security, the profile asks for {expected:.0}")]
    Security {
        /// Bits asked for.
        expected: f64,
        /// Bits that the sizes give.
        actual: f64,
    },
}
