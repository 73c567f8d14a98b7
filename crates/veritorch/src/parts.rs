//! Finished segments of a proof that is not finished: files in a folder, for its owner alone.
//!
//! `000.part`, `001.part`, ..: each says which proof it belongs to, by a hash of the key, the inputs and the commitments to them, and holds a
//! segment's part of the proof with what opens the commitments to what later segments read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use veritorch_prove::segments::Store;
use veritorch_prove::{Linking, ProveError, VerifyingKey};

use crate::Error;
use crate::artefact::{self, File, Kind};

/// The folder where `prove` keeps segments of the proof that will be at this path.
#[must_use]
pub fn parts_folder(proof: &Path) -> PathBuf {
    let mut name = proof.as_os_str().to_owned();
    name.push(".parts");
    PathBuf::from(name)
}

/// Removes what [`CompiledCircuit::prove_resumable`](crate::CompiledCircuit::prove_resumable) kept in this folder, and the folder if there is
/// nothing else in it.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_parts(folder: &Path) -> Result<(), Error> {
    let error = |source| Error::Io { action: "remove", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(error)?,
    };
    for entry in entries {
        let path = entry.map_err(error)?.path();
        if path.extension().is_some_and(|extension| extension == "part") {
            fs::remove_file(&path).map_err(|source| Error::Io { action: "remove", path: path.clone(), source })?;
        }
    }
    match fs::remove_dir(folder) {
        Err(source) if source.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed.map_err(error),
    }
}

/// Keeps the segments of one proof.
pub(crate) struct Parts {
    folder: PathBuf,
    proof: [u8; 32],
}

impl Parts {
    pub(crate) fn new(folder: &Path, key: &VerifyingKey, inputs: &[Vec<i64>], linking: &Linking<'_>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("veritorch 2026 unfinished proof v1");
        hasher.update(&key.digest());
        for values in inputs {
            hasher.update(&(values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| {
                hasher.update(&value.to_le_bytes());
            });
        }
        for counted in &linking.inputs {
            hasher.update(&counted.tensor.identity());
        }
        Self { folder: folder.to_owned(), proof: hasher.finalize().into() }
    }

    fn path(&self, segment: usize) -> PathBuf {
        self.folder.join(format!("{segment:03}.part"))
    }

    /// Names the folder where what was kept in it is at fault.
    pub(crate) fn error(&self, error: ProveError) -> Error {
        match error {
            ProveError::Kept { reason, .. } => {
                let reason = reason.downcast::<Error>().map_or_else(|other| other.to_string(), |own| own.to_string());
                Error::Parts { path: self.folder.clone(), reason }
            }
            other => other.into(),
        }
    }

    fn read(&self, segment: usize) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(segment);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = artefact::read(&path)?;
        let file = File::parse_as(&path, &bytes, Kind::Part)?;
        let proof: [u8; 32] = file.own_section(0)?;
        if proof != self.proof {
            return Err(file.damaged(0, "it is of another input, batch or model".to_owned()));
        }
        file.own_section(1).map(Some)
    }

    fn write(&self, segment: usize, bytes: &[u8]) -> Result<(), Error> {
        create_private(&self.folder).map_err(|source| Error::Io { action: "write", path: self.folder.clone(), source })?;
        let sections = [artefact::encode_section(&self.proof), artefact::encode_section(&bytes)];
        artefact::write_private(&self.path(segment), &artefact::encode(Kind::Part, &sections))
    }
}

impl Store for Parts {
    fn load(&self, segment: usize) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.read(segment)?)
    }

    fn save(&self, segment: usize, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.write(segment, bytes)?)
    }
}

/// A folder that nobody but its owner can enter.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
