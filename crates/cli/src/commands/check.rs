//! `check`: does a model work, and if not, what stands in the way?

use super::{print, print_json};
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn check(args: &CheckArgs, terminal: &Terminal) -> Result<(), Failure> {
    if args.model.is_dir() && !args.import.is_empty() {
        return Err(Failure::usage("--shape, --axis and --fix", "they are for ONNX and TensorFlow Lite files; a folder takes --seq-len"));
    }
    if !args.model.is_dir() && args.seq_len.is_some() {
        return Err(Failure::usage("--seq-len", "the shapes of a model's file are in the file; folders take a sequence length"));
    }
    let report = veritorch::check(&args.model, &args.import.options(), args.seq_len, terminal)?;
    terminal.finish();
    if args.json {
        print_json(&report)?;
    } else {
        print(&report.to_string())?;
    }
    if report.works { Ok(()) } else { Err(Failure::Obstacles(report.obstacles.len())) }
}
