//! What a long call reports while it runs, and how it is told to stop.

/// Watches a call. Called from the thread that makes the call; cheap.
pub trait Progress: Sync {
    /// A phase begins.
    fn phase(&self, name: &'static str) {
        let _ = name;
    }

    /// Whether the call should stop: it ends with [`Error::Interrupted`](crate::Error::Interrupted) at the next phase.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
