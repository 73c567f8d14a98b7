//! Ctrl-C: the work stops at its next phase, or, where that takes too long, the process ends at once; in both cases
//! no partial file stays behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a shell expects of a command that was interrupted: 128 + SIGINT.
const EXIT_CODE: i32 = 130;

/// How long the work may take to notice.
const PATIENCE: Duration = Duration::from_millis(400);

/// Watches for SIGINT and SIGTERM.
pub(crate) fn install() {
    let watched = ctrlc::set_handler(|| {
        let again = INTERRUPTED.swap(true, Ordering::SeqCst);
        if !again {
            thread::sleep(PATIENCE);
        }
        veritorch::artefact::remove_unfinished();
        eprintln!("error: interrupted");
        std::process::exit(EXIT_CODE);
    });
    if let Err(error) = watched {
        eprintln!("warning: ctrl-c is not watched: {error}");
    }
}

/// Whether the user wants to stop.
pub(crate) fn requested() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}
