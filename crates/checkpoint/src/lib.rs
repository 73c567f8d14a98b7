//! Hugging Face checkpoints to the model graph.
//!
//! A checkpoint is a folder with `config.json`, weights in safetensors (one file, or shards with an index) and `tokenizer.json`.
//! [`load`] reads the configuration, maps the weights, which stay in the file until somebody reads a tensor, and builds the graph of the
//! architecture at one sequence length. Values keep the names of the checkpoint's tensors, nodes those of its modules.
//!
//! Hostile files end in a [`CheckpointError`]: every tensor's shape is checked against the configuration before anything
//! is made from it, and what has no place in the architecture is refused.

mod architectures;
mod config;
mod error;
mod head;
mod network;
mod pooling;
mod rotary;
mod safetensors;
mod tokenizer;
mod weights;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use error::CheckpointError;
pub use head::{HIDDEN_TEXT, Head, SEED, SEED_WORDS, Sampling};
pub use tokenizer::Tokenizer;
pub use weights::Make;
use serde_json::Value;
use veritorch_graph::model::ModelGraph;

use architectures::{ARCHITECTURES, Architecture, Source};
use config::Config;
use pooling::Pooling;
use weights::Weights;

/// Longest sequence: a mask has the square of it.
pub const MAX_SEQ_LEN: usize = 1 << 14;

/// Choices of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadOptions {
    /// Tokens of a sequence.
    pub seq_len: usize,
    /// An encoder takes token types as a second input; otherwise all tokens are of the first type.
    pub token_types: bool,
    /// What a language model gives: all logits unless said otherwise.
    pub head: Head,
}

impl LoadOptions {
    /// Sequences of this many tokens.
    #[must_use]
    pub fn new(seq_len: usize) -> Self {
        Self { seq_len, token_types: false, head: Head::default() }
    }
}

/// A checkpoint at one sequence length.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The graph: input `input_ids [1, S]`, and `seed [4]` where tokens are drawn; output `logits [1, S, V]`, `next_ids [1, S, 1]`, those of [`HIDDEN_TEXT`], `last_hidden_state [1, S, H]` or
    /// `sentence_embedding [1, H]`. Its constants are views of the files.
    pub graph: ModelGraph,
    /// The tokenizer, where the folder has one.
    pub tokenizer: Option<Tokenizer>,
    /// Tokens of a sequence.
    pub seq_len: usize,
    /// Tokens that the model knows.
    pub vocabulary: usize,
    /// Whether the model tells the next token.
    pub is_language_model: bool,
    /// Ids at which a text ends.
    pub ends: Vec<u32>,
}

/// Reads a folder.
///
/// # Errors
/// A file or tensor that is missing, malformed or of the wrong shape or type; an architecture or option that is not
/// supported; a sequence beyond the model's positions.
pub fn load(folder: &Path, options: &LoadOptions) -> Result<Checkpoint, CheckpointError> {
    let config = Config::read(&folder.join("config.json"))?;
    // What is no architecture of ours needs no weights to be told so.
    architecture_of(&config)?;
    if config.get("quantization_config").is_some() {
        return Err(config.refuse("quantization_config", "weights must be F32, F16 or BF16"));
    }
    let mut checkpoint = assemble(&name_of(folder), &config, &mut Weights::open(folder)?, options, Pooling::read(folder)?)?;
    let path = folder.join("tokenizer.json");
    checkpoint.tokenizer = if path.exists() { Some(Tokenizer::read(&path)?) } else { None };
    if let Some(tokenizer) = &checkpoint.tokenizer
        && tokenizer.vocabulary() > checkpoint.vocabulary
    {
        let reason = format!("has {} tokens, the model {}", tokenizer.vocabulary(), checkpoint.vocabulary);
        return Err(CheckpointError::Tokenizer { path, reason });
    }
    Ok(checkpoint)
}

/// An architecture by the content of its `config.json`, with tensors that are made by their names and shapes and without a tokenizer.
///
/// # Errors
/// As [`load`]; a tensor that is not made.
pub fn build(name: &str, config: Value, options: &LoadOptions, make: Make) -> Result<Checkpoint, CheckpointError> {
    let config = Config::new(Path::new(name), config)?;
    assemble(name, &config, &mut Weights::made(make), options, None)
}

fn assemble(
    name: &str,
    config: &Config,
    weights: &mut Weights,
    options: &LoadOptions,
    pooling: Option<Pooling>,
) -> Result<Checkpoint, CheckpointError> {
    let architecture = architecture_of(config)?;
    let graph = (architecture.build)(Source {
        config,
        weights,
        seq_len: options.seq_len,
        name: name.to_owned(),
        token_types: options.token_types,
        head: options.head,
        pooling,
    })?;
    Ok(Checkpoint {
        graph,
        tokenizer: None,
        seq_len: options.seq_len,
        vocabulary: config.size("vocab_size")?,
        is_language_model: architecture.is_language_model,
        ends: ends(config)?,
    })
}

/// Ids at which a text ends: one, or a list.
fn ends(config: &Config) -> Result<Vec<u32>, CheckpointError> {
    let ids = match config.get("eos_token_id") {
        None => return Ok(Vec::new()),
        Some(Value::Array(ids)) => ids.as_slice(),
        Some(id) => std::slice::from_ref(id),
    };
    let ids: Option<Vec<u32>> = ids.iter().map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok())).collect();
    ids.ok_or_else(|| config.refuse("eos_token_id", "expected an id or a list of ids"))
}

fn architecture_of(config: &Config) -> Result<&'static Architecture, CheckpointError> {
    let named = config.get("architectures").and_then(Value::as_array).map(Vec::as_slice);
    let found = match named {
        Some([Value::String(name)]) => name.clone(),
        _ => config.get("architectures").map_or("`null`".to_owned(), ToString::to_string),
    };
    ARCHITECTURES.iter().find(|architecture| architecture.name == found).ok_or_else(|| CheckpointError::Architecture {
        path: config.path().to_owned(),
        found,
        known: ARCHITECTURES.iter().map(|architecture| architecture.name).collect(),
    })
}

/// The folder's name.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The bytes of a file of at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, CheckpointError> {
    let unreadable = |source| CheckpointError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(CheckpointError::Malformed { path: path.to_owned(), reason: format!("more than {limit} bytes") });
    }
    Ok(bytes)
}
