//! Vector instructions: the only module of the crate with `unsafe` code. Each function checks its slices' lengths,
//! asks the processor which instructions it has, and otherwise runs a portable loop with the same result.
#![expect(unsafe_code, reason = "AVX-512 loads through raw pointers; every bound is asserted beside its use")]

mod bytes;
mod dot;

pub(crate) use bytes::{COLUMNS, GROUP, TRIPLE, accumulate_rows, column, dot_bytes};
pub(crate) use dot::{LANES, ROWS, Runs, dot_tile};
