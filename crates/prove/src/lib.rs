//! The prover and the verifier of a circuit.
//!
//! Reading order: [`statement`] (what is proved), `protocol` (`prove` beside `verify`), `public` (what both derive), `schedule` and `wave` (how claims
//! travel from results to operands), `rewrite`, `point` and `contraction` (the reductions), [`security`] (what a proof is
//! worth), [`segments`] (large circuits, part by part).

mod claim;
mod clock;
mod contract;
mod contraction;
mod effort;
mod error;
pub mod key;
mod lookups;
mod noise;
mod params;
mod point;
pub mod progress;
mod protocol;
mod public;
pub mod renewal;
mod request;
mod rewrite;
mod schedule;
pub mod security;
pub mod segments;
#[cfg(test)]
mod malicious;
#[cfg(test)]
mod simulation;
pub mod statement;
pub mod tensor;
mod wave;

pub use clock::Timings;
pub use error::{ProveError, VerifyError};
pub use key::{DEFAULT_LIFETIME, PartOf, ProvingKey, SegmentRoot, Setup, StoredKey, VerifyingKey};
pub use progress::{Progress, Silent};
pub use protocol::{MAX_BATCH, Proven, Verified, prove, prove_linked, verify};
pub use renewal::{Link, renew, verify_renewals};
pub use security::{Profile, SecurityReport, SecurityTerm, security};
pub use statement::{Proof, Statement};
pub use tensor::{
    CommittedTensor, Counted, DEFAULT_TENSOR_OPENINGS, Linking, MAX_TENSOR_OPENINGS, MAX_TENSOR_PLANES, TensorCommitment, TensorFormat,
};
pub use veritorch_commitment::model::{InMemory, Openings};
