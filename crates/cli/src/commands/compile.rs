//! `compile`: an ONNX model or a checkpoint becomes a prover's key and a verifier's key.

use std::time::Instant;

use serde_json::json;
use veritorch::inspect::{bits, whole_tenths};
use veritorch::ledger::ledger_path;
use veritorch::{CompileOptions, NodeReport, QuantisationReport, verifier_path};

use super::folder::compile_folder;
use super::{check_destinations, print, print_json, write_text};
use crate::args::CompileArgs;
use crate::arrays::{self, Loaded};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn compile(args: &CompileArgs, terminal: &Terminal) -> Result<(), Failure> {
    let start = Instant::now();
    let verifier = verifier_path(&args.output_file)?;
    check_destinations([Some(args.output_file.as_path()), Some(verifier.as_path()), args.report.as_deref()])?;
    let options = args.quantise.options()?;
    let circuit = if args.model.is_dir() {
        if !args.import.is_empty() {
            return Err(Failure::usage("--shape, --axis and --fix", "they are for ONNX and TensorFlow Lite files; a folder takes --seq-len"));
        }
        compile_folder(args, &options, terminal)?
    } else {
        if args.seq_len.is_some() {
            return Err(Failure::usage("--seq-len", "the shapes of a model's file are in the file; folders take a sequence length"));
        }
        let graph = veritorch::import(&args.model, &args.import.options(), terminal)?;
        let names = veritorch::graph_inputs(&graph);
        let calibration = read_named(&args.calibration, &names)?;
        let held_out = args.accuracy_report.as_ref().map(|path| read_named(path, &names)).transpose()?;
        let options = CompileOptions { held_out, ..options };
        veritorch::compile_graph(graph, &calibration, &options, terminal)?
    };
    veritorch::Progress::phase(terminal, "write");
    circuit.save(&args.output_file)?;
    if let Some(path) = &args.report {
        write_text(path, &super::json(circuit.quantisation()))?;
    }
    terminal.finish();
    let report = circuit.inspect(1)?;
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if args.json {
        return print_json(&json!({
            "model": report.model,
            "prover_key": args.output_file,
            "prover_key_bytes": size(&args.output_file),
            "verifier_key": verifier,
            "verifier_key_bytes": size(&verifier),
            "circuit_digest": report.circuit_digest,
            "model_commitment": report.model_commitment,
            "lifetime": report.lifetime,
            "security_bits": whole_tenths(report.security.bits),
            "quantisation": circuit.report(),
            "seconds": start.elapsed().as_secs_f64(),
        }));
    }
    let mut text = format!("compiled `{}` in {:.2} s\n", report.model, start.elapsed().as_secs_f64());
    let summary = QuantisationReport { nodes: Vec::new(), ..circuit.quantisation().clone() };
    text.push_str(&summary.to_string());
    if let Some(held_out) = &circuit.quantisation().held_out {
        text.push_str(&worst_values(&held_out.nodes));
    }
    text.push_str(&format!("security          {} bits, profile {}\n", bits(report.security.bits), report.profile));
    text.push_str(&format!("circuit           {}\n", report.circuit_digest));
    text.push_str(&format!("model commitment  {}\n", report.model_commitment));
    if let (Some(lifetime), Some(_)) = (report.lifetime, report.openings_left) {
        text.push_str(&format!("lifetime          {lifetime} proofs, counted in {}\n", ledger_path(&args.output_file).display()));
    }
    text.push_str(&format!("prover's key      {} ({} bytes)\n", args.output_file.display(), size(&args.output_file)));
    text.push_str(&format!("verifier's key    {} ({} bytes)\n", verifier.display(), size(&verifier)));
    print(&text)
}

/// The values with the greatest errors.
fn worst_values(nodes: &[NodeReport]) -> String {
    const SHOWN: usize = 10;
    let mut nodes: Vec<&NodeReport> = nodes.iter().collect();
    nodes.sort_by(|a, b| b.drift.total_cmp(&a.drift));
    let mut text = format!("    {:>8}  {:>10}  {:>4}  greatest errors of {} values (--report has all)\n", "drift", "cosine", "bits", nodes.len());
    for node in nodes.into_iter().take(SHOWN) {
        text.push_str(&format!("    {:>6.3} %  {:>10.6}  {:>4}  {}\n", 100.0 * node.drift, node.cosine, node.bits, node.name));
    }
    text
}

/// Reads arrays for a model with these inputs.
pub(super) fn read_named(path: &std::path::Path, names: &[String]) -> Result<veritorch::Arrays, Failure> {
    let loaded: Loaded = arrays::read(path)?;
    Ok(loaded.named("input", names)?)
}
