//! The Python module `veritorch._veritorch`: the library's types with Python's conventions. The package `veritorch`
//! wraps it in documented, typed classes; nothing here is meant to be called by others.
//!
//! Data crosses as float32 arrays by name. Work runs on a thread of its own, without the interpreter's lock (`watch`).

mod arrays;
mod circuit;
mod commitment;
mod errors;
mod model;
mod proof;
mod verifier;
mod watch;

/// The native part of the package `veritorch`.
#[pyo3::pymodule]
#[pyo3(name = "_veritorch")]
mod module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::circuit::Circuit;
    #[pymodule_export]
    use super::commitment::{Commitment, commit};
    #[pymodule_export]
    use super::model::{Model, check};
    #[pymodule_export]
    use super::proof::Proof;
    #[pymodule_export]
    use super::verifier::{Verification, VerifyingKey, verify};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
