//! Non-linear operators as hints with their constraints: one file per gadget.
//!
//! A hint is a tensor that the prover chooses. Each gadget adds its hints together with the lookups that leave at most
//! one admissible value for *every* field value of the operand, so that not even an owner of hostile weights has a
//! choice. Where no value is admissible (an operand outside a table's domain), no proof exists for that input; the
//! builder lists those places ([`CircuitBuilder::refusals`](crate::circuit::CircuitBuilder::refusals)).
//! [`Circuit::check`](crate::circuit::Circuit::check) finds the same patterns in circuits that come from strangers.

mod argmax;
mod attention;
mod divide;
mod embedding;
mod fixed_point;
mod gather;
mod input;
mod mask;
mod maximum;
mod normalize;
mod range;
mod reciprocal;
mod requantise;
mod sample;
mod softmax;
mod square_root;
mod table;
mod trees;
#[cfg(test)]
mod tests;

pub use argmax::argmax;
pub use attention::{Attended, attention};
pub use divide::divide;
pub use embedding::{embedding, one_hot, one_hot_len};
pub use fixed_point::fixed_point;
pub use gather::gather;
pub use input::input;
pub use mask::Mask;
pub use maximum::{View, Windows, max_pool_axis, maximum, reduce_max};
pub use normalize::{Normalisation, Normalised, normalize};
pub use range::range;
pub(crate) use range::covering;
pub use reciprocal::reciprocal;
pub use requantise::{Quotient, Requantised, function_table, requantise, signed_range};
pub use sample::{Draw, gumbel, sample};
pub use softmax::{SOFTMAX_LOG_SCALE, softmax};
pub use square_root::square_root;
pub use table::apply_table;
pub use trees::{Trees, trees};
