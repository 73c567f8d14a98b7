//! `compile FOLDER`: a Hugging Face checkpoint at one sequence length, calibrated by a text or by arrays of ids.

use std::io;
use std::path::Path;

use veritorch::{Arrays, Checkpoint, CompileOptions, CompiledCircuit, Error, Head, LoadOptions, SEED, Sampling, Visibility};

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
    let load = LoadOptions { token_types: args.token_types, head: head(args)?, ..LoadOptions::new(seq_len(args.seq_len)?) };
    let checkpoint = veritorch::import_checkpoint(&args.model, &load, terminal)?;
    let calibration = calibration(&args.calibration, &checkpoint)?;
    let held_out = args.accuracy_report.as_ref().map(|path| self::calibration(path, &checkpoint)).transpose()?;
    let mut options = CompileOptions { held_out, ..options.clone() };
    show_ids(&checkpoint, args.quantise.input.is_some(), &mut options);
    Ok(veritorch::compile_checkpoint(checkpoint, &calibration, &options, terminal)?)
}

/// What a language model gives: the tokens that it says, and where its ids are hidden, whether the text is what it says.
fn head(args: &CompileArgs) -> Result<Head, Failure> {
    let input = args.quantise.input.map_or(Visibility::Public, Visibility::from);
    let output = Visibility::from(args.quantise.output);
    let hides_text = !args.logits && input != Visibility::Public && output == Visibility::Public;
    if args.sample && input != Visibility::Public {
        return Err(Failure::usage("--sample", "the seed is an input that everybody sees, and so are all inputs: leave --input away, or have it public"));
    }
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Failure::usage("--temperature", "expected a number greater than 0; without --sample tokens are the likeliest"));
    }
    let sampling = args.sample.then_some(Sampling { temperature: args.temperature, top_k: args.top_k });
    Ok(Head { next_ids: !args.logits, sampling, hides_text })
}

/// Reads a folder as it is compiled unless one says otherwise.
pub(super) fn load(path: &Path, tokens: Option<usize>, terminal: &Terminal) -> Result<Checkpoint, Failure> {
    let options = LoadOptions { head: Head { next_ids: true, ..Head::default() }, ..LoadOptions::new(seq_len(tokens)?) };
    Ok(veritorch::import_checkpoint(path, &options, terminal)?)
}

fn seq_len(tokens: Option<usize>) -> Result<usize, Failure> {
    tokens.ok_or_else(|| {
        Failure::usage("--seq-len", "is missing: how many tokens a sequence of the checkpoint has, as in `--seq-len 64`")
    })
}

/// The ids of a model that generates texts are public unless the user has chosen.
pub(super) fn show_ids(checkpoint: &Checkpoint, is_chosen: bool, options: &mut CompileOptions) {
    if !is_chosen && veritorch::generates_texts(checkpoint) {
        options.quantise.policy.input = Visibility::Public;
    }
}

fn calibration(path: &Path, checkpoint: &Checkpoint) -> Result<Arrays, Failure> {
    let is_arrays = path.extension().is_some_and(|extension| extension == "npz" || extension == "npy");
    if is_arrays {
        let mut names = veritorch::graph_inputs(&checkpoint.graph);
        names.retain(|name| name != SEED);
        return read_named(path, &names);
    }
    let bytes = veritorch::artefact::read(path)?;
    let text = String::from_utf8(bytes).map_err(|error| Error::Io {
        action: "read",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, format!("expected a text in UTF-8 or an .npz file: {}", error.utf8_error())),
    })?;
    Ok(veritorch::calibration_from_text(checkpoint, &text)?)
}
