//! Proofs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use veritorch::artefact::{self, File, Kind};
use veritorch::{Arrays, Error};

use crate::{arrays, errors};

/// A proof, with what only its prover knows where it was made here.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct Proof {
    pub(crate) proof: Arc<veritorch::Proof>,
    pub(crate) outputs: Option<Arrays>,
    pub(crate) timings: Vec<(String, f64)>,
}

#[pymethods]
impl Proof {
    /// Reads a `.proof` file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Self::read(py, py.detach(|| veritorch::Proof::load(&path)))
    }

    /// Reads the bytes of a `.proof` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        Self::read(py, py.detach(|| veritorch::Proof::from_bytes(Path::new("proof bytes"), data)))
    }

    /// Writes a `.proof` file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.proof.save(&path)).map_err(|error| errors::raise(py, &error))
    }

    /// The bytes of a `.proof` file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.proof.to_bytes())
    }

    /// Name of the model, as the prover wrote it.
    #[getter]
    fn name(&self) -> &str {
        self.proof.model()
    }

    /// Samples.
    #[getter]
    fn batch(&self) -> usize {
        self.proof.statement().batch
    }

    /// Integers of the public inputs, samples first.
    #[getter]
    fn statement_inputs(&self) -> Vec<Vec<i64>> {
        self.proof.statement().inputs.clone()
    }

    /// Integers of the public outputs, samples first.
    #[getter]
    fn statement_outputs(&self) -> Vec<Vec<i64>> {
        self.proof.statement().outputs.clone()
    }

    /// The prover's messages.
    #[getter]
    fn transcript<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.proof.to_bytes();
        let (_, proof) = open(&bytes).map_err(|error| errors::raise(py, &error))?;
        Ok(PyBytes::new(py, &proof.transcript))
    }

    /// Another statement or other messages in a file whose checksums are right.
    #[pyo3(signature = (*, inputs, outputs, transcript))]
    fn replace(
        &self,
        py: Python<'_>,
        inputs: Option<Vec<Vec<i64>>>,
        outputs: Option<Vec<Vec<i64>>>,
        transcript: Option<Vec<u8>>,
    ) -> PyResult<Self> {
        let bytes = self.proof.to_bytes();
        let (origin, mut proof) = open(&bytes).map_err(|error| errors::raise(py, &error))?;
        proof.statement.inputs = inputs.unwrap_or(proof.statement.inputs);
        proof.statement.outputs = outputs.unwrap_or(proof.statement.outputs);
        proof.transcript = transcript.unwrap_or(proof.transcript);
        let changed = artefact::encode(Kind::Proof, &[origin.to_vec(), artefact::encode_section(&proof)]);
        Self::read(py, veritorch::Proof::from_bytes(Path::new("proof bytes"), &changed))
    }

    /// Outputs as the prover computed them; None for a proof that was read.
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.outputs.as_ref().map(|outputs| arrays::write(py, outputs)).transpose()
    }

    /// Seconds of each phase of the prover; empty for a proof that was read.
    #[getter]
    fn timings(&self) -> Vec<(String, f64)> {
        self.timings.clone()
    }

    /// Statement and sizes as text.
    fn summary(&self) -> String {
        self.proof.inspect().to_string()
    }

    /// Statement and sizes as JSON.
    fn inspect(&self) -> PyResult<String> {
        errors::json(&self.proof.inspect())
    }

    /// Writes statement and sizes as a page.
    fn save_html(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let page = self.proof.inspect().to_html();
        artefact::write_atomically(&path, page.as_bytes()).map_err(|error| errors::raise(py, &error))
    }
}

/// The encoded note of where a proof comes from, and the proof.
fn open(bytes: &[u8]) -> Result<(&[u8], veritorch_prove::Proof), Error> {
    let file = File::parse_as(Path::new("proof bytes"), bytes, Kind::Proof)?;
    let sizes: Vec<usize> = file.section_sizes().into_iter().map(|(_, bytes)| bytes).collect();
    let header = bytes.len() - sizes.iter().sum::<usize>();
    Ok((&bytes[header..header + sizes[0]], file.section(1)?))
}

impl Proof {
    fn read(py: Python<'_>, proof: Result<veritorch::Proof, veritorch::Error>) -> PyResult<Self> {
        let proof = proof.map_err(|error| errors::raise(py, &error))?;
        Ok(Self { proof: Arc::new(proof), outputs: None, timings: Vec::new() })
    }
}
