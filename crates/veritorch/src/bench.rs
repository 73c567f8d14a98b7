//! Every phase of a model's way to a verified proof, measured.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use veritorch_graph::model::ModelGraph;
use veritorch_prove::DEFAULT_LIFETIME;

use crate::artefact::write_private_pieces;
use crate::circuit::is_public;
use crate::compile::compile_graph;
use crate::inspect::whole_tenths;
use crate::memory::{peak_bytes, reset_peak};
use crate::{Arrays, Checkpoint, CompileOptions, CompiledCircuit, Error, Progress, Proven, Verifier};

/// What a phase took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseMeasure {
    /// Name of the phase.
    pub phase: String,
    /// Least seconds over all repetitions.
    pub seconds: f64,
    /// Median seconds over all repetitions.
    pub median_seconds: f64,
    /// Greatest resident memory of the process during it, where the system tells.
    pub peak_bytes: Option<u64>,
}

/// `run`, `prove` and `verify` with one number of threads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreadsReport {
    /// Threads.
    pub threads: usize,
    /// `run`, `prove`, `verify` with seconds and peak memory.
    pub phases: Vec<PhaseMeasure>,
    /// The prover's own phases in the fastest repetition.
    pub prove_phases: Vec<PhaseMeasure>,
    /// Seconds of proving, of the fastest repetition.
    pub prove_seconds: f64,
    /// Seconds of proving, the median.
    pub prove_median_seconds: f64,
    /// Seconds of proving for one sample, of the fastest repetition.
    pub prove_seconds_per_sample: f64,
    /// Seconds of verifying, of the fastest repetition.
    pub verify_seconds: f64,
    /// Seconds of verifying, the median.
    pub verify_median_seconds: f64,
}

/// What [`bench`] measured. Figures that depend on the number of threads are those of the first one.
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
    /// Seconds of proving, the median.
    pub prove_median_seconds: f64,
    /// Seconds of proving for one sample, of the fastest repetition.
    pub prove_seconds_per_sample: f64,
    /// Seconds of verifying, of the fastest repetition.
    pub verify_seconds: f64,
    /// Seconds of verifying, the median.
    pub verify_median_seconds: f64,
    /// One entry for each number of threads, the first one included.
    pub runs: Vec<ThreadsReport>,
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

/// What is measured, and how often.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// How the model is compiled.
    pub compile: CompileOptions,
    /// Repetitions of run, prove and verify, at least 1.
    pub repeat: usize,
    /// Numbers of threads, each for a series of its own; the caller's pool where there is none.
    pub threads: Vec<usize>,
}

/// Compiles, runs, proves and verifies. `inputs` holds the samples of the proof.
///
/// # Errors
/// Whatever fails first.
pub fn bench(
    graph: ModelGraph,
    calibration: &Arrays,
    inputs: &Arrays,
    options: &BenchOptions,
    progress: &dyn Progress,
) -> Result<BenchReport, Error> {
    if options.repeat == 0 {
        return Err(Error::Option { option: "repeat", reason: "0, expected at least 1".to_owned() });
    }
    let mut pools = options.threads.iter().map(|&threads| pool(threads)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let first = pools.next();
    let mut compile = options.compile.clone();
    if !is_public(compile.quantise.policy.weights) {
        let proofs = options.repeat * options.threads.len().max(1);
        compile.lifetime = Some(compile.lifetime.unwrap_or(DEFAULT_LIFETIME).max(proofs));
    }
    let folder = tempfile::tempdir().map_err(|source| Error::Io { action: "write", path: std::env::temp_dir(), source })?;
    let mut stopwatch = Stopwatch::default();
    let (circuit, prover_key_bytes) = within(first.as_ref(), || {
        let compiled = stopwatch.time("compile", || compile_graph(graph, calibration, &compile, progress))?;
        let path = folder.path().join("bench.vt");
        write_private_pieces(&path, &compiled.to_pieces())?;
        let counter = compiled.counter.clone();
        drop(compiled);
        let mut circuit = stopwatch.time("load", || CompiledCircuit::load(&path))?;
        // There is no ledger beside the file: what was counted in memory goes on.
        circuit.counter = counter;
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Ok::<_, Error>((circuit, bytes as usize))
    })?;
    let verifier_bytes = circuit.verifier().to_bytes();
    let verifier = Verifier::from_bytes(Path::new("bench.vk"), &verifier_bytes)?;
    let series = |pool: Option<&ThreadPool>| within(pool, || series(&circuit, &verifier, inputs, options.repeat, progress));
    let Series { report, proven, security_bits } = series(first.as_ref())?;
    let mut runs = vec![report.clone()];
    for pool in pools {
        runs.push(series(Some(&pool))?.report);
    }
    Ok(BenchReport {
        model: circuit.circuit().name.clone(),
        threads: report.threads,
        batch: proven.batch,
        repeat: options.repeat,
        phases: [stopwatch.measures(), report.phases].concat(),
        prove_phases: report.prove_phases,
        prove_seconds: report.prove_seconds,
        prove_median_seconds: report.prove_median_seconds,
        prove_seconds_per_sample: report.prove_seconds_per_sample,
        verify_seconds: report.verify_seconds,
        verify_median_seconds: report.verify_median_seconds,
        runs,
        proof_bytes: proven.proof.transcript_bytes(),
        proof_file_bytes: proven.proof.to_bytes().len(),
        prover_key_bytes,
        verifier_key_bytes: verifier_bytes.len(),
        security_bits,
        predicted_seconds: circuit.inspect(proven.batch)?.totals.map_or(0.0, |totals| totals.predicted_seconds),
    })
}

fn pool(threads: usize) -> Result<ThreadPool, Error> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Error::Option { option: "threads", reason: error.to_string() })
}

/// Calls on a pool, or where the caller is.
fn within<T: Send>(pool: Option<&ThreadPool>, call: impl FnOnce() -> T + Send) -> T {
    match pool {
        Some(pool) => pool.install(call),
        None => call(),
    }
}

/// Repetitions with one number of threads.
struct Series {
    report: ThreadsReport,
    /// The fastest.
    proven: Proven,
    security_bits: f64,
}

fn series(
    circuit: &CompiledCircuit,
    verifier: &Verifier,
    inputs: &Arrays,
    repeat: usize,
    progress: &dyn Progress,
) -> Result<Series, Error> {
    let mut stopwatch = Stopwatch::default();
    let mut best: Option<(f64, Proven)> = None;
    let mut security_bits = 0.0;
    for _ in 0..repeat {
        stopwatch.time("run", || circuit.run(inputs))?;
        let before = Instant::now();
        let proven = stopwatch.time("prove", || circuit.prove(inputs, progress))?;
        let seconds = before.elapsed().as_secs_f64();
        let verified = stopwatch.time("verify", || verifier.verify(&proven.proof))?;
        security_bits = whole_tenths(verified.security.bits);
        if best.as_ref().is_none_or(|(least, _)| seconds < *least) {
            best = Some((seconds, proven));
        }
    }
    let Some((_, proven)) = best else { return Err(Error::Interrupted) };
    let phases = stopwatch.measures();
    let of = |phase: &str| phases.iter().find(|measure| measure.phase == phase).map_or((0.0, 0.0), |m| (m.seconds, m.median_seconds));
    let ((prove_seconds, prove_median_seconds), (verify_seconds, verify_median_seconds)) = (of("prove"), of("verify"));
    let own = |(phase, seconds): &(String, f64)| PhaseMeasure {
        phase: phase.clone(),
        seconds: *seconds,
        median_seconds: *seconds,
        peak_bytes: None,
    };
    let report = ThreadsReport {
        threads: rayon::current_num_threads(),
        prove_phases: proven.timings.iter().map(own).collect(),
        prove_seconds,
        prove_median_seconds,
        prove_seconds_per_sample: prove_seconds / proven.batch as f64,
        verify_seconds,
        verify_median_seconds,
        phases,
    };
    Ok(Series { report, proven, security_bits })
}

/// Seconds and peak memory of each call of a phase, in the order of first use.
#[derive(Default)]
struct Stopwatch {
    phases: Vec<(&'static str, Vec<f64>, Option<u64>)>,
}

impl Stopwatch {
    fn time<T>(&mut self, phase: &'static str, call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        reset_peak();
        let start = Instant::now();
        let result = call()?;
        let (seconds, peak) = (start.elapsed().as_secs_f64(), peak_bytes());
        match self.phases.iter_mut().find(|(known, _, _)| *known == phase) {
            Some((_, all, most)) => {
                all.push(seconds);
                *most = (*most).max(peak);
            }
            None => self.phases.push((phase, vec![seconds], peak)),
        }
        Ok(result)
    }

    fn measures(&self) -> Vec<PhaseMeasure> {
        let measure = |(phase, seconds, peak_bytes): &(&'static str, Vec<f64>, Option<u64>)| PhaseMeasure {
            phase: (*phase).to_owned(),
            seconds: seconds.iter().copied().fold(f64::INFINITY, f64::min),
            median_seconds: median(seconds),
            peak_bytes: *peak_bytes,
        };
        self.phases.iter().map(measure).collect()
    }
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    (middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2)) / 2.0
}

/// Sequences of random ids to calibrate a checkpoint with, and a batch to prove.
#[must_use]
pub fn synthetic_texts(checkpoint: &Checkpoint, batch: usize) -> (Arrays, Arrays) {
    (crate::zoo::random_ids(checkpoint, 4, 1), crate::zoo::random_ids(checkpoint, batch, 2))
}

/// Calibration samples for a built-in model, and a batch to prove.
#[must_use]
pub fn synthetic_data(graph: &ModelGraph, batch: usize) -> (Arrays, Arrays) {
    (crate::zoo::noise(graph, 16, 1), crate::zoo::noise(graph, batch, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[3.0, 1.0]), 2.0);
        assert_eq!(median(&[5.0, 1.0, 2.0]), 2.0);
    }
}
