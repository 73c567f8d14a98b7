//! Files as memory: read-only maps, whose pages are read when they are needed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::Bytes;

/// The bytes of a file. It must not be cut short or written to while they are in use.
///
/// # Errors
/// If it cannot be read, or is a folder or a device.
pub fn map_file(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a file"));
    }
    if metadata.len() == 0 {
        return Ok(Arc::new([]));
    }
    Ok(Arc::new(map_read_only(&file)?))
}

#[expect(unsafe_code, reason = "mapping a file cannot be checked by the compiler; this is the only place")]
fn map_read_only(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is read-only and shared by reference count with every view of it, every bit pattern is valid for
    // `u8`, and views are cut with their range checked against the map's length. What stays with the user is not to
    // truncate or rewrite the file meanwhile, as for any memory-mapped reader.
    unsafe { Mmap::map(file) }
}
