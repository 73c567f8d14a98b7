//! What a proof opens: the witness commitment, made for one proof, and the model commitment, made once per model.
//!
//! A witness is a stack of tensors in one multilinear polynomial, committed and opened once by WHIR with unique
//! decoding ([`witness`]). A claim on a tensor is a rank-one form and its value; all claims on one commitment are
//! merged by one sumcheck into one evaluation. A model is a matrix of small integers under a Reed-Solomon code
//! ([`model`]); a proof opens columns of it that are drawn at random.

pub mod error;
pub mod model;
pub mod security;
pub mod stack;
pub mod whir;
pub mod witness;

mod merge;

pub use error::CommitmentError;
pub use model::{ModelLayout, ModelProver, ModelTree, ParamClaim};
pub use security::{SecurityLevel, SecurityTerm};
pub use stack::{Cells, StackLayout};
pub use witness::{TensorClaim, WitnessData, WitnessScheme};
