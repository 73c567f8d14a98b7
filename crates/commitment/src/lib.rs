//! What a proof opens: the stacks of tensors that it commits to, and the model commitment, made once per model.
//!
//! A stack of tensors is a matrix of rows under a Reed-Solomon code ([`matrix`]); a claim on a tensor is a rank-one form and its value.
//! All claims of a proof on all its stacks are shown by one opening ([`opening`]), which ends in one combined row under WHIR ([`inner`]).
//! A model is a matrix of small integers under the same kind of code ([`model`]); its opening ends in a combined row that becomes a
//! tensor of the proof's second stack.

pub mod error;
pub mod matrix;
pub mod model;
pub mod opening;
pub mod security;
pub mod stack;
pub mod tree;
pub mod whir;

mod code;
mod columns;
mod inner;
mod merge;

pub use error::CommitmentError;
pub use matrix::MatrixData;
pub use model::{ModelLayout, ModelProver, ParamClaim};
pub use opening::{Opening, Place, Relations, TensorClaim};
pub use security::{SecurityLevel, SecurityTerm};
pub use stack::{Cells, StackLayout};
pub use tree::ColumnTree;
