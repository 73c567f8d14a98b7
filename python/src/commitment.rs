//! Commitments to inputs and outputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use veritorch::commitment::{Steps, Tensor, TensorValues, opening_path};
use veritorch::{CommitmentOpening, Profile};

use crate::verifier::VerifyingKey;
use crate::watch::Watch;
use crate::{arrays, errors};

/// A commitment, with what opens it where that is at hand.
#[pyclass(frozen, module = "veritorch._veritorch")]
pub(crate) struct Commitment {
    pub(crate) commitment: veritorch::Commitment,
    pub(crate) opening: Option<Arc<CommitmentOpening>>,
}

impl Commitment {
    pub(crate) fn of(opening: CommitmentOpening) -> Self {
        Self { commitment: opening.commitment().clone(), opening: Some(Arc::new(opening)) }
    }
}

#[pymethods]
impl Commitment {
    /// Reads a `.commitment` file, and the opening beside it where there is one.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = || {
            if opening_path(&path).exists() {
                return CommitmentOpening::load(&path).map(Self::of);
            }
            Ok(Self { commitment: veritorch::Commitment::load(&path)?, opening: None })
        };
        py.detach(read).map_err(|error| errors::raise(py, &error))
    }

    /// Reads the bytes of a `.commitment` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let commitment = veritorch::Commitment::from_bytes(Path::new("commitment bytes"), data);
        Ok(Self { commitment: commitment.map_err(|error| errors::raise(py, &error))?, opening: None })
    }

    /// Writes a `.commitment` file, with the opening and its ledger beside it where they are at hand.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let write = || match &self.opening {
            Some(opening) => opening.save(&path),
            None => veritorch::artefact::write_atomically(&path, &self.commitment.to_bytes()),
        };
        py.detach(write).map_err(|error| errors::raise(py, &error))
    }

    /// The bytes of a `.commitment` file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.commitment.to_bytes())
    }

    /// Name, shape, scales and identity of each array.
    #[getter]
    fn arrays(&self) -> Vec<(String, Vec<usize>, Vec<f64>, String)> {
        let arrays = self.commitment.identities();
        arrays.map(|(array, identity)| (array.name.clone(), array.shape.clone(), array.scale.clone(), identity)).collect()
    }

    /// Proofs that the commitment still covers; none without the opening.
    #[getter]
    fn openings_left(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        let left = || self.opening.as_ref().map(|opening| opening.openings_left()).transpose();
        py.detach(left).map_err(|error| errors::raise(py, &error))
    }
}

/// Commits to float32 arrays by name.
#[pyfunction]
#[pyo3(signature = (values, *, key, scale, openings, high, watch))]
pub(crate) fn commit(
    py: Python<'_>,
    values: BTreeMap<String, Bound<'_, PyAny>>,
    key: Option<&VerifyingKey>,
    scale: Option<f64>,
    openings: usize,
    high: bool,
    watch: Watch,
) -> PyResult<Commitment> {
    let arrays = arrays::read(&values)?;
    let tensor = |array: veritorch::Array| Tensor { shape: array.shape, values: TensorValues::Floats(array.data) };
    let tensors = arrays.into_iter().map(|(name, array)| (name, tensor(array))).collect();
    let verifier = key.map(|key| Arc::clone(&key.verifier));
    let profile = if high { Profile::High } else { Profile::Standard };
    let opening = watch.run(py, move |progress| {
        progress.phase("commit");
        let steps = match (&verifier, scale) {
            (Some(verifier), _) => Steps::For(verifier),
            (None, Some(scale)) => Steps::Scale(scale, profile),
            (None, None) => Steps::Own(profile),
        };
        veritorch::commitment::commit(&tensors, steps, openings)
    })?;
    Ok(Commitment::of(opening))
}
