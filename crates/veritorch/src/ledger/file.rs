//! A grant as a file: the ledger beside a `.vt`, and the machine's record of it.

use std::io;
use std::path::{Path, PathBuf};

use super::grant::Grant;
use crate::Error;
use crate::artefact::{self, File, Kind, write_private};

/// Where the ledger of a `.vt` lies: `MODEL.vt.ledger`. Links to one `.vt` share its ledger.
#[must_use]
pub fn ledger_path(model: &Path) -> PathBuf {
    let mut name = std::fs::canonicalize(model).unwrap_or_else(|_| model.to_owned()).into_os_string();
    name.push(".ledger");
    PathBuf::from(name)
}

/// The grant in a file, if there is a file. What cannot be read is an error, never a grant.
pub(super) fn read(path: &Path) -> Result<Option<Grant>, Error> {
    let bytes = match artefact::read(path) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    File::parse_as(path, &bytes, Kind::Ledger)?.section(0).map(Some)
}

/// Writes a grant whole or not at all, for its owner's eyes only; when this returns it is on the disk.
pub(super) fn write(path: &Path, grant: &Grant) -> Result<(), Error> {
    write_private(path, &artefact::encode(Kind::Ledger, &[artefact::encode_section(grant)]))
}
