//! ONNX files to the model graph.
//!
//! [`load`] decodes the protobuf by hand-written messages, orders the nodes, lowers each ONNX operator (one file each
//! under `ops/`, and `ml/` for the domain of classical models) to [`ModelOp`](veritorch_graph::model::ModelOp)s, and runs the graph's passes. Shapes follow from
//! the operators; where the file declares shapes they are checked. Integer and boolean tensors exist only during the
//! import: shape arithmetic folds there.
//!
//! Hostile bytes end in an [`OnnxError`]: lengths are checked before memory is reserved, nothing recurses over the
//! file's structure, and what folding may make is bounded by the file's size.

mod apply;
mod builder;
mod constant;
mod control_flow;
mod declared;
mod element;
mod error;
mod external;
mod folding;
mod import;
mod initializer;
mod inputs;
mod lowering;
mod masked;
mod ml;
mod ops;
mod outputs;
mod proto;
mod schedule;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::{OnnxError, UnsupportedNode};

/// What importers of other formats build with: operands, the builder that folds what is constant, and ONNX's operators
/// by their names.
pub mod building {
    pub use crate::apply::{Attributes, apply};
    pub use crate::builder::{Builder, Operand, Source, Stop};
    pub use crate::constant::{Constant, Data};
    pub use crate::element::Kind;
    pub use crate::masked::{Keep, Site};
}

use prost::Message;
use veritorch_graph::model::ModelGraph;
use veritorch_graph::model::passes::optimise;

/// Choices of an import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Shapes of inputs by name, for files that leave extents open. An open leading axis is 1 without this.
    pub input_shapes: BTreeMap<String, Vec<usize>>,
    /// Extents of open axes, by the names that the file gives them: `sequence_length` and the like.
    pub axes: BTreeMap<String, usize>,
    /// Inputs that are this number in every entry, and no longer inputs: a mask of ones, token types of zeros.
    pub fixed_inputs: BTreeMap<String, f64>,
    /// Leaves the graph as the operators' lowerings made it, without passes.
    pub keep_unoptimised: bool,
}

/// Reads a model from a file; tensor data in other files is looked for in the file's folder.
///
/// # Errors
/// An unreadable file, bytes that are no model, or a model that has no lowering; see [`OnnxError`].
pub fn load(path: &Path) -> Result<ModelGraph, OnnxError> {
    load_with(path, &ImportOptions::default())
}

/// As [`load`], with options.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, options: &ImportOptions) -> Result<ModelGraph, OnnxError> {
    let bytes = std::fs::read(path).map_err(|source| OnnxError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    load_bytes_with(&bytes, Some(folder), options)
}

/// Reads a model from bytes; without a folder, tensor data in other files is refused.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(bytes: &[u8], base_dir: Option<&Path>) -> Result<ModelGraph, OnnxError> {
    load_bytes_with(bytes, base_dir, &ImportOptions::default())
}

/// As [`load_bytes`], with options.
///
/// # Errors
/// As [`load`].
pub fn load_bytes_with(
    bytes: &[u8],
    base_dir: Option<&Path>,
    options: &ImportOptions,
) -> Result<ModelGraph, OnnxError> {
    let model = proto::Model::decode(bytes).map_err(|error| OnnxError::Malformed {
        reason: error.to_string(),
    })?;
    let mut graph = import::import(&model, external::ExternalFiles::new(base_dir), options)?;
    drop(model);
    if !options.keep_unoptimised {
        optimise(&mut graph)?;
    }
    Ok(graph)
}

/// Names of the ONNX operators that have a lowering, sorted.
#[must_use]
pub fn supported_operators() -> Vec<&'static str> {
    let mut names = ops::names();
    names.extend(ml::names());
    names.sort_unstable();
    names
}

/// Those of the domain `ai.onnx.ml`.
#[must_use]
pub fn classical_operators() -> Vec<&'static str> {
    ml::names()
}
