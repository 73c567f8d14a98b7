//! Every phase of a model's way to a verified proof, measured.

use std::time::Instant;

use serde::Serialize;
use veritorch_graph::model::ModelGraph;

use crate::compile::compile_graph;
use crate::memory::{peak_bytes, reset_peak};
use crate::{Arrays, CompileOptions, Error, Progress, Verifier};

/// What a phase took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseMeasure {
    /// Name of the phase.
    pub phase: String,
    /// Least seconds over all repetitions.
    pub seconds: f64,
    /// Greatest resident memory of the process during it, where the system tells.
    pub peak_bytes: Option<u64>,
}

/// What [`bench`] measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// Name of the model.
    pub model: String,
    /// Threads.
    pub threads: usize,
    /// Samples in one proof.
    pub batch: usize,
    /// Repetitions of run, prove and verify.
    pub repeat: usize,
    /// `compile`, `load`, `run`, `prove`, `verify` with seconds and peak memory.
    pub phases: Vec<PhaseMeasure>,
    /// The prover's own phases in the fastest repetition.
    pub prove_phases: Vec<PhaseMeasure>,
    /// Seconds of proving, of the fastest repetition.
    pub prove_seconds: f64,
    /// The same for one sample.
    pub prove_seconds_per_sample: f64,
    /// Seconds of verifying, of the fastest repetition.
    pub verify_seconds: f64,
    /// Bytes of the proof's messages.
    pub proof_bytes: usize,
    /// Bytes of the `.proof` file.
    pub proof_file_bytes: usize,
    /// Bytes of the `.vt` file.
    pub prover_key_bytes: usize,
    /// Bytes of the `.vk` file.
    pub verifier_key_bytes: usize,
    /// Security of the proof.
    pub security_bits: f64,
    /// Predicted seconds of proving on one core.
    pub predicted_seconds: f64,
}

/// Compiles, runs, proves and verifies. `inputs` holds the samples of the proof.
///
/// # Errors
/// Whatever fails first.
pub fn bench(
    graph: ModelGraph,
    calibration: &Arrays,
    inputs: &Arrays,
    options: &CompileOptions,
    repeat: usize,
    progress: &dyn Progress,
) -> Result<BenchReport, Error> {
    if repeat == 0 {
        return Err(Error::Option { option: "repeat", reason: "0, expected at least 1".to_owned() });
    }
    let mut phases = Vec::new();
    let circuit = measure(&mut phases, "compile", || compile_graph(graph, calibration, options, progress))?;
    let bytes = circuit.to_bytes();
    drop(circuit);
    let name = std::path::Path::new("bench.vt");
    let circuit = measure(&mut phases, "load", || crate::CompiledCircuit::from_bytes(name, &bytes))?;
    let prover_key_bytes = bytes.len();
    drop(bytes);
    let verifier_bytes = circuit.verifier().to_bytes();
    let verifier = Verifier::from_bytes(std::path::Path::new("bench.vk"), &verifier_bytes)?;

    let mut best: Option<(f64, crate::Proven)> = None;
    let mut security_bits = 0.0;
    for _ in 0..repeat {
        measure(&mut phases, "run", || circuit.run(inputs))?;
        let before = Instant::now();
        let proven = measure(&mut phases, "prove", || circuit.prove(inputs, progress))?;
        let seconds = before.elapsed().as_secs_f64();
        let verified = measure(&mut phases, "verify", || verifier.verify(&proven.proof))?;
        security_bits = verified.security.bits;
        if best.as_ref().is_none_or(|(least, _)| seconds < *least) {
            best = Some((seconds, proven));
        }
    }
    let Some((prove_seconds, proven)) = best else {
        return Err(Error::Interrupted);
    };
    let least = |phase: &str| phases.iter().find(|measure| measure.phase == phase).map_or(0.0, |measure| measure.seconds);
    let verify_seconds = least("verify");
    Ok(BenchReport {
        model: circuit.circuit().name.clone(),
        threads: rayon::current_num_threads(),
        batch: proven.batch,
        repeat,
        prove_phases: proven
            .timings
            .iter()
            .map(|(phase, seconds)| PhaseMeasure { phase: phase.clone(), seconds: *seconds, peak_bytes: None })
            .collect(),
        prove_seconds,
        prove_seconds_per_sample: prove_seconds / proven.batch as f64,
        verify_seconds,
        proof_bytes: proven.proof.transcript_bytes(),
        proof_file_bytes: proven.proof.to_bytes().len(),
        prover_key_bytes,
        verifier_key_bytes: verifier_bytes.len(),
        security_bits,
        predicted_seconds: circuit.inspect(proven.batch)?.totals.map_or(0.0, |totals| totals.predicted_seconds),
        phases,
    })
}

/// Runs a phase; of several runs the least time and the greatest memory are kept.
fn measure<T>(phases: &mut Vec<PhaseMeasure>, phase: &str, call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    reset_peak();
    let start = Instant::now();
    let result = call()?;
    let (seconds, peak_bytes) = (start.elapsed().as_secs_f64(), peak_bytes());
    match phases.iter_mut().find(|measure| measure.phase == phase) {
        Some(measure) => {
            measure.seconds = measure.seconds.min(seconds);
            measure.peak_bytes = measure.peak_bytes.max(peak_bytes);
        }
        None => phases.push(PhaseMeasure { phase: phase.to_owned(), seconds, peak_bytes }),
    }
    Ok(result)
}

/// Calibration samples for a built-in model, and a batch to prove.
#[must_use]
pub fn synthetic_data(graph: &ModelGraph, batch: usize) -> (Arrays, Arrays) {
    (crate::zoo::noise(graph, 16, 1), crate::zoo::noise(graph, batch, 2))
}
