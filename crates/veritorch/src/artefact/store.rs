//! Files appear whole or not at all: a temporary file in the destination's folder, then a rename.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use veritorch_graph::model::{Bytes, map_file};

use super::Pieces;
use crate::Error;

/// Temporary files that are being written, so that a process which must end at once can take them away.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes the temporary files of writes that have not ended. For a process that is about to exit.
pub fn remove_unfinished() {
    remove(&UNFINISHED);
}

fn remove(unfinished: &Mutex<BTreeSet<PathBuf>>) {
    let mut unfinished = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
    for path in std::mem::take(&mut *unfinished) {
        // What has been renamed meanwhile is not there any more.
        let _ = fs::remove_file(path);
    }
}

/// The bytes of a file.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })
}

/// The bytes of a file, read when they are needed; what is no regular file (a pipe) is read now.
///
/// # Errors
/// [`Error::Io`].
pub fn map(path: &Path) -> Result<Bytes, Error> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(Arc::new(read(path)?));
    }
    map_file(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })
}

/// Whether a file could be written there, as far as can be told before the work begins.
///
/// # Errors
/// [`Error::Io`] where the folder does not exist or the path names a folder.
pub fn check_destination(path: &Path) -> Result<(), Error> {
    let error = |kind: io::ErrorKind, reason: &str| Error::Io {
        action: "write",
        path: path.to_owned(),
        source: io::Error::new(kind, reason.to_owned()),
    };
    if path.is_dir() {
        return Err(error(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !folder(path).is_dir() {
        return Err(error(io::ErrorKind::NotFound, "its folder does not exist"));
    }
    Ok(())
}

/// Writes a file whole or not at all. A path that exists and is no regular file (a device, a pipe) is written directly.
///
/// # Errors
/// [`Error::Io`]; then nothing new is left in the folder, and a file that was there before is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write(path, &vec![bytes.into()], Readers::All).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

/// As [`write_atomically`], for a secret: from its first byte on, nobody but its owner can read the file.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_private_pieces(path, &vec![bytes.into()])
}

/// As [`write_private`], in pieces.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_private_pieces(path: &Path, pieces: &Pieces<'_>) -> Result<(), Error> {
    write(path, pieces, Readers::Owner).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

/// Whether others than its owner can read a file; false where the system cannot tell.
#[must_use]
pub fn readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    let others = |metadata: &fs::Metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o044 != 0;
    #[cfg(not(unix))]
    let others = |_: &fs::Metadata| false;
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && others(&metadata))
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Owner,
    /// As far as the process's umask lets them.
    All,
}

fn write(path: &Path, pieces: &Pieces<'_>, readers: Readers) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        pieces.iter().try_for_each(|piece| file.write_all(piece))?;
        return file.flush();
    }
    // A link keeps pointing at the file that is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(if readers == Readers::Owner { 0o600 } else { 0o666 }));
    }
    let file = builder.tempfile_in(folder(&path))?;
    let entry = Unfinished::new(file.path());
    pieces.iter().try_for_each(|piece| file.as_file().write_all(piece))?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    drop(entry);
    // The new name is in the folder, which has to reach the disk as well.
    #[cfg(unix)]
    fs::File::open(folder(&path))?.sync_all()?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Registers a temporary file while it lives.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vk");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.vk"]);
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vt");
        // A file that others could read is replaced by one that they cannot.
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(readable_by_others(&path));
        write_private_pieces(&path, &vec![b"n".as_slice().into(), b"ew".as_slice().into()]).unwrap();
        assert!(!readable_by_others(&path));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_missing_folder_is_an_error_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/a.vk");
        assert!(matches!(check_destination(&path), Err(Error::Io { action: "write", .. })));
        assert!(matches!(write_atomically(&path, b"x"), Err(Error::Io { action: "write", .. })));
        assert!(matches!(check_destination(folder.path()), Err(Error::Io { .. })));
        assert!(check_destination(&folder.path().join("a.vk")).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_an_error() {
        let Err(Error::Io { source, .. }) = write_atomically(Path::new("/dev/full"), b"x") else {
            panic!("a full device took a file")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert!(!fs::metadata("/dev/full").unwrap().is_file());
    }

    #[test]
    fn unfinished_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".a.part");
        fs::write(&path, b"half").unwrap();
        remove(&Mutex::new(BTreeSet::from([path])));
        assert!(names(folder.path()).is_empty());
    }
}
