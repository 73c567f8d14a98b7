//! Sums of small integers times elements of the Goldilocks field, `p = 2^64 - 2^32 + 1`, on canonical `u64` values.
//!
//! A field element is taken apart into digits so small that products with the integers add up without reduction;
//! each sum is put together modulo `p` once, at the end. Signed integers stand for themselves modulo `p`. `D` is
//! the number of base-field coefficients of a coefficient: 2 or 3 for challenges, 1 for the base field.

mod columns;
mod contract;
mod field;
mod rows;

pub use columns::evaluate_columns;
pub use contract::{contract_first, contract_last};
pub use rows::combine_rows;
