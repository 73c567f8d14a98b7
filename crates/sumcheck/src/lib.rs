//! The language in which every argument of veritorch is written: fields, the Fiat-Shamir transcript,
//! multilinear forms, and the batched sumcheck.
//!
//! Conventions. The first coordinate of a point is the *most significant* bit of an index. Tensors are row-major, each
//! axis is padded to a power of two where a cube is needed. Sumchecks bind the most significant variable first, and
//! an instance with fewer variables joins in the last rounds, so that all instances share the tail of the point.

pub mod field;
pub mod form;
pub mod mle;
pub mod products;
pub mod random;
pub mod sumcheck;
pub mod transcript;

pub use field::{Ext, E2, E3, F};
pub use form::{Factor, Form};
pub use products::{PadLayout, PadSecrets};
pub use random::SecretRng;
pub use transcript::{Hidden, Masking, Pads, ProverTranscript, TranscriptError, Value, VerifierTranscript};
