//! Phases of a run: their names, their seconds, and the points where it can be interrupted.

use std::time::Instant;

use crate::error::ProveError;
use crate::progress::Progress;

/// Seconds of each phase, in order.
pub type Timings = Vec<(&'static str, f64)>;

/// Times phases and asks whether to go on.
pub(crate) struct Clock<'a> {
    progress: &'a dyn Progress,
    current: Option<(&'static str, Instant)>,
    timings: Timings,
}

impl<'a> Clock<'a> {
    pub(crate) fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, current: None, timings: Vec::new() }
    }

    /// Ends the current phase and begins the next.
    pub(crate) fn begin(&mut self, name: &'static str) -> Result<(), ProveError> {
        self.end();
        self.check()?;
        self.progress.phase(name);
        self.current = Some((name, Instant::now()));
        Ok(())
    }

    /// Whether to go on.
    pub(crate) fn check(&self) -> Result<(), ProveError> {
        if self.progress.interrupted() { Err(ProveError::Interrupted) } else { Ok(()) }
    }

    fn end(&mut self) {
        if let Some((name, start)) = self.current.take() {
            tracing::debug!(phase = name, seconds = start.elapsed().as_secs_f64());
            self.timings.push((name, start.elapsed().as_secs_f64()));
        }
    }

    /// Ends the current phase; the seconds of all.
    pub(crate) fn finish(mut self) -> Timings {
        self.end();
        self.timings
    }
}
