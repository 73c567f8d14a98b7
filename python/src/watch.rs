//! Long calls: the work runs on its own thread without the interpreter's lock, while the calling thread hands on what
//! the work reports and looks for Ctrl-C.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use veritorch::{Error, Progress};

use crate::errors;

/// How long a signal may wait until it is seen.
const PERIOD: Duration = Duration::from_millis(50);

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
struct Reporter<'a> {
    phases: Sender<&'static str>,
    stop: &'a AtomicBool,
}

impl Progress for Reporter<'_> {
    fn phase(&self, name: &'static str) {
        // The other end lives as long as the work.
        let _ = self.phases.send(name);
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Watch {
    /// Runs the work. An exception of the callback or of a signal's handler stops it at its next phase and is raised.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&dyn Progress) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let pool = match self.threads {
            None => None,
            Some(0) => return Err(PyValueError::new_err("threads: expected at least 1, got 0")),
            Some(threads) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                Some(pool.map_err(|error| PyOSError::new_err(format!("cannot start {threads} threads: {error}")))?)
            }
        };
        let stop = &AtomicBool::new(false);
        let (phases, reports) = channel();
        let reporter = Reporter { phases, stop };
        let work = move || match &pool {
            Some(pool) => pool.install(|| work(&reporter)),
            None => work(&reporter),
        };
        let (result, raised) = py.detach(move || {
            thread::scope(|scope| {
                let worker = thread::Builder::new().name("veritorch".to_owned()).stack_size(STACK).spawn_scoped(scope, work)?;
                let mut raised = None;
                loop {
                    let seen = match reports.recv_timeout(PERIOD) {
                        Ok(phase) => Python::attach(|py| self.report(py, phase)),
                        Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals()),
                        Err(RecvTimeoutError::Disconnected) => break,
                    };
                    if let Err(error) = seen {
                        stop.store(true, Ordering::Relaxed);
                        raised.get_or_insert(error);
                    }
                }
                Ok::<_, std::io::Error>((worker.join(), raised))
            })
        })?;
        match (result, raised) {
            (Err(panic), _) => resume_unwind(panic),
            (Ok(_), Some(error)) => Err(error),
            (Ok(result), None) => result.map_err(|error| errors::raise(py, &error)),
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
