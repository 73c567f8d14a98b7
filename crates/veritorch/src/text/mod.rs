//! Models of text: from a Hugging Face folder to a committed circuit that keeps its tokenizer.

mod generate;
mod session;
mod statement;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};
pub use veritorch_checkpoint::{Checkpoint, CheckpointError, Head, LoadOptions, SEED, Sampling, Tokenizer};
use veritorch_checkpoint::{HIDDEN_TEXT, SEED_WORDS};

pub use generate::Generated;
pub use statement::{Drawing, HiddenText, TextStatement};

use veritorch_graph::model::{ModelGraph, ValueId};

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

/// Whether a checkpoint was read to generate texts: it gives the ids that the model chooses, or what a hidden text is worth.
#[must_use]
pub fn generates_texts(checkpoint: &Checkpoint) -> bool {
    let outputs: Vec<&str> = checkpoint.graph.outputs.iter().map(|&id| checkpoint.graph.value(id).name.as_str()).collect();
    outputs == [statement::NEXT_IDS] || outputs == HIDDEN_TEXT
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
    let name = |id: &ValueId| checkpoint.graph.value(*id).name.as_str();
    let inputs: Vec<&ValueId> = checkpoint.graph.inputs.iter().filter(|id| name(id) != SEED).collect();
    let [input] = inputs.as_slice() else {
        return Err(refuse("the model takes more than ids: give all inputs in an .npz file"));
    };
    let windows = tokenizer.windows(text, checkpoint.seq_len)?;
    let shape = vec![windows.len(), checkpoint.seq_len];
    let data = windows.into_iter().flatten().map(|id| id as f32).collect();
    Ok([(name(input).to_owned(), Array { shape, data })].into())
}

/// Compiles a checkpoint. `calibration` is as in [`compile`](crate::compile); seeds are made where it has none.
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
    let calibration = with_seeds(&graph, calibration);
    let held_out = options.held_out.as_ref().map(|data| with_seeds(&graph, data));
    let options = CompileOptions { held_out, ..options.clone() };
    let mut circuit = compile_graph(graph, &calibration, &options, progress)?;
    circuit.text =
        tokenizer.map(|tokenizer| TextModel { seq_len: seq_len as u64, tokenizer: tokenizer.as_bytes().to_vec(), ends });
    Ok(circuit)
}

/// The arrays with a seed for each sample, where the graph asks for one and they have none: 1, 2, ..
fn with_seeds(graph: &ModelGraph, arrays: &Arrays) -> Arrays {
    let mut arrays = arrays.clone();
    let is_asked = graph.inputs.iter().any(|&id| graph.value(id).name == SEED);
    let first = graph.inputs.first().map(|&id| graph.value(id));
    if let Some(first) = first.filter(|_| is_asked && !arrays.contains_key(SEED)) {
        let samples = arrays.get(&first.name).map_or(0, |array| array.data.len() / first.len().max(1));
        let data = (1..=samples).flat_map(|sample| (0..SEED_WORDS).map(move |word| if word == 0 { sample as f32 } else { 0.0 })).collect();
        arrays.insert(SEED.to_owned(), Array { shape: vec![samples, SEED_WORDS], data });
    }
    arrays
}
