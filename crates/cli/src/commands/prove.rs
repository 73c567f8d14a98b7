//! `prove`: the quantised model with a proof.

use std::time::Instant;

use serde_json::json;
use veritorch::inspect::bits;

use super::{check_destinations, load_key, print, print_json, show, write_text};
use crate::args::ProveArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn prove(args: &ProveArgs, terminal: &Terminal) -> Result<(), Failure> {
    check_destinations([Some(args.output.as_path()), args.report.as_deref()])?;
    let circuit = load_key(&args.key, terminal)?;
    let inputs = arrays::read(&args.input)?.named("input", &circuit.input_names())?;
    let start = Instant::now();
    let proven = circuit.prove(&inputs, terminal)?;
    let seconds = start.elapsed().as_secs_f64();
    proven.proof.save(&args.output)?;
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
            "warnings": warnings,
        }));
    }
    let samples = if proven.batch == 1 { "1 sample".to_owned() } else { format!("{} samples", proven.batch) };
    let text = format!(
        "proved {samples} in {seconds:.3} s: {} ({bytes} bytes, {} bits)\n{}",
        args.output.display(),
        bits(security),
        show::to_text(&proven.outputs, proven.batch)
    );
    print(&text)
}
