//! `compile FOLDER`: a Hugging Face checkpoint at one sequence length, calibrated by a text or by arrays of ids.

use std::io;
use std::path::Path;

use veritorch::{Arrays, Checkpoint, CompileOptions, CompiledCircuit, Error, LoadOptions, Visibility};

use super::compile::read_named;
use crate::args::CompileArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Compiles the folder.
pub(super) fn compile_folder(
    args: &CompileArgs,
    options: &CompileOptions,
    terminal: &Terminal,
) -> Result<CompiledCircuit, Failure> {
    let Some(seq_len) = args.seq_len else {
        return Err(Failure::usage("--seq-len", "is missing: how many tokens a sequence of the checkpoint has, as in `--seq-len 64`"));
    };
    let load = LoadOptions { token_types: args.token_types, next_ids: !args.logits, ..LoadOptions::new(seq_len) };
    let checkpoint = veritorch::import_checkpoint(&args.model, &load, terminal)?;
    let calibration = calibration(&args.calibration, &checkpoint)?;
    let mut options = options.clone();
    if args.quantise.input.is_none() && veritorch::generates_texts(&checkpoint) {
        options.quantise.policy.input = Visibility::Public;
    }
    Ok(veritorch::compile_checkpoint(checkpoint, &calibration, &options, terminal)?)
}

fn calibration(path: &Path, checkpoint: &Checkpoint) -> Result<Arrays, Failure> {
    let is_arrays = path.extension().is_some_and(|extension| extension == "npz" || extension == "npy");
    if is_arrays {
        return read_named(path, &veritorch::graph_inputs(&checkpoint.graph));
    }
    let bytes = veritorch::artefact::read(path)?;
    let text = String::from_utf8(bytes).map_err(|error| Error::Io {
        action: "read",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, format!("expected a text in UTF-8 or an .npz file: {}", error.utf8_error())),
    })?;
    Ok(veritorch::calibration_from_text(checkpoint, &text)?)
}
