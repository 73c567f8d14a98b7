//! veritorch: proofs that a committed neural network, run on an input, gives an output.
//!
//! The library that the command line and the Python package call. Floats in the model's units come in and go out;
//! in between the model is an integer circuit, and the proof is about that circuit, bit for bit.

#![forbid(unsafe_code)]

pub mod artefact;
pub mod port;
pub mod zoo;

mod array;
mod error;
mod progress;

pub use array::{Array, Arrays};
pub use error::Error;
pub use progress::{Progress, Silent};
