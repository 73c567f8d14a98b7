//! How long work tells what it does and learns that it should stop.

/// Watches a run. Called from the thread that runs; cheap.
pub trait Progress: Sync {
    /// A phase begins.
    fn phase(&self, name: &'static str) {
        let _ = name;
    }

    /// The phases that follow are those of segment `index` of `count`, from 0.
    fn segment(&self, index: usize, count: usize) {
        let _ = (index, count);
    }

    /// Whether the run should stop: it ends with an error at the next phase.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
