//! One file of safetensors, memory-mapped: a header that says what lies where, and numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::TensorInfo;
use safetensors::{Dtype, SafeTensors};
use veritorch_graph::model::{Bytes, Element, Stored, map_file};

use crate::CheckpointError;

/// A file of tensors.
#[derive(Clone)]
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    bytes: Bytes,
    /// The file's first byte of data, from which offsets count.
    start: usize,
    tensors: BTreeMap<String, TensorInfo>,
}

impl TensorFile {
    /// Maps the file and checks its header.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = map_file(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
        let (length, header) = SafeTensors::read_metadata((*bytes).as_ref()).map_err(|error| CheckpointError::Malformed {
            path: path.to_owned(),
            reason: format!("the header does not describe the file: {error}"),
        })?;
        let tensors = header.tensors().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect();
        Ok(Self { path: path.to_owned(), bytes, start: size_of::<u64>() + length, tensors })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    /// A tensor, which must have this shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Option<Result<Stored, CheckpointError>> {
        let tensor = self.tensors.get(name)?;
        let wrong = |reason| CheckpointError::Tensor { path: self.path.clone(), tensor: name.to_owned(), reason };
        let stored = element(tensor.dtype).map_err(wrong).and_then(|element| {
            if tensor.shape != shape {
                return Err(wrong(format!("expected shape {shape:?}, got {:?}", tensor.shape)));
            }
            let (first, last) = tensor.data_offsets;
            Stored::new(Arc::clone(&self.bytes), self.start + first..self.start + last, element)
                .ok_or_else(|| wrong("lies beyond the end of the file".into()))
        });
        Some(stored)
    }
}

fn element(dtype: Dtype) -> Result<Element, String> {
    match dtype {
        Dtype::F32 => Ok(Element::F32),
        Dtype::F16 => Ok(Element::F16),
        Dtype::BF16 => Ok(Element::Bf16),
        other => Err(format!("expected numbers of type F32, F16 or BF16, got {other:?}")),
    }
}
