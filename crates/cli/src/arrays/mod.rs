//! Arrays in NumPy's files: `.npz` (a zip archive of `.npy`) and a single `.npy`.

mod npy;
mod npz;

pub(crate) use npz::{read, read_integers, read_tensors, write};

use std::path::PathBuf;

use thiserror::Error;
use veritorch::{Array, Arrays};

/// Why a file of arrays is refused.
#[derive(Debug, Error)]
pub(crate) enum ArrayError {
    /// It could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is neither an archive nor an array.
    #[error("`{}` is neither an .npz archive nor an .npy array: {reason}", path.display())]
    NotArrays {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// One of its arrays is refused.
    #[error("array `{name}` of `{}`: {reason}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Expected and actual.
        reason: String,
    },
    /// A single array where names are needed.
    #[error("`{}` is a single array, and the model has {} {what}s: {}", path.display(), names.len(), names.join(", "))]
    Unnamed {
        /// The file.
        path: PathBuf,
        /// `input` or `output`.
        what: &'static str,
        /// The names that are needed.
        names: Vec<String>,
    },
}

impl ArrayError {
    /// What can be done about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Some("check the path"),
            Self::Io { .. } => None,
            Self::NotArrays { .. } => Some("make one with `numpy.savez(\"x.npz\", NAME=array)`"),
            Self::Array { .. } => Some("float32 is best; other numeric types are converted where nothing is lost"),
            Self::Unnamed { .. } => Some("save the arrays by name: `numpy.savez(\"x.npz\", NAME=array, ..)`"),
        }
    }
}

/// What a file holds.
pub(crate) enum Loaded {
    /// An archive.
    Named(Arrays),
    /// A single array; its path is kept for errors.
    Single(PathBuf, Array),
}

impl Loaded {
    /// The arrays by name; a single array takes the only name there is.
    pub(crate) fn named(self, what: &'static str, names: &[String]) -> Result<Arrays, ArrayError> {
        match self {
            Self::Named(arrays) => Ok(arrays),
            Self::Single(path, array) => match names {
                [name] => Ok(Arrays::from([(name.clone(), array)])),
                names => Err(ArrayError::Unnamed { path, what, names: names.to_vec() }),
            },
        }
    }
}
