//! One file of safetensors, memory-mapped.
//!
//! ```text
//! header length u64, little-endian | header: JSON { name: { dtype, shape, data_offsets } } | data
//! ```
//!
//! Offsets count from the start of the data. Source: <https://github.com/huggingface/safetensors>, "Format".

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use serde_json::{Map, Value};
use veritorch_graph::model::index::element_count;
use veritorch_graph::model::{Bytes, Element, Stored};

use crate::CheckpointError;

/// Longest header, as in the format's own reader.
const MAX_HEADER: usize = 100_000_000;

/// A file of tensors.
#[derive(Clone)]
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    bytes: Bytes,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Clone, Debug)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    /// Bytes of the file.
    range: Range<usize>,
}

impl TensorFile {
    /// Maps the file and checks its header.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let unreadable = |source| CheckpointError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let malformed = |reason| CheckpointError::Malformed { path: path.to_owned(), reason };
        if !metadata.is_file() {
            return Err(malformed("is not a file".into()));
        }
        if metadata.len() < 8 {
            return Err(malformed(format!("{} bytes are no safetensors file", metadata.len())));
        }
        let map = map_read_only(&file).map_err(unreadable)?;
        let tensors = read_header(&map).map_err(malformed)?;
        Ok(Self { path: path.to_owned(), bytes: Arc::new(map), tensors })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    /// A tensor, which must have this shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Option<Result<Stored, CheckpointError>> {
        let tensor = self.tensors.get(name)?;
        let wrong = |reason| CheckpointError::Tensor { path: self.path.clone(), tensor: name.to_owned(), reason };
        let stored = tensor.element().map_err(wrong).and_then(|element| {
            if tensor.shape != shape {
                return Err(wrong(format!("expected shape {shape:?}, got {:?}", tensor.shape)));
            }
            Stored::new(Arc::clone(&self.bytes), tensor.range.clone(), element)
                .ok_or_else(|| wrong("lies beyond the end of the file".into()))
        });
        Some(stored)
    }
}

impl Tensor {
    fn element(&self) -> Result<Element, String> {
        match self.dtype.as_str() {
            "F32" => Ok(Element::F32),
            "F16" => Ok(Element::F16),
            "BF16" => Ok(Element::Bf16),
            other => Err(format!("expected numbers of type F32, F16 or BF16, got {other}")),
        }
    }
}

fn read_header(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("the file is cut off")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_HEADER {
        return Err(format!("a header of {length} bytes, expected at most {MAX_HEADER}: not a safetensors file"));
    }
    let header = rest.get(..length).ok_or_else(|| format!("the header of {length} bytes is cut off"))?;
    let header: Map<String, Value> = serde_json::from_slice(header).map_err(|error| format!("header: {error}"))?;
    let entries = header.iter().filter(|(name, _)| name.as_str() != "__metadata__");
    entries.map(|(name, entry)| Ok((name.clone(), read_entry(name, entry, 8 + length, bytes.len())?))).collect()
}

/// `start` is the file's first byte of data, `end` its length.
fn read_entry(name: &str, entry: &Value, start: usize, end: usize) -> Result<Tensor, String> {
    let broken = |what: &str| format!("tensor `{name}`: {what}");
    let sizes = |key: &str| -> Option<Vec<usize>> {
        let numbers = entry.get(key)?.as_array()?.iter();
        numbers.map(|number| number.as_u64().and_then(|number| usize::try_from(number).ok())).collect()
    };
    let dtype = entry.get("dtype").and_then(Value::as_str).ok_or_else(|| broken("no dtype in the header"))?;
    let shape = sizes("shape").ok_or_else(|| broken("no shape in the header"))?;
    let offsets = sizes("data_offsets").ok_or_else(|| broken("no data_offsets in the header"))?;
    let &[first, last] = offsets.as_slice() else {
        return Err(broken("data_offsets are not two numbers"));
    };
    let (first, last) = (first.saturating_add(start), last.saturating_add(start));
    if first > last {
        return Err(broken("data_offsets run backwards"));
    }
    if last > end {
        return Err(broken(&format!("its data end at byte {last} of a file of {end}: the file is cut off")));
    }
    let size = match dtype {
        "F64" | "I64" | "U64" => Some(8),
        "F32" | "I32" | "U32" => Some(4),
        "F16" | "BF16" | "I16" | "U16" => Some(2),
        "I8" | "U8" | "BOOL" => Some(1),
        _ => None,
    };
    let count = element_count(&shape).ok_or_else(|| broken(&format!("shape {shape:?} is too large")))?;
    if size.is_some_and(|size| count.checked_mul(size) != Some(last - first)) {
        return Err(broken(&format!("{} bytes for shape {shape:?} of {dtype}", last - first)));
    }
    Ok(Tensor { dtype: dtype.to_owned(), shape, range: first..last })
}

#[expect(unsafe_code, reason = "mapping a file cannot be checked by the compiler; this is the only place")]
fn map_read_only(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and shared by reference count with every view of it, every bit pattern is valid for
    // `u8`, and ranges are checked against the map's length whenever they are read. What stays with the user is not to
    // truncate or rewrite the file while the model is compiled, as for any memory-mapped reader.
    unsafe { Mmap::map(file) }
}
