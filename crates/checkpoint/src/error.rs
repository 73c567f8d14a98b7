//! Errors of the checkpoint reader: each names the file, the tensor or the option.

use std::path::PathBuf;

use thiserror::Error;
use veritorch_graph::model::ModelError;

/// Why a checkpoint is refused.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder has no weights.
    #[error("{} has neither model.safetensors nor model.safetensors.index.json", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
        /// Whether it has weights in PyTorch's own format.
        has_pickle: bool,
    },
    /// A file's content is not what its name promises.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An option of `config.json` is missing, has the wrong type, or asks for arithmetic that is not supported.
    #[error("{}: option `{option}`: {reason}", path.display())]
    Option {
        /// The file.
        path: PathBuf,
        /// The option.
        option: String,
        /// Expected and actual.
        reason: String,
    },
    /// No file of this crate builds the architecture.
    #[error("{}: architecture {found} is not supported, expected {}", path.display(), known.join(" or "))]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What it names.
        found: String,
        /// Architectures that are supported.
        known: Vec<&'static str>,
    },
    /// A tensor that the configuration promises is not there.
    #[error("{}: tensor `{tensor}` is missing, expected shape {shape:?}", path.display())]
    MissingTensor {
        /// The folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape as the configuration has it.
        shape: Vec<usize>,
    },
    /// A tensor is not as the configuration has it.
    #[error("{}: tensor `{tensor}`: {reason}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Expected and actual.
        reason: String,
    },
    /// Tensors that have no place in the architecture: the result would not be the model's.
    #[error("{}: {count} tensors have no place in {architecture}, the first is `{tensor}`", path.display())]
    UnusedTensors {
        /// The folder.
        path: PathBuf,
        /// The architecture.
        architecture: &'static str,
        /// How many.
        count: usize,
        /// The first, in order of names.
        tensor: String,
    },
    /// The sequence is longer than the model's positions.
    #[error("sequence length {seq_len}, expected {least} to {most}")]
    SequenceLength {
        /// What was asked for.
        seq_len: usize,
        /// Least.
        least: usize,
        /// Greatest.
        most: usize,
    },
    /// The tokenizer cannot be read or does not fit the model.
    #[error("{}: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A text that does not make a sequence.
    #[error("{reason}")]
    Text {
        /// Expected and actual.
        reason: String,
    },
    /// The graph breaks a rule of the model graph.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl CheckpointError {
    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("a checkpoint is a folder with config.json, *.safetensors and tokenizer.json, as `save_pretrained` writes it")
            }
            Self::NoWeights { has_pickle: true, .. } => {
                Some("load the model with transformers and save it again: `model.save_pretrained(folder)` writes safetensors")
            }
            Self::Malformed { .. } => Some("the file may be cut off or damaged: copy or download it again"),
            Self::Architecture { .. } => Some("export the model to ONNX and compile that file"),
            Self::MissingTensor { .. } | Self::UnusedTensors { .. } => {
                Some("config.json and the weights are of different models, or a shard is missing")
            }
            Self::SequenceLength { .. } => Some("choose another --seq-len"),
            Self::Tokenizer { .. } => {
                Some("save it with a fast tokenizer: `AutoTokenizer.from_pretrained(..., use_fast=True).save_pretrained(folder)`")
            }
            _ => None,
        }
    }
}
