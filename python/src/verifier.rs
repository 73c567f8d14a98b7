//! Verifying keys, and what verifying gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use veritorch::commitment::{Side, check_expected, check_link};
use veritorch::inspect::{Inspection, PolicyRow, whole_tenths};
use veritorch::{Error, Verifier, artefact};

use crate::circuit::ports;
use crate::commitment::Commitment;
use crate::model::Ports;
use crate::proof::Proof;
use crate::watch::Watch;
use crate::{arrays, errors};

/// A verifier's key.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct VerifyingKey {
    pub(crate) verifier: Arc<Verifier>,
}

#[pymethods]
impl VerifyingKey {
    /// Reads a `.vk` file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let verifier = py.detach(|| Verifier::load(&path)).map_err(|error| errors::raise(py, &error))?;
        Ok(Self { verifier: Arc::new(verifier) })
    }

    /// Reads the bytes of a `.vk` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let verifier = py.detach(|| Verifier::from_bytes(Path::new("key bytes"), data));
        Ok(Self { verifier: Arc::new(verifier.map_err(|error| errors::raise(py, &error))?) })
    }

    /// Writes a `.vk` file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.verifier.save(&path)).map_err(|error| errors::raise(py, &error))
    }

    /// The bytes of a `.vk` file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.verifier.to_bytes())
    }

    /// Ids of the prompt and of the text of a proof that was verified, and the seed that they were drawn by.
    fn text(&self, py: Python<'_>, proof: &Proof) -> PyResult<(Vec<u32>, Vec<u32>, Option<u64>)> {
        let text = self.verifier.text(&proof.proof).map_err(|error| errors::raise(py, &error))?;
        Ok((text.prompt, text.generated, text.seed))
    }

    /// Numbers of tokens of the prompt and of the text of a proof that was verified and hides them; none where it shows them.
    fn hidden_text(&self, py: Python<'_>, proof: &Proof) -> PyResult<Option<(usize, usize)>> {
        let text = self.verifier.hidden_text(&proof.proof).map_err(|error| errors::raise(py, &error))?;
        Ok(text.map(|text| (text.prompt, text.generated)))
    }

    /// Name of the model.
    #[getter]
    fn name(&self) -> &str {
        &self.verifier.circuit().name
    }

    /// Digest of the circuit, in hex.
    #[getter]
    fn circuit_digest(&self) -> String {
        self.verifier.circuit().digest().to_string()
    }

    /// The commitment to the weights, in hex.
    #[getter]
    fn model_commitment(&self) -> String {
        self.verifier.model_commitment()
    }

    /// Names and shapes of the inputs.
    #[getter]
    fn inputs(&self) -> Ports {
        ports(&self.verifier.circuit().inputs)
    }

    /// Names and shapes of the outputs.
    #[getter]
    fn outputs(&self) -> Ports {
        ports(&self.verifier.circuit().outputs)
    }

    /// The graph and the plan as text.
    fn summary(&self, py: Python<'_>, batch: usize) -> PyResult<String> {
        self.inspection(py, batch, Inspection::to_string)
    }

    /// The graph and the plan as JSON.
    fn inspect(&self, py: Python<'_>, batch: usize) -> PyResult<String> {
        self.inspection(py, batch, errors::json)?
    }

    /// Writes the graph and the plan as a page.
    fn save_html(&self, py: Python<'_>, batch: usize, path: PathBuf) -> PyResult<()> {
        let page = self.inspection(py, batch, Inspection::to_html)?;
        artefact::write_atomically(&path, page.as_bytes()).map_err(|error| errors::raise(py, &error))
    }
}

impl VerifyingKey {
    fn inspection<T: Send>(&self, py: Python<'_>, batch: usize, view: impl FnOnce(&Inspection) -> T + Send) -> PyResult<T> {
        py.detach(|| self.verifier.inspect(batch).map(|inspection| view(&inspection)))
            .map_err(|error| errors::raise(py, &error))
    }
}

/// Side and, where there are several ports on it, name.
type NamedPort = (String, Option<String>);

/// A proof that was accepted.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct Verification {
    verification: veritorch::Verification,
}

#[pymethods]
impl Verification {
    /// Samples.
    #[getter]
    fn batch(&self) -> usize {
        self.verification.batch
    }

    /// Who sees what.
    #[getter]
    fn policy(&self) -> BTreeMap<&'static str, &'static str> {
        let policy = PolicyRow::of(self.verification.policy);
        BTreeMap::from([("weights", policy.weights), ("input", policy.input), ("output", policy.output)])
    }

    /// What was proved, in one paragraph.
    #[getter]
    fn statement(&self) -> String {
        self.verification.to_string()
    }

    /// Digest of the circuit, in hex.
    #[getter]
    fn circuit_digest(&self) -> &str {
        &self.verification.circuit_digest
    }

    /// The commitment to the weights, in hex.
    #[getter]
    fn model_commitment(&self) -> &str {
        &self.verification.model_commitment
    }

    /// Bits of security, rounded down to a tenth.
    #[getter]
    fn security_bits(&self) -> f64 {
        whole_tenths(self.verification.security.bits)
    }

    /// Bits of each way in which a false statement could be accepted.
    #[getter]
    fn security_terms(&self) -> Vec<(String, f64)> {
        self.verification.security.terms.iter().map(|term| (term.name.clone(), term.bits)).collect()
    }

    /// Side, name and identity of each committed input and output.
    #[getter]
    fn commitments(&self) -> Vec<(&'static str, String, String)> {
        let ports = self.verification.commitments.iter();
        ports.map(|port| (port.side.name(), port.name.clone(), port.identity.clone())).collect()
    }

    /// Whether a port carries the same tensor as one of another proof.
    fn check_link(&self, py: Python<'_>, own: NamedPort, other: &Self, port: NamedPort) -> PyResult<()> {
        let own_end = (side_of(py, &own.0)?, own.1.as_deref());
        let end = (side_of(py, &port.0)?, port.1.as_deref());
        check_link(&self.verification, own_end, &other.verification, end)
            .map(drop)
            .map_err(|error| errors::raise(py, &error))
    }

    /// Whether the ports of a side carry what is under a commitment.
    fn check_expected(&self, py: Python<'_>, side: &str, commitment: &Commitment) -> PyResult<()> {
        check_expected(&self.verification, side_of(py, side)?, &commitment.commitment)
            .map_err(|error| errors::raise(py, &error))
    }

    /// Inputs, where they are public.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.verification.inputs.as_ref().map(|inputs| arrays::write(py, inputs)).transpose()
    }

    /// Outputs, where they are public.
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.verification.outputs.as_ref().map(|outputs| arrays::write(py, outputs)).transpose()
    }
}

fn side_of(py: Python<'_>, name: &str) -> PyResult<Side> {
    let side = [Side::Input, Side::Output].into_iter().find(|side| side.name() == name);
    let reason = || format!("`{name}`, expected input or output");
    side.ok_or_else(|| errors::raise(py, &Error::Option { option: "side", reason: reason() }))
}

/// Checks a proof, and compares its public values where some are given.
#[pyfunction]
#[pyo3(signature = (key, proof, *, inputs, outputs, watch))]
pub(crate) fn verify(
    py: Python<'_>,
    key: &VerifyingKey,
    proof: &Proof,
    inputs: Option<BTreeMap<String, Bound<'_, PyAny>>>,
    outputs: Option<BTreeMap<String, Bound<'_, PyAny>>>,
    watch: Watch,
) -> PyResult<Verification> {
    let inputs = inputs.as_ref().map(arrays::read).transpose()?;
    let outputs = outputs.as_ref().map(arrays::read).transpose()?;
    let (verifier, proof) = (Arc::clone(&key.verifier), Arc::clone(&proof.proof));
    let verification = watch.run(py, move |_| {
        let verification = verifier.verify(&proof)?;
        if let Some(inputs) = &inputs {
            verifier.check_inputs(&proof, inputs)?;
        }
        if let Some(outputs) = &outputs {
            verifier.check_outputs(&proof, outputs)?;
        }
        Ok(verification)
    })?;
    Ok(Verification { verification })
}
