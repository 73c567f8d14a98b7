//! What a long call reports while it runs, and how it is told to stop.

pub use veritorch_prove::progress::{Progress, Silent};

use crate::Error;

/// Begins a phase of this library, unless the caller wants to stop.
pub(crate) fn begin(progress: &dyn Progress, phase: &'static str) -> Result<(), Error> {
    if progress.interrupted() {
        return Err(Error::Interrupted);
    }
    progress.phase(phase);
    Ok(())
}
