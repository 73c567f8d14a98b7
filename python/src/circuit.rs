//! Compiled models.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use veritorch::port::Saturation;
use veritorch::{Arrays, CompiledCircuit, Error, Inputs, TextModel, TextStatement, artefact, remove_parts};
use veritorch_graph::circuit::Port;

use crate::commitment::Commitment;
use crate::model::Ports;
use crate::proof::Proof;
use crate::verifier::VerifyingKey;
use crate::watch::Watch;
use crate::{arrays, errors};

/// Ids of prompt and text, both decoded, and whether the model ended the text.
type Said = ((Vec<u32>, Vec<u32>), (String, String), bool);

/// A committed circuit with its weights.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct Circuit {
    pub(crate) compiled: Arc<CompiledCircuit>,
}

#[pymethods]
impl Circuit {
    /// Reads a `.vt` file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let compiled = py.detach(|| CompiledCircuit::load(&path)).map_err(|error| errors::raise(py, &error))?;
        Ok(Self { compiled: Arc::new(compiled) })
    }

    /// Writes a `.vt` file and the `.vk` file beside it; the path of the latter.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<PathBuf> {
        py.detach(|| self.compiled.save(&path)).map_err(|error| errors::raise(py, &error))
    }

    /// Name of the model.
    #[getter]
    fn name(&self) -> &str {
        &self.compiled.circuit().name
    }

    /// Names and shapes of the inputs.
    #[getter]
    fn inputs(&self) -> Ports {
        ports(&self.compiled.circuit().inputs)
    }

    /// Names and shapes of the outputs.
    #[getter]
    fn outputs(&self) -> Ports {
        ports(&self.compiled.circuit().outputs)
    }

    /// The public part.
    #[getter]
    fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { verifier: Arc::new(self.compiled.verifier()) }
    }

    /// Openings of the model commitment that are left; none where the weights are public.
    #[getter]
    fn openings_left(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        py.detach(|| self.compiled.openings_left()).map_err(|error| errors::raise(py, &error))
    }

    /// The quantiser's report as JSON.
    #[getter]
    fn report(&self) -> String {
        self.compiled.report().to_string()
    }

    /// Tokens of a sequence, of a model of text.
    #[getter]
    fn seq_len(&self) -> Option<usize> {
        self.compiled.text().map(TextModel::seq_len)
    }

    /// The bytes of `tokenizer.json`, of a model of text.
    #[getter]
    fn tokenizer_json(&self) -> Option<&[u8]> {
        self.compiled.text().map(TextModel::tokenizer_json)
    }

    /// Outputs by name, and notes on inputs that saturate.
    #[pyo3(signature = (inputs, *, watch))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: BTreeMap<String, Bound<'py, PyAny>>,
        watch: Watch,
    ) -> PyResult<(Bound<'py, PyDict>, Vec<String>)> {
        let inputs = arrays::read(&inputs)?;
        let compiled = Arc::clone(&self.compiled);
        let run = watch.run(py, move |_| compiled.run(&inputs))?;
        Ok((arrays::write(py, &run.outputs)?, notes(&run.saturations)))
    }

    /// A proof, the commitments to inputs and outputs that were made for it, and notes on inputs that saturate.
    #[pyo3(signature = (inputs, *, commitment, openings, resume, watch))]
    fn prove(
        &self,
        py: Python<'_>,
        inputs: Option<BTreeMap<String, Bound<'_, PyAny>>>,
        commitment: Option<&Commitment>,
        openings: usize,
        resume: Option<PathBuf>,
        watch: Watch,
    ) -> PyResult<(Proof, [Option<Commitment>; 2], Vec<String>)> {
        let inputs = inputs.as_ref().map(arrays::read).transpose()?;
        let opening = match commitment {
            None => None,
            Some(Commitment { opening: Some(opening), .. }) => Some(Arc::clone(opening)),
            Some(_) => {
                let reason = "only the public side is at hand; what opens it lies beside the file of who made it".to_owned();
                return Err(errors::raise(py, &Error::Option { option: "commitment", reason }));
            }
        };
        let compiled = Arc::clone(&self.compiled);
        let proven = watch.run(py, move |progress| {
            let none = Arrays::new();
            let inputs = match (&opening, &inputs) {
                (Some(opening), Some(arrays)) => Inputs::Both(arrays, opening),
                (Some(opening), None) => Inputs::Committed(opening),
                (None, arrays) => Inputs::Values(arrays.as_ref().unwrap_or(&none)),
            };
            let Some(folder) = &resume else { return compiled.prove_linked(inputs, openings, progress) };
            let proven = compiled.prove_resumable(inputs, openings, folder, progress)?;
            remove_parts(folder)?;
            Ok(proven)
        })?;
        let notes = notes(&proven.saturations);
        let made = [proven.committed_inputs, proven.committed_outputs].map(|opening| opening.map(Commitment::of));
        let proof = Proof { proof: Arc::new(proven.proof), outputs: Some(proven.outputs), timings: proven.timings };
        Ok((proof, made, notes))
    }

    /// What the model says after a prompt: ids of both, both, and whether the model ended the text.
    #[pyo3(signature = (prompt, max_new_tokens, seed, *, watch))]
    fn generate(&self, py: Python<'_>, prompt: String, max_new_tokens: usize, seed: Option<u64>, watch: Watch) -> PyResult<Said> {
        let compiled = Arc::clone(&self.compiled);
        let said = watch.run(py, move |progress| compiled.generate(&prompt, max_new_tokens, seed, &mut |_| (), progress))?;
        Ok(((said.ids.prompt, said.ids.generated), (said.prompt, said.text), said.is_finished))
    }

    /// A proof of a text, the commitment to it where the policy asks for one, and notes on inputs that saturate.
    #[pyo3(signature = (prompt, text, seed, *, watch))]
    fn prove_text(
        &self,
        py: Python<'_>,
        prompt: Vec<u32>,
        text: Vec<u32>,
        seed: Option<u64>,
        watch: Watch,
    ) -> PyResult<(Proof, Option<Commitment>, Vec<String>)> {
        let compiled = Arc::clone(&self.compiled);
        let text = TextStatement { prompt, generated: text, seed };
        let proven = watch.run(py, move |progress| compiled.prove_text(&text, progress))?;
        let notes = notes(&proven.saturations);
        let committed = proven.committed_inputs.map(Commitment::of);
        let proof = Proof { proof: Arc::new(proven.proof), outputs: Some(proven.outputs), timings: proven.timings };
        Ok((proof, committed, notes))
    }

    /// The same model under fresh masks.
    #[pyo3(signature = (*, watch))]
    fn renew(&self, py: Python<'_>, watch: Watch) -> PyResult<Self> {
        let compiled = Arc::clone(&self.compiled);
        let renewed = watch.run(py, move |progress| compiled.renew(progress))?;
        Ok(Self { compiled: Arc::new(renewed) })
    }

    /// The graph and the plan as text.
    fn summary(&self, py: Python<'_>, batch: usize) -> PyResult<String> {
        self.inspection(py, batch, veritorch::inspect::Inspection::to_string)
    }

    /// The graph and the plan as JSON.
    fn inspect(&self, py: Python<'_>, batch: usize) -> PyResult<String> {
        self.inspection(py, batch, errors::json)?
    }

    /// Writes the graph and the plan as a page.
    fn save_html(&self, py: Python<'_>, batch: usize, path: PathBuf) -> PyResult<()> {
        let page = self.inspection(py, batch, veritorch::inspect::Inspection::to_html)?;
        artefact::write_atomically(&path, page.as_bytes()).map_err(|error| errors::raise(py, &error))
    }
}

impl Circuit {
    fn inspection<T: Send>(
        &self,
        py: Python<'_>,
        batch: usize,
        view: impl FnOnce(&veritorch::inspect::Inspection) -> T + Send,
    ) -> PyResult<T> {
        py.detach(|| self.compiled.inspect(batch).map(|inspection| view(&inspection)))
            .map_err(|error: Error| errors::raise(py, &error))
    }
}

/// Names and shapes of ports.
pub(crate) fn ports(ports: &[Port]) -> Ports {
    ports.iter().map(|port| (port.name.clone(), port.shape.clone())).collect()
}

fn notes(saturations: &[Saturation]) -> Vec<String> {
    saturations.iter().map(Saturation::to_string).collect()
}
