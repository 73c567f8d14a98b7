//! What this machine itself remembers of grants: a folder with one record to a grant, beside which lies its lock.
//!
//! The folder is `$VERITORCH_STATE`, else `$XDG_STATE_HOME/veritorch`, else `~/.local/state/veritorch`. It makes a ledger that
//! is restored from a copy skip ahead, and two copies on one machine share one count.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::LedgerError;
use super::file;
use super::grant::Grant;
use crate::Error;
use crate::artefact::{self, Kind, write_private};
use crate::inspect::hex;

/// Where systemd keeps what tells machines apart.
const MACHINE_ID: &str = "/etc/machine-id";

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct State {
    folder: PathBuf,
    machine_id: PathBuf,
}

impl State {
    /// The folder of this user, which is made if it is not there.
    pub(crate) fn of_user() -> Result<Self, Error> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("VERITORCH_STATE")
            .or_else(|| set("XDG_STATE_HOME").map(|folder| folder.join("veritorch")))
            .or_else(|| set("HOME").map(|home| home.join(".local/state/veritorch")))
            .ok_or(LedgerError::NoState)?;
        Self::at(folder, PathBuf::from(MACHINE_ID))
    }

    pub(super) fn at(folder: PathBuf, machine_id: PathBuf) -> Result<Self, Error> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|source| write_error(&folder, source))?;
        Ok(Self { folder, machine_id })
    }

    /// What grants are bound to: a hash of the machine's id, or of a random one where the system has none.
    pub(super) fn machine(&self) -> Result<[u8; 32], Error> {
        let known = |id: &str| !id.is_empty() && id != "uninitialized";
        let system = fs::read_to_string(&self.machine_id).ok().map(|id| id.trim().to_owned()).filter(|id| known(id));
        let id = match system {
            Some(id) => id.into_bytes(),
            None => self.own_id()?,
        };
        Ok(blake3::derive_key("veritorch 2026 machine", &id))
    }

    fn own_id(&self) -> Result<Vec<u8>, Error> {
        let path = self.folder.join("machine");
        let _lock = Lock::take(&self.folder.join("machine.lock"))?;
        if !path.exists() {
            write_private(&path, hex(&super::random::<16>()?).as_bytes())?;
        }
        artefact::read(&path)
    }

    fn path(&self, grant: &Grant, extension: &str) -> PathBuf {
        self.folder.join(format!("{}-{}.{extension}", hex(&grant.table), hex(&grant.id)))
    }

    /// Waits until no other process works on this grant.
    pub(super) fn lock(&self, grant: &Grant) -> Result<Lock, Error> {
        Lock::take(&self.path(grant, "lock"))
    }

    /// The record of a grant.
    pub(super) fn record(&self, grant: &Grant) -> Result<Option<Grant>, Error> {
        file::read(&self.path(grant, Kind::LEDGER))
    }

    /// Keeps a record.
    pub(super) fn write(&self, grant: &Grant) -> Result<(), Error> {
        file::write(&self.path(grant, Kind::LEDGER), grant)
    }

    /// The record with most openings left of this table's grants.
    pub(super) fn best(&self, table: &[u8; 32]) -> Result<Option<Grant>, Error> {
        let read_error = |source| Error::Io { action: "read", path: self.folder.clone(), source };
        let mut best: Option<Grant> = None;
        for entry in fs::read_dir(&self.folder).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !name.starts_with(&hex(table)) || path.extension().is_none_or(|extension| extension != Kind::LEDGER) {
                continue;
            }
            if let Some(grant) = file::read(&path)?
                && grant.table == *table
                && best.as_ref().is_none_or(|best| (grant.left(), grant.id) > (best.left(), best.id))
            {
                best = Some(grant);
            }
        }
        Ok(best)
    }
}

/// An exclusive lock, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    fn take(path: &Path) -> Result<Self, Error> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| write_error(path, source))?;
        file.lock().map_err(|source| write_error(path, source))?;
        Ok(Self { _file: file })
    }
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Io { action: "write", path: path.to_owned(), source }
}
