//! The exact integer executor of veritorch, the store of a model's weights, and the integer kernels that the
//! prover shares with it.
//!
//! Follow the data: [`Params`] hold the weights as planes of `i8`; [`execute`] runs an instantiated circuit on
//! them and keeps every tensor in a [`Witness`]; [`run`] keeps the outputs alone; a [`Decoder`] runs a causal model
//! position by position; [`kernels`] combine the same small integers with elements of the Goldilocks field.

mod data;
mod decode;
mod error;
mod execute;
pub mod kernels;
mod ops;
mod params;
mod simd;

pub use data::{Entry, TensorData, TensorView};
pub use decode::{Decoder, Feed};
pub use error::ExecuteError;
pub use execute::{Witness, execute, run};
pub use params::{Params, byte_planes};
