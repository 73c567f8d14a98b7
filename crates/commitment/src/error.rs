//! Errors of the crate.

use thiserror::Error;
use veritorch_sumcheck::TranscriptError;
use veritorch_sumcheck::random::NoRandomness;

/// Why something could not be committed or opened, or why an opening was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitmentError {
    /// The proof cannot be read, or an equation does not hold.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// No parameters reach the security level at this size.
    #[error("2^{num_vars} cells cannot be committed to at {bits} bits per term: {reason}")]
    Parameters {
        /// Variables of the polynomial.
        num_vars: usize,
        /// Bits asked for, per term.
        bits: usize,
        /// What stands against it.
        reason: String,
    },
    /// A tensor has another number of entries than its shape.
    #[error("tensor {tensor} has {actual} entries, its shape has {expected}")]
    Entries {
        /// Index of the tensor.
        tensor: usize,
        /// Entries of the shape.
        expected: usize,
        /// Entries given.
        actual: usize,
    },
    /// A list has the wrong length.
    #[error("{what}: {actual} given, {expected} expected")]
    Count {
        /// What is listed.
        what: &'static str,
        /// Expected number.
        expected: usize,
        /// Number given.
        actual: usize,
    },
    /// A claim does not fit the tensor that it speaks of.
    #[error("claim {claim} does not fit tensor {tensor}: {reason}")]
    Claim {
        /// Index of the claim.
        claim: usize,
        /// Index of the tensor.
        tensor: usize,
        /// What does not fit.
        reason: &'static str,
    },
    /// A param of a model is impossible, or not that of the layout.
    #[error("param {param}: {reason}")]
    Param {
        /// Index of the param.
        param: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// No row has masks for so many openings.
    #[error("masks for {num_openings} openings, at most {possible} are possible")]
    Openings {
        /// Openings asked for.
        num_openings: usize,
        /// Openings that are possible.
        possible: usize,
    },
    /// A value depends on a pad that is not committed.
    #[error("a value depends on a pad that no tensor holds")]
    Pad,
    /// A table without masks is asked to be renewed.
    #[error("the weights are public: their commitment has no masks to renew")]
    NoMasks,
    /// A root that stands for several is not theirs.
    #[error("the root is not that of {what}")]
    Root {
        /// Whose it should be.
        what: &'static str,
    },
    /// Two tables that should have one layout have two.
    #[error("the tables have different layouts")]
    OtherLayout,
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A claim does not fit the param that it speaks of.
    #[error("claim {claim} does not fit param {param}: {reason}")]
    ParamClaim {
        /// Index of the claim.
        claim: usize,
        /// Index of the param.
        param: usize,
        /// What does not fit.
        reason: &'static str,
    },
    /// The proximity proof of an evaluation was refused.
    #[error("opening `{label}` refused: {reason}")]
    Opening {
        /// Which opening.
        label: &'static str,
        /// What was wrong.
        reason: String,
    },
}
