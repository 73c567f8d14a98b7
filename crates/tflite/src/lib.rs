//! TensorFlow Lite files to the model graph.
//!
//! [`load`] reads the flatbuffer where it lies, takes the operators in the file's order, and lowers each (one file each under
//! `ops/`) to [`ModelOp`](veritorch_graph::model::ModelOp)s, mostly by saying what it is in ONNX's words: channels come last here and
//! second there, so that transposes stand around convolutions and pools until the graph's passes cancel them. Shapes follow from the operators, and
//! are checked against the file's.
//!
//! Hostile bytes end in a [`TfliteError`]: each offset is checked before it is followed, nothing recurses over the file's
//! structure, and what is made from it is bounded by its size.

mod builtin;
mod constant;
mod error;
mod flatbuffer;
mod import;
mod integer;
mod lowering;
mod ops;
mod schema;

use std::path::Path;

pub use error::{TfliteError, UnsupportedOperator};
use veritorch_graph::model::ModelGraph;
use veritorch_graph::model::passes::{optimise, sink_transposes};
use veritorch_onnx::ImportOptions;
use veritorch_onnx::OnnxError;

/// Whether bytes are a TensorFlow Lite file, by its identifier.
#[must_use]
pub fn is_tflite(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"TFL3")
}

/// Reads a model from a file.
///
/// # Errors
/// An unreadable file, bytes that are no model, or a model that has no lowering; see [`TfliteError`].
pub fn load(path: &Path) -> Result<ModelGraph, TfliteError> {
    load_with(path, &ImportOptions::default())
}

/// As [`load`], with options.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, options: &ImportOptions) -> Result<ModelGraph, TfliteError> {
    let bytes = std::fs::read(path).map_err(|source| TfliteError::Io { path: path.to_path_buf(), source })?;
    load_bytes_with(&bytes, options)
}

/// Reads a model from bytes.
///
/// # Errors
/// As [`load`].
pub fn load_bytes_with(bytes: &[u8], options: &ImportOptions) -> Result<ModelGraph, TfliteError> {
    let mut graph = import::import(bytes, options)?;
    if !options.keep_unoptimised {
        sink_transposes(&mut graph).map_err(OnnxError::from)?;
        optimise(&mut graph).map_err(OnnxError::from)?;
    }
    Ok(graph)
}

/// Names of the operators that have a lowering, sorted.
#[must_use]
pub fn supported_operators() -> Vec<&'static str> {
    ops::names()
}

/// Names of those that work on a model's own integers, sorted.
#[must_use]
pub fn integer_operators() -> Vec<&'static str> {
    ops::names().into_iter().filter(|name| integer::is_supported(name)).collect()
}
