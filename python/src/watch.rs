//! Long calls: the work runs on its own thread without the interpreter's lock, while the calling thread hands on what
//! the work reports and looks for Ctrl-C.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use veritorch::{Error, Progress};

use crate::errors;

/// How long a signal may wait until it is seen.
const PERIOD: Duration = Duration::from_millis(50);

/// How long an interrupted call waits for its work to end. Work that takes longer ends by itself at its next phase.
const GRACE: Duration = Duration::from_secs(1);

/// Stack of the working thread: that of a process's first thread.
const STACK: usize = 8 << 20;

/// How a long call runs.
#[derive(FromPyObject)]
pub(crate) struct Watch {
    /// Threads of the work, or all that the machine has.
    #[pyo3(item)]
    threads: Option<usize>,
    /// Called with the name of each phase.
    #[pyo3(item)]
    progress: Option<Py<PyAny>>,
}

/// The working thread's end.
struct Reporter {
    phases: Sender<&'static str>,
    stop: Arc<AtomicBool>,
}

impl Progress for Reporter {
    fn phase(&self, name: &'static str) {
        // Nobody listens to work that was given up.
        let _ = self.phases.send(name);
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Watch {
    /// Runs the work. An exception of the callback or of a signal's handler stops it at its next phase and is raised.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&dyn Progress) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<T> {
        let pool = match self.threads {
            None => None,
            Some(0) => return Err(PyValueError::new_err("threads: expected at least 1, got 0")),
            Some(threads) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                Some(pool.map_err(|error| PyOSError::new_err(format!("cannot start {threads} threads: {error}")))?)
            }
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (phases, reports) = channel();
        let reporter = Reporter { phases, stop: Arc::clone(&stop) };
        let work = move || match &pool {
            Some(pool) => pool.install(|| work(&reporter)),
            None => work(&reporter),
        };
        let worker = thread::Builder::new().name("veritorch".to_owned()).stack_size(STACK).spawn(work)?;
        if let Some(error) = py.detach(move || self.listen(&reports, &stop)) {
            return Err(error);
        }
        match worker.join() {
            Ok(result) => result.map_err(|error| errors::raise(py, &error)),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Returns when the work has ended, or was given up because of an exception.
    fn listen(&self, reports: &Receiver<&'static str>, stop: &AtomicBool) -> Option<PyErr> {
        let mut raised: Option<(PyErr, Instant)> = None;
        loop {
            let seen = match reports.recv_timeout(PERIOD) {
                Ok(phase) => Python::attach(|py| self.report(py, phase)),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals()),
                Err(RecvTimeoutError::Disconnected) => return raised.map(|(error, _)| error),
            };
            if let Err(error) = seen {
                stop.store(true, Ordering::Relaxed);
                raised.get_or_insert((error, Instant::now()));
            }
            if raised.as_ref().is_some_and(|(_, since)| since.elapsed() > GRACE) {
                return raised.map(|(error, _)| error);
            }
        }
    }

    fn report(&self, py: Python<'_>, phase: &str) -> PyResult<()> {
        py.check_signals()?;
        match &self.progress {
            Some(callback) => callback.call1(py, (phase,)).map(drop),
            None => Ok(()),
        }
    }
}
