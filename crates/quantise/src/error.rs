//! Errors of calibration and quantisation.

use thiserror::Error;
use veritorch_execute::ExecuteError;
use veritorch_graph::circuit::CircuitError;

/// Why a model or its calibration data is refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QuantiseError {
    /// The number of arrays is not the model's number of inputs.
    #[error("expected data for {expected} inputs, got {actual}")]
    InputCount {
        /// Inputs of the model.
        expected: usize,
        /// Arrays given.
        actual: usize,
    },
    /// There is no sample.
    #[error("calibration data for input `{input}` is empty")]
    EmptyCalibration {
        /// The model's input.
        input: String,
    },
    /// The data is not a whole number of samples.
    #[error("data for input `{input}`: a sample of shape {shape:?} has {expected} numbers, got {actual} in all")]
    InputLength {
        /// The model's input.
        input: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Numbers in one sample.
        expected: usize,
        /// Numbers given.
        actual: usize,
    },
    /// Inputs have different numbers of samples.
    #[error("input `{input}` has {actual} samples, the first input has {expected}")]
    SampleCount {
        /// The model's input.
        input: String,
        /// Samples of the first input.
        expected: usize,
        /// Samples of this one.
        actual: usize,
    },
    /// Labels do not match the samples.
    #[error("{actual} labels for {expected} samples")]
    LabelCount {
        /// Samples.
        expected: usize,
        /// Labels.
        actual: usize,
    },
    /// NaN or infinity in the data.
    #[error("input `{input}`, sample {sample}, entry {index} is {value}: expected finite numbers")]
    InputNotFinite {
        /// The model's input.
        input: String,
        /// Sample.
        sample: usize,
        /// Row-major index in the sample.
        index: usize,
        /// The number.
        value: f32,
    },
    /// NaN or infinity inside the model.
    #[error("node `{node}` gives {value} on sample {sample}: expected finite numbers")]
    NotFinite {
        /// The node.
        node: String,
        /// Sample.
        sample: usize,
        /// The number.
        value: f32,
    },
    /// The float model cannot be evaluated.
    #[error("node `{node}`: {reason}")]
    Model {
        /// The node.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// The quantiser has no lowering for this combination.
    #[error("node `{node}` ({op}) cannot be quantised: {reason}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// The combination.
        reason: String,
    },
    /// An option is out of range.
    #[error("option `{option}`: {reason}")]
    Option {
        /// Name.
        option: String,
        /// Expected and actual.
        reason: String,
    },
    /// No input may be refused, and this node cannot take the worst case.
    #[error("node `{node}` cannot be made to take every input: the worst case is {excess:.1} times what `{tensor}` holds")]
    NotTotal {
        /// The node.
        node: String,
        /// Its tensor.
        tensor: String,
        /// Worst case over domain.
        excess: f64,
    },
    /// The accuracy target cannot be met.
    #[error("{measure} is {reached:.4} at {bits}-bit activations, below the target {target:.4}")]
    Target {
        /// `accuracy` or `agreement`.
        measure: String,
        /// Best that was reached.
        reached: f64,
        /// What was asked for.
        target: f64,
        /// Bits at which it was reached.
        bits: u32,
    },
    /// The circuit breaks a rule: a value can leave the field's safe range, or shapes do not fit.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The quantised model cannot be run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}
