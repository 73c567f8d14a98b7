//! The model commitment: made once when a model is published, opened in every proof.
//!
//! All weights lie in one matrix of small integers ([`layout`]). Each row is a polynomial by its coefficients, behind which stand random
//! masks ([`masks`]), and is Reed-Solomon encoded at a low rate; the leaves of a Merkle
//! tree are the columns of the encoded matrix, salted ([`encode`]). An opening ([`open`]) reduces any number of claims on weights to one
//! random combination of the rows, which the proof commits, and compares it with the matrix at randomly drawn columns. Unique
//! decoding makes all proofs speak of one matrix. Each opening uses up as many masks of a row as it reads columns.
//!
//! A param is `[kernel, output, column]` with byte planes, `W = sum_p 256^p plane_p`. A claim on it is
//! `sum_{k,o,c} kernel[k] eq(point, o) column[c] W[k,o,c] = value` over the real extents: what lies in the padding of the
//! matrix is never part of a sum.

pub mod encode;
pub mod layout;
pub mod open;
pub mod renew;
pub mod reserve;

mod combine;
mod group;
mod masks;

use veritorch_sumcheck::{Ext, Factor};

pub use encode::ModelProver;
pub use layout::{ModelLayout, Placement};
pub use masks::MaskSeed;
pub use open::{Combined, Reduction, combined_shapes, security_terms, verify_columns, verify_combination};
pub use renew::Renewal;
pub use reserve::{InMemory, Openings, Reservation};

/// `sum_{k,o,c} kernel[k] eq(output_point, o) column[c] W[k,o,c] = value`, with `V = E` on the prover's side and
/// `V = Value<E>` on the verifier's.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamClaim<E, V = E> {
    /// Index of the param.
    pub param: usize,
    /// One coefficient per kernel position.
    pub kernel: Vec<E>,
    /// Point of the output axis, `ceil(log2 O)` coordinates, the most significant first.
    pub output_point: Vec<E>,
    /// Vector along the column axis.
    pub column: Factor<E>,
    /// The value.
    pub value: V,
}

impl<E: Ext, V> ParamClaim<E, V> {
    /// The claim without its value.
    #[must_use]
    pub fn with_value<U>(&self, value: U) -> ParamClaim<E, U> {
        ParamClaim {
            param: self.param,
            kernel: self.kernel.clone(),
            output_point: self.output_point.clone(),
            column: self.column.clone(),
            value,
        }
    }
}
