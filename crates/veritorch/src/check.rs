//! Does a model work, and if not, what stands in the way? Without calibration data.
//!
//! The model is imported, and then quantised on made-up numbers, which shows what has no circuit. What depends on the numbers
//! themselves (a divisor that reaches zero, a value that is not finite) cannot be known without real data and is a note, no obstacle.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use veritorch_checkpoint::{CheckpointError, LoadOptions};
use veritorch_graph::model::{ModelGraph, ModelOp, ValueId};
use veritorch_onnx::{ImportOptions, OnnxError};
use veritorch_quantise::{QuantiseError, QuantiseOptions, quantise};
use veritorch_tflite::TfliteError;

use crate::progress::begin;
use crate::{Error, Progress, import, import_bytes, import_checkpoint};

/// One thing that stands in the way of a model, or may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Node, input or tensor.
    pub node: String,
    /// Its operator, or `model`.
    pub operator: String,
    /// The user's source line, where the exporter kept it.
    pub source_line: Option<String>,
    /// What is not supported.
    pub reason: String,
    /// What can be done about it.
    pub suggestion: Option<String>,
}

/// What [`check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Name of the model, where it loads.
    pub model: Option<String>,
    /// Whether it compiles, given calibration data.
    pub works: bool,
    /// Inputs and their shapes, where it loads.
    pub inputs: BTreeMap<String, Vec<usize>>,
    /// Outputs and their shapes, where it loads.
    pub outputs: BTreeMap<String, Vec<usize>>,
    /// How many of each operator of the model graph there are, where it loads.
    pub operators: BTreeMap<String, usize>,
    /// What stands in the way.
    pub obstacles: Vec<Finding>,
    /// What depends on the calibration data.
    pub notes: Vec<Finding>,
}

/// Checks an ONNX or TensorFlow Lite file, or a Hugging Face folder at a sequence length (64, or what the model has).
///
/// # Errors
/// A file that cannot be read or is none of these; [`Error::Interrupted`].
pub fn check(path: &Path, options: &ImportOptions, seq_len: Option<usize>, progress: &dyn Progress) -> Result<CheckReport, Error> {
    let graph = if path.is_dir() { folder(path, seq_len, progress) } else { import(path, options, progress) };
    check_imported(graph, progress)
}

/// The same of the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// As [`check`].
pub fn check_bytes(data: &[u8], name: &Path, options: &ImportOptions, progress: &dyn Progress) -> Result<CheckReport, Error> {
    check_imported(import_bytes(data, name, options), progress)
}

fn check_imported(graph: Result<ModelGraph, Error>, progress: &dyn Progress) -> Result<CheckReport, Error> {
    match graph {
        Ok(graph) => check_graph(&graph, progress),
        Err(error) => Ok(CheckReport { obstacles: obstacles_of(error)?, ..CheckReport::default() }),
    }
}

/// Checks a model graph that is in memory.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check_graph(graph: &ModelGraph, progress: &dyn Progress) -> Result<CheckReport, Error> {
    begin(progress, "check")?;
    let ports = |ids: &[ValueId]| ids.iter().map(|&id| (graph.value(id).name.clone(), graph.value(id).shape.clone())).collect();
    let mut report = CheckReport {
        model: Some(graph.name.clone()),
        inputs: ports(&graph.inputs),
        outputs: ports(&graph.outputs),
        ..CheckReport::default()
    };
    for node in &graph.nodes {
        *report.operators.entry(node.op.name().to_owned()).or_default() += 1;
    }
    if graph.inputs.is_empty() {
        report.obstacles.push(Finding {
            node: graph.name.clone(),
            operator: "model".to_owned(),
            source_line: None,
            reason: "it has no inputs: all of it is constant".to_owned(),
            suggestion: None,
        });
        return Ok(report);
    }
    if let Err(error) = quantise(graph, &numbers(graph), &QuantiseOptions::default()) {
        let is_by_data = matches!(
            error,
            QuantiseError::NotFinite { .. } | QuantiseError::Execute(_) | QuantiseError::Model { .. } | QuantiseError::NotTotal { .. }
        ) || error.to_string().contains("one side of zero");
        let finding = quantiser_finding(graph, &error);
        if is_by_data { report.notes.push(finding) } else { report.obstacles.push(finding) }
    }
    report.works = report.obstacles.is_empty();
    Ok(report)
}

fn quantiser_finding(graph: &ModelGraph, error: &QuantiseError) -> Finding {
    let message = error.to_string();
    let known = graph.nodes.iter().find(|node| message.contains(&format!("`{}`", node.name)) || message.contains(&format!("`{} (", node.name)));
    Finding {
        node: known.map_or_else(|| graph.name.clone(), |node| node.name.clone()),
        operator: known.map_or_else(|| "model".to_owned(), |node| node.op.name().to_owned()),
        source_line: known.and_then(|node| node.source.clone()),
        reason: match error {
            QuantiseError::Unsupported { reason, .. } => reason.clone(),
            _ => message,
        },
        suggestion: Error::from(error.clone()).hint(),
    }
}

/// Numbers for every input, alike on every machine: a few samples between 1/8 and 1, whole numbers for ids and truth values.
fn numbers(graph: &ModelGraph) -> Vec<Vec<f32>> {
    let samples = 2;
    graph
        .inputs
        .iter()
        .map(|id| {
            let is_whole = graph.integers.contains(id) || graph.nodes.iter().any(|node| node.op == ModelOp::Embedding && node.inputs.get(1) == Some(id));
            let count = samples * graph.value(*id).len();
            let number = |k: usize| {
                let step = u8::try_from(k * 37 % 113).unwrap_or(0);
                if is_whole { f32::from(step % 2) } else { 0.125 + f32::from(step) / 128.0 }
            };
            (0..count).map(number).collect()
        })
        .collect()
}

/// A checkpoint's graph.
fn folder(path: &Path, seq_len: Option<usize>, progress: &dyn Progress) -> Result<ModelGraph, Error> {
    let load = |seq_len: usize| import_checkpoint(path, &LoadOptions::new(seq_len), progress);
    match (load(seq_len.unwrap_or(64)), seq_len) {
        (Err(Error::Checkpoint(CheckpointError::SequenceLength { most, .. })), None) => load(most),
        (result, _) => result,
    }
    .map(|checkpoint| checkpoint.graph)
}

/// What the importers refuse as findings; what is wrong with the file itself stays an error.
fn obstacles_of(error: Error) -> Result<Vec<Finding>, Error> {
    let suggestion = error.hint();
    let one = |node: &str, operator: &str, reason: String| {
        vec![Finding { node: node.to_owned(), operator: operator.to_owned(), source_line: None, reason, suggestion: suggestion.clone() }]
    };
    match &error {
        Error::Onnx { source, .. } => match source {
            OnnxError::Unsupported(nodes) => Ok(nodes
                .iter()
                .map(|node| Finding {
                    node: node.node.clone(),
                    operator: node.op.clone(),
                    source_line: node.source_line.clone(),
                    reason: node.reason.clone(),
                    suggestion: node.hint.clone(),
                })
                .collect()),
            OnnxError::Input { input, .. } => Ok(one(input, "input", source.to_string())),
            OnnxError::NotFinite { reader, .. } => Ok(one(reader, "constant", source.to_string())),
            OnnxError::Opset { .. } => Ok(one("", "model", source.to_string())),
            _ => Err(error),
        },
        Error::Tflite { source, .. } => match source {
            TfliteError::Unsupported(operators) => Ok(operators
                .iter()
                .map(|operator| Finding {
                    node: operator.tensor.clone(),
                    operator: operator.op.clone(),
                    source_line: None,
                    reason: operator.reason.clone(),
                    suggestion: operator.hint.clone(),
                })
                .collect()),
            TfliteError::Input { input, .. } => Ok(one(input, "input", source.to_string())),
            TfliteError::Graph(OnnxError::NotFinite { reader, .. }) => Ok(one(reader, "constant", source.to_string())),
            _ => Err(error),
        },
        Error::Checkpoint(CheckpointError::Architecture { .. } | CheckpointError::Option { .. }) => Ok(one("config.json", "model", error.to_string())),
        _ => Err(error),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.node.is_empty() {
            write!(f, "{}: {}", self.operator, self.reason)?;
        } else {
            write!(f, "{} `{}`: {}", self.operator, self.node, self.reason)?;
        }
        if let Some(line) = &self.source_line {
            write!(f, "\n    at {line}")?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, "\n    try: {suggestion}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.model.as_deref().unwrap_or("the model");
        if self.works {
            writeln!(f, "`{name}` works")?;
        } else {
            let count = self.obstacles.len();
            writeln!(f, "`{name}` does not work: {count} {} in the way", if count == 1 { "thing stands" } else { "things stand" })?;
        }
        for finding in &self.obstacles {
            writeln!(f, "  {finding}")?;
        }
        if !self.notes.is_empty() {
            writeln!(f, "depends on the calibration data:")?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        for (what, ports) in [("input", &self.inputs), ("output", &self.outputs)] {
            for (name, shape) in ports {
                writeln!(f, "{what} `{name}` {shape:?}")?;
            }
        }
        if !self.operators.is_empty() {
            let counts: Vec<String> = self.operators.iter().map(|(op, count)| format!("{count} {op}")).collect();
            writeln!(f, "operators: {}", counts.join(", "))?;
        }
        Ok(())
    }
}
