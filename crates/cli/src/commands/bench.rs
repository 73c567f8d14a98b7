//! `bench`: every phase, measured.

use veritorch::bench::{BenchOptions, BenchReport, ThreadsReport, bench as measure, synthetic_data, synthetic_texts};
use veritorch::inspect::bits;
use veritorch::{Arrays, ModelGraph, zoo};

use super::{folder, print, print_json};
use crate::args::BenchArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb, with each of these numbers of threads.
pub(crate) fn bench(args: &BenchArgs, threads: &[usize], terminal: &Terminal) -> Result<(), Failure> {
    let mut options = BenchOptions { compile: args.quantise.options()?, repeat: args.repeat, threads: threads.to_vec() };
    if args.batch == 0 || args.repeat == 0 {
        return Err(Failure::usage("--batch and --repeat", "0, expected at least 1"));
    }
    let Subject { graph, noise } = subject(args, &mut options, terminal)?;
    let (calibration, inputs) = match &args.data {
        Some(path) => {
            let calibration = arrays::read(path)?.named("input", &veritorch::graph_inputs(&graph))?;
            let inputs = first_samples(&graph, &calibration, args.batch)?;
            (calibration, inputs)
        }
        None => noise,
    };
    let report = measure(graph, &calibration, &inputs, &options, terminal)?;
    terminal.finish();
    if args.json { print_json(&report) } else { print(&to_text(&report)) }
}

/// What is measured, with calibration samples and a batch in case that none are given.
struct Subject {
    graph: ModelGraph,
    noise: (Arrays, Arrays),
}

fn subject(args: &BenchArgs, options: &mut BenchOptions, terminal: &Terminal) -> Result<Subject, Failure> {
    let language = match (&args.model, &args.built_in) {
        (Some(path), _) if path.is_dir() => Some(folder::load(path, args.seq_len, terminal)?),
        (None, Some(name)) => zoo::language_model(name, args.seq_len).transpose()?,
        _ => None,
    };
    if let Some(checkpoint) = language {
        folder::show_ids(&checkpoint, args.quantise.input.is_some(), &mut options.compile);
        let noise = synthetic_texts(&checkpoint, args.batch);
        return Ok(Subject { graph: checkpoint.graph, noise });
    }
    if args.seq_len.is_some() {
        return Err(Failure::usage("--seq-len", "is for folders and built-in language models"));
    }
    let graph = match (&args.model, &args.built_in) {
        (Some(path), _) => veritorch::import(path, &args.import.options(), terminal)?,
        (None, Some(name)) => zoo::model(name)?,
        (None, None) => return Err(Failure::usage("bench", "expected MODEL.onnx, MODEL.tflite, FOLDER or --model NAME")),
    };
    let noise = synthetic_data(&graph, args.batch);
    Ok(Subject { graph, noise })
}

/// The first `batch` samples of each array, from the start again where there are fewer.
fn first_samples(graph: &veritorch::ModelGraph, data: &Arrays, batch: usize) -> Result<Arrays, Failure> {
    let mut inputs = Arrays::new();
    for &id in &graph.inputs {
        let value = graph.value(id);
        let array = data.get(&value.name).filter(|array| array.data.len() >= value.len()).ok_or_else(|| {
            Failure::usage("--data", format!("expected samples for the input `{}`", value.name))
        })?;
        let samples = array.data.len() / value.len() * value.len();
        let values = array.data[..samples].iter().copied().cycle().take(batch * value.len()).collect();
        let shape = [&[batch], value.shape.as_slice()].concat();
        inputs.insert(value.name.clone(), veritorch::Array { shape, data: values });
    }
    Ok(inputs)
}

fn to_text(report: &BenchReport) -> String {
    let mut text = format!("`{}`, {}, batch {}, best of {}\n\n", report.model, threads(report.threads), report.batch, report.repeat);
    text.push_str(&format!("{:<22}{:>12}{:>12}{:>14}\n", "phase", "seconds", "median", "peak memory"));
    for phase in &report.phases {
        let memory = phase.peak_bytes.map_or("-".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
        text.push_str(&format!("{:<22}{:>12.4}{:>12.4}{memory:>14}\n", phase.phase, phase.seconds, phase.median_seconds));
        if phase.phase == "prove" {
            for part in &report.prove_phases {
                text.push_str(&format!("  {:<20}{:>12.4}\n", part.phase, part.seconds));
            }
        }
    }
    text.push_str(&format!("\nper sample            {:.4} s\n", report.prove_seconds_per_sample));
    text.push_str(&format!("predicted, one core   {:.4} s\n", report.predicted_seconds));
    text.push_str(&format!("proof                 {} bytes, file {} bytes\n", report.proof_bytes, report.proof_file_bytes));
    text.push_str(&format!("prover's key          {} bytes\n", report.prover_key_bytes));
    text.push_str(&format!("verifier's key        {} bytes\n", report.verifier_key_bytes));
    text.push_str(&format!("security              {} bits\n", bits(report.security_bits)));
    if report.runs.len() > 1 {
        text.push_str(&format!("\n{:<22}{:>12}{:>12}{:>12}{:>12}\n", "threads", "prove", "median", "verify", "median"));
        report.runs.iter().for_each(|run| text.push_str(&line(run)));
    }
    text
}

fn line(run: &ThreadsReport) -> String {
    let (prove, verify) = ([run.prove_seconds, run.prove_median_seconds], [run.verify_seconds, run.verify_median_seconds]);
    let seconds: String = prove.iter().chain(&verify).map(|seconds| format!("{seconds:>12.4}")).collect();
    format!("{:<22}{seconds}\n", run.threads)
}

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}
