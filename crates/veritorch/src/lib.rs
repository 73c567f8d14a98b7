//! veritorch: proofs that a committed neural network, run on an input, gives an output.
//!
//! The library that the command line and the Python package call. Floats in the model's units come in and go out;
//! in between the model is an integer circuit, and the proof is about that circuit, bit for bit.

#![forbid(unsafe_code)]

pub mod artefact;
pub mod bench;
pub mod commitment;
pub mod inspect;
pub mod ledger;
pub mod port;
pub mod zoo;

mod array;
mod check;
mod circuit;
mod compile;
mod error;
mod memory;
mod parts;
mod progress;
mod proof;
mod text;
mod verification;
mod verifier;

pub use array::{Array, Arrays};
pub use check::{CheckReport, Finding, check, check_bytes, check_graph};
pub use circuit::{CompiledCircuit, Inputs, Proven, Run, verifier_path};
pub use commitment::{Commitment, CommitmentOpening};
pub use compile::{CompileOptions, compile, compile_graph, graph_inputs, import, import_bytes};
pub use error::Error;
pub use parts::{parts_folder, remove_parts};
pub use proof::Proof;
pub use text::{Checkpoint, CheckpointError, Drawing, Generated, Head, HiddenText, LoadOptions, SEED, Sampling, TextModel, TextStatement, Tokenizer, calibration_from_text, compile_checkpoint, generates_texts, import_checkpoint};
pub use verification::Verification;
pub use verifier::Verifier;
pub use veritorch_graph::circuit::{Policy, Visibility};
pub use veritorch_graph::model::ModelGraph;
pub use veritorch_onnx::ImportOptions;
pub use veritorch_prove::{DEFAULT_LIFETIME, DEFAULT_TENSOR_OPENINGS, Profile, SecurityReport};
pub use veritorch_quantise::{HeldOutReport, InputSteps, NodeReport, QuantisationReport, QuantiseOptions, Target};
pub use progress::{Progress, Silent};

#[cfg(test)]
mod tests;
