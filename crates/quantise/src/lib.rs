//! Quantisation: a float model and sample data become an integer circuit with its weights.
//!
//! Symmetric and static: scales are fixed by calibration, `real = integer * scale`. Every layer is one rescale
//! `y = f(floor((M_o acc + b + 2^15) / 2^16))` with `i8` weight mantissas, an exact public multiplier M_o per output channel,
//! and the activation function f in the lookup table of the rescale ([Jacob et al. 2018] without zero points).

mod calibrate;
mod error;
mod features;
mod float;
mod lower;
mod measure;
mod options;
mod pipeline;
mod prepare;
mod report;
mod scales;
mod whole;

pub use error::QuantiseError;
pub use float::{count_samples, outputs as float_outputs};
pub use measure::{decode, encode, run_samples};
pub use options::{InputSteps, QuantiseOptions, Target};
pub use pipeline::{Quantised, quantise};
pub use report::{HeldOutReport, NodeReport, OutputReport, QuantisationReport, RefusalReport};
