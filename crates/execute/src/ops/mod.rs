//! One file per operator of the circuit; each function is parallel over chunks of its result.

mod conv;
mod dense;
mod depthwise;
mod entrywise;
mod gemm;
mod linear;
mod matmul;
mod reduce;
mod sampling;
mod segment;

pub(crate) use conv::conv;
pub(crate) use dense::dense;
pub(crate) use entrywise::{Outside, convert, divide, floor_shift, gather, lookup, mul, outside, reciprocal, square_root};
pub(crate) use linear::linear;
pub(crate) use matmul::matmul;
pub(crate) use sampling::{largest, noise_of};
