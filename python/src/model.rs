//! Float models: what `compile` starts from, and what results are compared with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use veritorch::commitment::input_steps_like;
use veritorch::port::{Expected, match_arrays};
use veritorch::{Array, Arrays, Checkpoint, CompileOptions, Error, Head, ImportOptions, InputSteps, LoadOptions, Policy, Profile, QuantiseOptions, Sampling, Silent, Target, Tokenizer, Visibility};
use veritorch_graph::model::{ModelGraph, ValueId};

use crate::circuit::Circuit;
use crate::watch::Watch;
use crate::{arrays, errors};

/// Names and shapes of inputs or outputs.
pub(crate) type Ports = Vec<(String, Vec<usize>)>;

/// An imported model.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct Model {
    source: Arc<Source>,
}

/// What it was imported from.
enum Source {
    File(ModelGraph),
    Checkpoint(Checkpoint),
}

impl Source {
    fn graph(&self) -> &ModelGraph {
        match self {
            Self::File(graph) | Self::Checkpoint(Checkpoint { graph, .. }) => graph,
        }
    }
}

/// What a file leaves open.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Open {
    input_shapes: BTreeMap<String, Vec<usize>>,
    axes: BTreeMap<String, usize>,
    fixed_inputs: BTreeMap<String, f64>,
}

impl From<Open> for ImportOptions {
    fn from(open: Open) -> Self {
        Self { input_shapes: open.input_shapes, axes: open.axes, fixed_inputs: open.fixed_inputs, ..Self::default() }
    }
}

/// Options of [`Model::compile`].
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    name: Option<String>,
    labels: Option<Vec<usize>>,
    accuracy_target: Option<f64>,
    drift_target: Option<f64>,
    activation_bits: Option<u32>,
    input_bits: Option<u32>,
    input_scale: Option<f64>,
    input_like: Option<Vec<u8>>,
    saturate: bool,
    weights: String,
    input: String,
    output: String,
    high: bool,
    lifetime: Option<usize>,
    memory: Option<u64>,
}

impl Options {
    fn convert(self) -> Result<CompileOptions, Error> {
        let policy = Policy {
            input: visibility("input", &self.input)?,
            output: visibility("output", &self.output)?,
            weights: visibility("weights", &self.weights)?,
        };
        let target = match (self.accuracy_target, self.drift_target, &self.labels) {
            (None, None, _) => Target::None,
            (Some(least), _, Some(_)) => Target::Accuracy(least),
            (Some(least), _, None) => Target::Agreement(least),
            (None, Some(most), _) => Target::Drift(most),
        };
        let input_steps = match (self.input_scale, &self.input_like) {
            (Some(scale), _) => Some(InputSteps { scale, range: None }),
            (None, Some(bytes)) => Some(input_steps_like(Path::new("input_like"), bytes)?),
            (None, None) => None,
        };
        Ok(CompileOptions {
            held_out: None,
            name: self.name,
            quantise: QuantiseOptions {
                activation_bits: self.activation_bits,
                input_bits: self.input_bits,
                input_steps,
                target,
                labels: self.labels,
                saturate: self.saturate,
                policy,
                ..QuantiseOptions::default()
            },
            profile: if self.high { Profile::High } else { Profile::Standard },
            lifetime: self.lifetime,
            memory: self.memory,
        })
    }
}

fn visibility(option: &'static str, name: &str) -> Result<Visibility, Error> {
    [Visibility::Public, Visibility::Private, Visibility::Committed]
        .into_iter()
        .find(|visibility| visibility.name() == name)
        .ok_or_else(|| Error::Option { option, reason: format!("`{name}`, expected public, private or committed") })
}

/// Whether a language model gives next ids, whether of a text that is hidden, and the temperature and number of tokens it draws with.
type HeadOptions = (bool, bool, Option<(f32, Option<usize>)>);

#[pymethods]
impl Model {
    /// Reads an ONNX or TensorFlow Lite file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, open: Open) -> PyResult<Self> {
        let options = open.into();
        let graph = py.detach(|| veritorch::import(&path, &options, &Silent));
        Self::new(py, graph.map(Source::File))
    }

    /// Reads a Hugging Face folder.
    #[staticmethod]
    #[pyo3(signature = (folder, seq_len, head, token_types))]
    fn from_pretrained(py: Python<'_>, folder: PathBuf, seq_len: usize, head: HeadOptions, token_types: bool) -> PyResult<Self> {
        let (next_ids, hides_text, sampling) = head;
        let sampling = sampling.map(|(temperature, top_k)| Sampling { temperature, top_k });
        let options = LoadOptions { head: Head { next_ids, hides_text, sampling }, token_types, ..LoadOptions::new(seq_len) };
        let checkpoint = py.detach(|| veritorch::import_checkpoint(&folder, &options, &Silent));
        Self::new(py, checkpoint.map(Source::Checkpoint))
    }

    /// Reads the bytes of such a file; `name` is what errors call it.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8], name: PathBuf, open: Open) -> PyResult<Self> {
        let options = open.into();
        let graph = py.detach(|| veritorch::import_bytes(data, &name, &options));
        Self::new(py, graph.map(Source::File))
    }

    /// Names and shapes of the inputs.
    #[getter]
    fn inputs(&self) -> Ports {
        self.ports(&self.source.graph().inputs)
    }

    /// Names and shapes of the outputs.
    #[getter]
    fn outputs(&self) -> Ports {
        self.ports(&self.source.graph().outputs)
    }

    /// The bytes of a checkpoint's `tokenizer.json`.
    #[getter]
    fn tokenizer_json(&self) -> Option<&[u8]> {
        match &*self.source {
            Source::File(_) => None,
            Source::Checkpoint(checkpoint) => checkpoint.tokenizer.as_ref().map(Tokenizer::as_bytes),
        }
    }

    /// Sequences of ids from the lines of a text, for calibration.
    fn windows<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyDict>> {
        let Source::Checkpoint(checkpoint) = &*self.source else {
            let reason = "a text calibrates checkpoints, from `from_pretrained`".to_owned();
            return Err(errors::raise(py, &Error::Option { option: "calibration", reason }));
        };
        let windows = py.detach(|| veritorch::calibration_from_text(checkpoint, text));
        arrays::write(py, &windows.map_err(|error| errors::raise(py, &error))?)
    }

    /// Runs the float model.
    #[pyo3(signature = (inputs, *, watch))]
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        inputs: BTreeMap<String, Bound<'py, PyAny>>,
        watch: Watch,
    ) -> PyResult<Bound<'py, PyDict>> {
        let inputs = arrays::read(&inputs)?;
        let source = Arc::clone(&self.source);
        let outputs = watch.run(py, move |_| evaluate(source.graph(), &inputs))?;
        arrays::write(py, &outputs)
    }

    /// Calibrates, quantises and commits to the weights.
    #[pyo3(signature = (calibration, held_out, *, options, watch))]
    fn compile(
        &self,
        py: Python<'_>,
        calibration: BTreeMap<String, Bound<'_, PyAny>>,
        held_out: Option<BTreeMap<String, Bound<'_, PyAny>>>,
        options: Options,
        watch: Watch,
    ) -> PyResult<Circuit> {
        let calibration = arrays::read(&calibration)?;
        let mut options = options.convert().map_err(|error| errors::raise(py, &error))?;
        options.held_out = held_out.map(|data| arrays::read(&data)).transpose()?;
        let source = Arc::clone(&self.source);
        let compiled = watch.run(py, move |progress| match &*source {
            Source::File(graph) => veritorch::compile_graph(graph.clone(), &calibration, &options, progress),
            Source::Checkpoint(checkpoint) => {
                veritorch::compile_checkpoint(checkpoint.clone(), &calibration, &options, progress)
            }
        })?;
        Ok(Circuit { compiled: Arc::new(compiled) })
    }
}

impl Model {
    fn new(py: Python<'_>, source: Result<Source, Error>) -> PyResult<Self> {
        let source = source.map_err(|error| errors::raise(py, &error))?;
        Ok(Self { source: Arc::new(source) })
    }

    fn ports(&self, ids: &[ValueId]) -> Ports {
        ids.iter().map(|&id| self.source.graph().value(id)).map(|value| (value.name.clone(), value.shape.clone())).collect()
    }
}

/// What stands in the way of a model, as JSON: of a file or folder, or of the bytes of a file that errors call by this path.
#[pyfunction]
pub(crate) fn check(py: Python<'_>, path: PathBuf, data: Option<Vec<u8>>, open: Open, seq_len: Option<usize>) -> PyResult<String> {
    let options = open.into();
    let report = py.detach(|| match &data {
        Some(data) => veritorch::check_bytes(data, &path, &options, &Silent),
        None => veritorch::check(&path, &options, seq_len, &Silent),
    });
    let report = report.map_err(|error| errors::raise(py, &error))?;
    serde_json::to_string(&report).map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
}

/// The float model's outputs, with the batch axis of the inputs.
fn evaluate(graph: &ModelGraph, inputs: &Arrays) -> Result<Arrays, Error> {
    let values: Vec<_> = graph.inputs.iter().map(|&id| graph.value(id)).collect();
    let expected: Vec<_> = values.iter().map(|value| Expected { name: &value.name, shape: &value.shape }).collect();
    let (matched, form) = match_arrays("input", &expected, inputs)?;
    let data: Vec<Vec<f32>> = matched.into_iter().map(|array| array.data.clone()).collect();
    let outputs = veritorch_quantise::float_outputs(graph, &data)?;
    let values = graph.outputs.iter().map(|&id| graph.value(id));
    Ok(values
        .zip(outputs)
        .map(|(value, data)| (value.name.clone(), Array { shape: form.shape(&value.shape), data }))
        .collect())
}
