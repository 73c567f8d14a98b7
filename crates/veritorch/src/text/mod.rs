//! Models of text: from a Hugging Face folder to a committed circuit that keeps its tokenizer.

mod generate;
mod session;
mod statement;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};
pub use veritorch_checkpoint::{Checkpoint, CheckpointError, LoadOptions, Tokenizer};

pub use generate::Generated;
pub use statement::TextStatement;

use crate::progress::begin;
use crate::{Array, Arrays, CompileOptions, CompiledCircuit, Error, Progress, compile_graph};

/// What the prover's key of a model of text holds beside the circuit: the bytes of `tokenizer.json`, the sequence
/// length, and ids that end a text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextModel {
    seq_len: u64,
    tokenizer: Vec<u8>,
    ends: Vec<u32>,
}

impl std::fmt::Debug for TextModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextModel({} tokens, tokenizer of {} bytes)", self.seq_len, self.tokenizer.len())
    }
}

impl TextModel {
    /// Tokens of a sequence.
    #[must_use]
    pub fn seq_len(&self) -> usize {
        usize::try_from(self.seq_len).unwrap_or(usize::MAX)
    }

    /// Whether a text ends where the model chooses this id.
    #[must_use]
    pub fn ends(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// The bytes of `tokenizer.json`.
    #[must_use]
    pub fn tokenizer_json(&self) -> &[u8] {
        &self.tokenizer
    }

    /// The tokenizer, built anew by every call.
    ///
    /// # Errors
    /// The bytes are no tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer, Error> {
        Ok(Tokenizer::from_bytes(Path::new("tokenizer.json"), self.tokenizer.to_vec())?)
    }
}

/// Whether a checkpoint was read to generate texts: its only output are the ids that the model chooses.
#[must_use]
pub fn generates_texts(checkpoint: &Checkpoint) -> bool {
    let outputs = checkpoint.graph.outputs.iter().map(|&id| checkpoint.graph.value(id).name.as_str());
    outputs.eq([statement::NEXT_IDS])
}

/// Reads a Hugging Face folder.
///
/// # Errors
/// Whatever is wrong with the folder; [`Error::Interrupted`].
pub fn import_checkpoint(folder: &Path, options: &LoadOptions, progress: &dyn Progress) -> Result<Checkpoint, Error> {
    begin(progress, "import")?;
    Ok(veritorch_checkpoint::load(folder, options)?)
}

/// Calibration data from the lines of a text: sequences of ids for the model's input, `[N, S]`, as [`Tokenizer::windows`] cuts them.
///
/// # Errors
/// The folder has no tokenizer, the text does not fill one sequence, or the model takes more than ids.
pub fn calibration_from_text(checkpoint: &Checkpoint, text: &str) -> Result<Arrays, Error> {
    let refuse = |reason: &str| Error::Option { option: "calibration", reason: reason.to_owned() };
    let tokenizer = checkpoint
        .tokenizer
        .as_ref()
        .ok_or_else(|| refuse("the folder has no tokenizer.json to read a text with: give ids in an .npz file"))?;
    let &[input] = checkpoint.graph.inputs.as_slice() else {
        return Err(refuse("the model takes more than ids: give all inputs in an .npz file"));
    };
    let windows = tokenizer.windows(text, checkpoint.seq_len)?;
    let shape = vec![windows.len(), checkpoint.seq_len];
    let data = windows.into_iter().flatten().map(|id| id as f32).collect();
    Ok([(checkpoint.graph.value(input).name.clone(), Array { shape, data })].into())
}

/// Compiles a checkpoint. `calibration` is as in [`compile`](crate::compile).
///
/// # Errors
/// As [`compile_graph`].
pub fn compile_checkpoint(
    checkpoint: Checkpoint,
    calibration: &Arrays,
    options: &CompileOptions,
    progress: &dyn Progress,
) -> Result<CompiledCircuit, Error> {
    let Checkpoint { graph, tokenizer, seq_len, ends, .. } = checkpoint;
    let mut circuit = compile_graph(graph, calibration, options, progress)?;
    circuit.text =
        tokenizer.map(|tokenizer| TextModel { seq_len: seq_len as u64, tokenizer: tokenizer.as_bytes().to_vec(), ends });
    Ok(circuit)
}
