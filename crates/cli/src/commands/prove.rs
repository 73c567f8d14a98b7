//! `prove`: the quantised model with a proof.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use veritorch::commitment::opening_path;
use veritorch::inspect::bits;
use veritorch::{CommitmentOpening, Inputs, Proven, parts_folder, remove_parts};

use super::{check_destinations, load_key, print, print_json, show, write_text};
use crate::args::ProveArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn prove(args: &ProveArgs, terminal: &Terminal) -> Result<(), Failure> {
    check_destinations([Some(args.output.as_path()), args.report.as_deref()])?;
    let circuit = load_key(&args.key, terminal)?;
    let arrays = match &args.input {
        Some(path) => Some(arrays::read(path)?.named("input", &circuit.input_names())?),
        None => None,
    };
    let opening = args.input_commitment.as_deref().map(CommitmentOpening::load).transpose()?;
    let inputs = match (&arrays, &opening) {
        (Some(arrays), Some(opening)) => Inputs::Both(arrays, opening),
        (Some(arrays), None) => Inputs::Values(arrays),
        (None, Some(opening)) => Inputs::Committed(opening),
        (None, None) => return Err(Failure::usage("--input", "neither it nor --input-commitment is given")),
    };
    let start = Instant::now();
    let parts = parts_folder(&args.output);
    let proven = circuit.prove_resumable(inputs, args.openings, &parts, terminal)?;
    let seconds = start.elapsed().as_secs_f64();
    let commitments = save_commitments(&args.output, &proven)?;
    proven.proof.save(&args.output)?;
    remove_parts(&parts)?;
    terminal.finish();
    proven.saturations.iter().for_each(|saturation| terminal.warning(&saturation.to_string()));
    let security = proven.proof.inspect().security.bits;
    if let Some(path) = &args.report {
        let mut report = circuit.inspect(proven.batch)?;
        report.set_measured(&proven.timings);
        write_text(path, &super::json(&report))?;
    }
    let bytes = std::fs::metadata(&args.output).map_or(0, |metadata| metadata.len());
    if args.json {
        let timings: serde_json::Map<_, _> =
            proven.timings.iter().map(|(name, seconds)| (name.clone(), json!(seconds))).collect();
        let warnings: Vec<String> = proven.saturations.iter().map(ToString::to_string).collect();
        return print_json(&json!({
            "proof": args.output,
            "proof_bytes": bytes,
            "batch": proven.batch,
            "seconds": seconds,
            "phases": timings,
            "security_bits": security,
            "outputs": show::to_json(&proven.outputs),
            "commitments": commitments.iter().map(|(side, path)| json!({ "side": side, "path": path })).collect::<Vec<_>>(),
            "warnings": warnings,
        }));
    }
    let samples = if proven.batch == 1 { "1 sample".to_owned() } else { format!("{} samples", proven.batch) };
    let mut text = format!(
        "proved {samples} in {seconds:.3} s: {} ({bytes} bytes, {} bits)\n{}",
        args.output.display(),
        bits(security),
        show::to_text(&proven.outputs, proven.batch)
    );
    for (side, path) in &commitments {
        text.push_str(&format!("committed {side}: {}, with what opens it in {}\n", path.display(), opening_path(path).display()));
    }
    print(&text)
}

/// Writes the commitments that were made for the proof beside it: `P.proof.input.commitment`, `P.proof.output.commitment`.
pub(super) fn save_commitments(proof: &Path, proven: &Proven) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    let mut saved = Vec::new();
    for (side, opening) in [("input", &proven.committed_inputs), ("output", &proven.committed_outputs)] {
        if let Some(opening) = opening {
            let mut path = proof.to_owned().into_os_string();
            path.push(format!(".{side}.commitment"));
            opening.save(Path::new(&path))?;
            saved.push((side, PathBuf::from(path)));
        }
    }
    Ok(saved)
}
