//! Tensor data in files beside the model, memory-mapped.
//!
//! A location is a relative path that stays inside the model's folder, links resolved; offset and length are checked
//! against the file before a byte is read.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use veritorch_graph::model::{Bytes, map_file};

use crate::proto::StringEntry;

/// Maps the files that a model's tensors name, each once.
#[derive(Default)]
pub(crate) struct ExternalFiles {
    folder: Option<PathBuf>,
    maps: BTreeMap<String, Bytes>,
}

impl ExternalFiles {
    /// `folder` is the model's; without it every external tensor is refused.
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(Path::to_path_buf),
            maps: BTreeMap::new(),
        }
    }

    /// The bytes that `entries` (`location`, `offset`, `length`) point to; `expected` is their number.
    pub(crate) fn bytes(
        &mut self,
        entries: &[StringEntry],
        expected: usize,
    ) -> Result<&[u8], String> {
        let entry = |key: &str| {
            entries
                .iter()
                .find(|e| e.key == key)
                .map(|e| e.value.as_str())
        };
        let location = entry("location").ok_or("external data has no location")?;
        let number = |key: &str| -> Result<Option<usize>, String> {
            entry(key)
                .map(|text| {
                    text.parse()
                        .map_err(|_| format!("external data has {key} `{text}`"))
                })
                .transpose()
        };
        let offset = number("offset")?.unwrap_or(0);
        if let Some(length) = number("length")?
            && length != expected
        {
            return Err(format!(
                "expected {expected} bytes, external data has length {length}"
            ));
        }
        if !self.maps.contains_key(location) {
            let map = self.open(location)?;
            self.maps.insert(location.to_owned(), map);
        }
        let file = self.maps.get(location).map_or(&[][..], |map| (**map).as_ref());
        offset
            .checked_add(expected)
            .and_then(|end| file.get(offset..end))
            .ok_or_else(|| {
                format!(
                    "expected {expected} bytes at {offset}, `{location}` has {}",
                    file.len()
                )
            })
    }

    fn open(&self, location: &str) -> Result<Bytes, String> {
        let folder = self
            .folder
            .as_ref()
            .ok_or("data is in another file, but the model came without a folder")?;
        let relative = Path::new(location);
        if location.is_empty()
            || relative
                .components()
                .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(format!(
                "`{location}` is not a path inside the model's folder"
            ));
        }
        let unreadable = |error: std::io::Error| format!("cannot read `{location}`: {error}");
        let root = folder.canonicalize().map_err(unreadable)?;
        let path = root.join(relative).canonicalize().map_err(unreadable)?;
        if !path.starts_with(&root) {
            return Err(format!("`{location}` leads out of the model's folder"));
        }
        map_file(&path).map_err(unreadable)
    }
}
