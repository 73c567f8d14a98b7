//! All tensors of a checkpoint: one file, or the shards that an index names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use veritorch_graph::model::Stored;

use crate::CheckpointError;
use crate::config::read_json;
use crate::safetensors::TensorFile;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Most shards of one checkpoint.
const MAX_SHARDS: usize = 10_000;

/// Makes a tensor by its name and shape.
pub type Make = Box<dyn FnMut(&str, &[usize]) -> Option<Stored>>;

/// The tensors of a folder, and which of them have been read.
pub(crate) struct Weights {
    folder: PathBuf,
    /// Where tensors come from that are in no file.
    make: Option<Make>,
    files: Vec<TensorFile>,
    /// File of each tensor.
    place: BTreeMap<String, usize>,
    used: BTreeSet<String>,
}

impl Weights {
    /// Tensors that are made.
    pub(crate) fn made(make: Make) -> Self {
        Self { folder: PathBuf::new(), make: Some(make), files: Vec::new(), place: BTreeMap::new(), used: BTreeSet::new() }
    }

    /// Opens the folder's files.
    pub(crate) fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
        let files = if single.exists() {
            vec![TensorFile::open(&single)?]
        } else if index.exists() {
            let shards = shards_of(&index)?;
            shards.iter().map(|name| TensorFile::open(&folder.join(name))).collect::<Result<_, _>>()?
        } else {
            let has_pickle = ["pytorch_model.bin", "pytorch_model.bin.index.json"].iter().any(|name| folder.join(name).exists());
            return Err(CheckpointError::NoWeights { path: folder.to_owned(), has_pickle });
        };
        let mut place = BTreeMap::new();
        for (at, file) in files.iter().enumerate() {
            for name in file.names() {
                if let Some(other) = place.insert(name.clone(), at) {
                    let other: &TensorFile = &files[other];
                    let reason = format!("is in {} as well", other.path.display());
                    return Err(CheckpointError::Tensor { path: file.path.clone(), tensor: name.clone(), reason });
                }
            }
        }
        Ok(Self { folder: folder.to_owned(), make: None, files, place, used: BTreeSet::new() })
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.make.is_some() || self.place.contains_key(name)
    }

    /// A tensor of this shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Stored, CheckpointError> {
        let file = self.place.get(name).map(|&at| &self.files[at]);
        let stored = match &mut self.make {
            Some(make) => make(name, shape).map(Ok),
            None => file.and_then(|file| file.tensor(name, shape)),
        };
        let stored = stored.ok_or_else(|| CheckpointError::MissingTensor {
            path: self.folder.clone(),
            tensor: name.to_owned(),
            shape: shape.to_vec(),
        })??;
        self.used.insert(name.to_owned());
        Ok(stored)
    }

    /// Refuses tensors that nobody took and that `may_ignore` does not know: the result would not be the model's.
    pub(crate) fn finish(
        &self,
        architecture: &'static str,
        may_ignore: impl Fn(&str) -> bool,
    ) -> Result<(), CheckpointError> {
        let unused: Vec<&String> =
            self.place.keys().filter(|name| !self.used.contains(*name) && !may_ignore(name)).collect();
        match unused.first() {
            None => Ok(()),
            Some(&tensor) => Err(CheckpointError::UnusedTensors {
                path: self.folder.clone(),
                architecture,
                count: unused.len(),
                tensor: tensor.clone(),
            }),
        }
    }
}

/// Names of the shards, which lie beside the index.
fn shards_of(index: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let malformed = |reason: String| CheckpointError::Malformed { path: index.to_owned(), reason };
    let content = read_json(index)?;
    let map = content.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| malformed("no `weight_map`".into()))?;
    let mut shards = BTreeSet::new();
    for (tensor, file) in map {
        let name = file.as_str().unwrap_or_default();
        let is_plain = Path::new(name).file_name().is_some_and(|plain| plain == name);
        if !is_plain {
            return Err(malformed(format!("tensor `{tensor}` is in {file}, expected a file beside the index")));
        }
        shards.insert(name.to_owned());
    }
    if shards.is_empty() || shards.len() > MAX_SHARDS {
        return Err(malformed(format!("{} shards, expected 1 to {MAX_SHARDS}", shards.len())));
    }
    Ok(shards)
}
