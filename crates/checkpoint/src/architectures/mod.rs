//! Architectures, one file each: a new one is a file and a line in [`ARCHITECTURES`].

mod bert;
mod gpt2;
mod llama;

use veritorch_graph::model::ModelGraph;

use crate::CheckpointError;
use crate::config::Config;
use crate::head::Head;
use crate::weights::Weights;

/// What an architecture builds its graph from.
pub(crate) struct Source<'a> {
    pub(crate) config: &'a Config,
    pub(crate) weights: &'a mut Weights,
    /// Positions.
    pub(crate) seq_len: usize,
    /// Name of the model.
    pub(crate) name: String,
    /// Whether token types are an input rather than all of the first type.
    pub(crate) token_types: bool,
    /// What a language model gives.
    pub(crate) head: Head,
    /// What a sentence embedding adds to an encoder.
    pub(crate) pooling: Option<crate::pooling::Pooling>,
}

type Build = fn(Source<'_>) -> Result<ModelGraph, CheckpointError>;

/// An architecture by its name in `config.json`.
pub(crate) struct Architecture {
    pub(crate) name: &'static str,
    pub(crate) build: Build,
    /// Whether the output tells the next token.
    pub(crate) is_language_model: bool,
}

pub(crate) const ARCHITECTURES: [Architecture; 3] = [
    Architecture { name: "BertModel", build: bert::build, is_language_model: false },
    Architecture { name: "GPT2LMHeadModel", build: gpt2::build, is_language_model: true },
    Architecture { name: "LlamaForCausalLM", build: llama::build, is_language_model: true },
];

/// Checks a sequence length against the model's positions.
fn check_length(seq_len: usize, positions: usize) -> Result<(), CheckpointError> {
    let most = positions.min(crate::MAX_SEQ_LEN);
    if (1..=most).contains(&seq_len) {
        return Ok(());
    }
    Err(CheckpointError::SequenceLength { seq_len, least: 1, most })
}
