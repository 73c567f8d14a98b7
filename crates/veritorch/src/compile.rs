//! From a float model to a committed circuit.

use std::path::Path;

use veritorch_graph::circuit::CircuitError;
use veritorch_graph::model::ModelGraph;
use veritorch_graph::segments::choose_cuts;
use veritorch_onnx::ImportOptions;
use veritorch_prove::{DEFAULT_LIFETIME, Profile, ProvingKey, Setup};
use veritorch_quantise::QuantiseOptions;

use crate::circuit::{CompiledCircuit, is_public};
use crate::port::{Expected, match_arrays};
use crate::progress::begin;
use crate::{Array, Arrays, Error, Progress, memory};

/// Options of [`compile`].
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// Name of the model; by default the one in the file.
    pub name: Option<String>,
    /// Bits, targets, labels and policy.
    pub quantise: QuantiseOptions,
    /// Data that takes no part in calibration, to measure the result on; as the calibration data.
    pub held_out: Option<Arrays>,
    /// Security level.
    pub profile: Profile,
    /// Proofs that the model commitment covers, [`DEFAULT_LIFETIME`] unless said otherwise. Public weights have none.
    pub lifetime: Option<usize>,
    /// Bytes that proving one sample may take, as far as can be told: a larger circuit is cut into segments that are proved one by one.
    pub memory: Option<u64>,
}

/// Compiles an ONNX or TensorFlow Lite file: imports, calibrates, quantises and commits to the weights.
///
/// `calibration` has one array per input of the model: one sample in the input's own shape, or several on a leading axis.
///
/// # Errors
/// Whatever is wrong with the file, the data or the options; [`Error::Interrupted`].
pub fn compile(
    path: &Path,
    calibration: &Arrays,
    options: &CompileOptions,
    progress: &dyn Progress,
) -> Result<CompiledCircuit, Error> {
    compile_graph(import(path, &ImportOptions::default(), progress)?, calibration, options, progress)
}

/// Names that exporters give to every graph.
const GENERIC_NAMES: [&str; 6] = ["", "graph", "main", "main_graph", "torch_jit", "torch-jit-export"];

/// Reads an ONNX file, or a TensorFlow Lite file by its ending, into a model graph; the options say what the file leaves open. A model whose file gives it no name of its own is called as the file.
///
/// # Errors
/// Whatever is wrong with the file; [`Error::Interrupted`].
pub fn import(path: &Path, options: &ImportOptions, progress: &dyn Progress) -> Result<ModelGraph, Error> {
    begin(progress, "import")?;
    let mut graph = if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tflite")) {
        veritorch_tflite::load_with(path, options).map_err(|source| Error::Tflite { path: path.to_owned(), source })?
    } else {
        veritorch_onnx::load_with(path, options).map_err(|source| Error::Onnx { path: path.to_owned(), source })?
    };
    if GENERIC_NAMES.contains(&graph.name.as_str())
        && let Some(stem) = path.file_stem()
    {
        graph.name = stem.to_string_lossy().into_owned();
    }
    Ok(graph)
}

/// The same of the bytes of an ONNX or TensorFlow Lite file; `name` is what errors call it.
///
/// # Errors
/// As [`import`].
pub fn import_bytes(data: &[u8], name: &Path, options: &ImportOptions) -> Result<ModelGraph, Error> {
    if veritorch_tflite::is_tflite(data) {
        veritorch_tflite::load_bytes_with(data, options).map_err(|source| Error::Tflite { path: name.to_owned(), source })
    } else {
        veritorch_onnx::load_bytes_with(data, None, options).map_err(|source| Error::Onnx { path: name.to_owned(), source })
    }
}

/// Names of a graph's inputs, in its order.
#[must_use]
pub fn graph_inputs(graph: &ModelGraph) -> Vec<String> {
    graph.inputs.iter().map(|&id| graph.value(id).name.clone()).collect()
}

/// Compiles a model graph that is in memory.
///
/// # Errors
/// As [`compile`].
pub fn compile_graph(
    mut graph: ModelGraph,
    calibration: &Arrays,
    options: &CompileOptions,
    progress: &dyn Progress,
) -> Result<CompiledCircuit, Error> {
    if let Some(name) = &options.name {
        graph.name.clone_from(name);
    }
    options.quantise.policy.check().map_err(|error| match error {
        CircuitError::Item { reason, .. } | CircuitError::Tensor { reason, .. } => Error::Option { option: "policy", reason },
    })?;
    let lifetime = lifetime_of(options)?;
    let samples = samples_of("calibration", &graph, calibration)?;
    let held_out = options.held_out.as_ref().map(|data| samples_of("held-out", &graph, data)).transpose()?;
    begin(progress, "quantise")?;
    let quantise = QuantiseOptions { held_out, ..options.quantise.clone() };
    let quantised = veritorch_quantise::quantise(&graph, &samples, &quantise)?;
    drop(graph);
    begin(progress, "commit to the model")?;
    let setup = Setup { profile: options.profile, lifetime };
    let cuts = match options.memory {
        Some(budget) => choose_cuts(&quantised.circuit, budget, memory::estimate).map_err(|error| too_small(budget, error))?,
        None => Vec::new(),
    };
    let key = ProvingKey::setup_segments(quantised.circuit, quantised.params, &cuts, setup, progress)?;
    CompiledCircuit::new(key, quantised.report)
}

fn too_small(budget: u64, error: CircuitError) -> Error {
    let (CircuitError::Item { reason, .. } | CircuitError::Tensor { reason, .. }) = error;
    Error::Option { option: "memory", reason: format!("{} MB is too little: {reason}", budget >> 20) }
}

/// Proofs that the model commitment will cover. Public weights need no masks.
fn lifetime_of(options: &CompileOptions) -> Result<usize, Error> {
    let wrong = |reason: &str| Err(Error::Option { option: "lifetime", reason: reason.to_owned() });
    match (is_public(options.quantise.policy.weights), options.lifetime) {
        (true, None) => Ok(0),
        (true, Some(_)) => wrong("public weights are not limited to a number of proofs"),
        (false, Some(0)) => wrong("0 proofs, expected at least 1"),
        (false, lifetime) => Ok(lifetime.unwrap_or(DEFAULT_LIFETIME)),
    }
}

/// Data in the order of the model's inputs.
fn samples_of(what: &'static str, graph: &ModelGraph, data: &Arrays) -> Result<Vec<Vec<f32>>, Error> {
    let expected: Vec<Expected<'_>> = graph
        .inputs
        .iter()
        .map(|&id| {
            let value = graph.value(id);
            Expected { name: &value.name, shape: &value.shape }
        })
        .collect();
    let (arrays, _) = match_arrays(what, &expected, data)?;
    Ok(arrays.into_iter().map(|array: &Array| array.data.clone()).collect())
}
