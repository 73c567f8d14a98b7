//! The secret side of a commitment: integers, masks and trees, with the ledger that counts its openings.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use veritorch_graph::circuit::Port;
use veritorch_prove::{CommittedTensor, Openings, ProveError};

use super::{Commitment, Contents};
use crate::artefact::{self, File, Kind, write_private};
use crate::ledger::Counter;
use crate::port::BatchForm;
use crate::Error;

/// What opens a [`Commitment`]: the integers and the secrets that hide them. The `.commitment.opening` file, readable by its owner alone.
#[derive(Clone, Debug)]
pub struct CommitmentOpening {
    commitment: Commitment,
    tensors: Vec<CommittedTensor>,
    /// Counts openings; copies share it.
    counter: Arc<Counter>,
}

/// Where the opening of a `.commitment` lies: `X.commitment.opening`.
#[must_use]
pub fn opening_path(commitment: &Path) -> PathBuf {
    let mut name = commitment.to_owned().into_os_string();
    name.push(".opening");
    PathBuf::from(name)
}

impl CommitmentOpening {
    pub(super) fn new(contents: Contents, tensors: Vec<CommittedTensor>, num_openings: usize) -> Result<Self, Error> {
        let commitment = Commitment::new(contents).map_err(ProveError::from)?;
        let counter = Arc::new(Counter::of_tensors(commitment.identity(), num_openings as u64)?);
        Ok(Self { commitment, tensors, counter })
    }

    /// Reads a `.commitment` and the opening that lies beside it.
    ///
    /// # Errors
    /// A file cannot be read, is of another kind or version, or is damaged; the two do not belong together.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let commitment = Commitment::load(path)?;
        let path = opening_path(path);
        let bytes = artefact::read(&path)?;
        let file = File::parse_as(&path, &bytes, Kind::Opening)?;
        let tensors: Vec<CommittedTensor> = file.own_section(0)?;
        let expected: Vec<_> = commitment.arrays().iter().map(|array| array.commitment).collect();
        let actual: Vec<_> = tensors.iter().map(CommittedTensor::commitment).collect();
        if expected != actual {
            let reason = format!("`{}` does not open the commitment that it lies beside", path.display());
            return Err(Error::Option { option: "input commitment", reason });
        }
        let counter = Arc::new(Counter::beside(commitment.identity(), &path, false));
        Ok(Self { commitment, tensors, counter })
    }

    /// Writes the ledger, the opening and then the `.commitment` file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let opening = opening_path(path);
        self.counter.save_beside(&opening)?;
        write_private(&opening, &artefact::encode(Kind::Opening, &[artefact::encode_section(&self.tensors)]))?;
        artefact::write_atomically(path, &self.commitment.to_bytes())
    }

    /// The public side.
    #[must_use]
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// Openings that are left.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn openings_left(&self) -> Result<u64, Error> {
        Ok(self.counter.left()?.unwrap_or(0))
    }

    pub(crate) fn counter(&self) -> &Counter {
        &self.counter
    }

    /// The tensors for a model's inputs, in their order, with the form of the batch: by name, where there are several.
    ///
    /// # Errors
    /// Names, scales, sizes or a security profile that are not the model's.
    pub(crate) fn for_inputs(&self, ports: &[Port]) -> Result<(Vec<&CommittedTensor>, BatchForm), Error> {
        let refused = |reason| Error::Option { option: "input commitment", reason };
        let arrays = self.commitment.arrays();
        if arrays.len() != ports.len() {
            return Err(refused(format!("it holds {} arrays, the model has {} inputs", arrays.len(), ports.len())));
        }
        let mut form: Option<BatchForm> = None;
        let mut tensors = Vec::with_capacity(ports.len());
        for port in ports {
            let found = arrays.iter().position(|array| arrays.len() == 1 || array.name == port.name);
            let Some((array, tensor)) = found.and_then(|at| arrays.get(at).zip(self.tensors.get(at))) else {
                return Err(refused(format!("it holds no array `{}`", port.name)));
            };
            if array.scale != port.scale {
                let reason = format!(
                    "`{}` is in steps of {:?}, input `{}` of the model in steps of {:?}: commit with `--for` the model's key, or compile the model with `--input-like` the commitment",
                    array.name, array.scale, port.name, port.scale
                );
                return Err(refused(reason));
            }
            let len: usize = port.shape.iter().product();
            let own = match BatchForm::of(&array.shape, &port.shape) {
                Some(form) => form,
                // The output of another model, maybe, in another shape.
                None if len > 0 && array.len() == len => BatchForm::Single,
                None if len > 0 && array.len().is_multiple_of(len) => BatchForm::Leading(array.len() / len),
                None => {
                    let reason = format!("`{}` has shape {:?}, input `{}` of the model {:?}", array.name, array.shape, port.name, port.shape);
                    return Err(refused(reason));
                }
            };
            if form.is_some_and(|form| form.batch() != own.batch()) {
                return Err(refused("its arrays hold different numbers of samples".to_owned()));
            }
            form = Some(form.unwrap_or(own));
            tensors.push(tensor);
        }
        Ok((tensors, form.unwrap_or(BatchForm::Single)))
    }
}

/// Counts one opening of a file with several tensors for one proof.
pub(crate) struct OncePerProof<'a> {
    counter: &'a Counter,
    is_taken: Mutex<bool>,
}

impl<'a> OncePerProof<'a> {
    pub(crate) fn new(counter: &'a Counter) -> Self {
        Self { counter, is_taken: Mutex::new(false) }
    }
}

impl Openings for OncePerProof<'_> {
    fn reserve(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_taken {
            self.counter.reserve()?;
            *is_taken = true;
        }
        Ok(())
    }
}
