//! One LogUp-GKR argument for all range checks and function tables of a proof.
//!
//! [`LookupArgument`] is the statement: which tensors are looked up in which public tables. Proving and verifying end in
//! claims on the columns and on the multiplicity vectors, which the rest of the proof takes on. Follow
//! [`argument`] (statement, prove, verify) into `gkr.rs` (the tree of fractions, protocol). The prover's side of a layer is in `layer.rs`
//! and `block.rs`, the loops in `kernel.rs`, the order of entries in memory in `geometry.rs`.

pub mod argument;
mod block;
pub mod column;
pub mod error;
mod geometry;
mod gkr;
mod indicator;
mod kernel;
mod layer;
pub mod layout;
mod leaves;
pub mod table;
mod tree;
mod witness;

pub use argument::{ColumnClaim, LookupArgument, LookupSpec, Outcome};
pub use column::Column;
pub use error::LookupError;
pub use table::TableSpec;
