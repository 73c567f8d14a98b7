//! Errors of the executor and of the weight store.

use thiserror::Error;

/// Why an execution or a set of weights is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExecuteError {
    /// A value left the domain on which the circuit defines a result: there is no proof for this input.
    #[error("node `{node}` refuses sample {sample}: {tensor} has the value {value}, outside [{min}, {max}]")]
    Refused {
        /// Name of the user's node.
        node: String,
        /// Name of the tensor that left the domain.
        tensor: String,
        /// The value.
        value: i64,
        /// Least admitted value.
        min: i64,
        /// Greatest admitted value.
        max: i64,
        /// Index of the sample in the batch.
        sample: usize,
    },
    /// The circuit has no batch axis yet.
    #[error("circuit `{circuit}` is not instantiated: expected a batch of at least 1, got 0")]
    NotInstantiated {
        /// Name of the circuit.
        circuit: String,
    },
    /// Wrong number of input tensors.
    #[error("expected {expected} input tensors, got {actual}")]
    InputCount {
        /// Inputs of the circuit.
        expected: usize,
        /// Inputs given.
        actual: usize,
    },
    /// An input tensor has the wrong number of entries.
    #[error("input `{input}`: expected {expected} entries, got {actual}")]
    InputLength {
        /// Name of the input.
        input: String,
        /// Entries of the input tensor, batch included.
        expected: usize,
        /// Entries given.
        actual: usize,
    },
    /// A position of a sequence would see a later one.
    #[error("node `{node}` gives a position a part of later ones: the circuit cannot be run position by position")]
    NotCausal {
        /// Name of the user's node.
        node: String,
    },
    /// More positions than the sequence has.
    #[error("{actual} positions, expected at most {expected}")]
    SequenceLength {
        /// Positions of the sequence.
        expected: usize,
        /// Positions asked for.
        actual: usize,
    },
    /// Wrong number of weight tensors.
    #[error("expected {expected} weight tensors, got {actual}")]
    ParamCount {
        /// Weight tensors of the circuit.
        expected: usize,
        /// Weight tensors given.
        actual: usize,
    },
    /// A weight tensor has another shape or number of planes than the circuit says.
    #[error("weight `{param}`: expected shape {expected_shape:?} with {expected_planes} planes, got {actual}")]
    ParamShape {
        /// Name of the weight tensor.
        param: String,
        /// `[kernel, output, column]`.
        expected_shape: [usize; 3],
        /// Number of planes.
        expected_planes: usize,
        /// What was given instead.
        actual: String,
    },
    /// A weight does not fit its byte planes.
    #[error("weight `{param}`[{index}] is {value}, outside [{min}, {max}]")]
    ParamRange {
        /// Name of the weight tensor.
        param: String,
        /// Row-major index.
        index: usize,
        /// The value.
        value: i64,
        /// Least value of the planes.
        min: i64,
        /// Greatest value of the planes.
        max: i64,
    },
}
