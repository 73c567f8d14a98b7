//! What goes to standard error: progress on a terminal, notes, warnings and errors.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use veritorch::Progress;

use crate::failure::Failure;
use crate::interrupt;

/// Standard error.
pub(crate) struct Terminal {
    quiet: bool,
    colour: bool,
    /// Shown on a terminal only.
    bar: Option<ProgressBar>,
    phase: Mutex<Option<(&'static str, Instant)>>,
    /// Which segment of how many, from 0.
    segment: Mutex<Option<(usize, usize)>>,
}

impl Terminal {
    /// Looks at the environment once.
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = terminal && !no_colour;
        let bar = (terminal && !quiet).then(|| {
            let template = if colour { "{spinner:.cyan} {msg} {elapsed:.dim}" } else { "{spinner} {msg} {elapsed}" };
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        Self { quiet, colour, bar, phase: Mutex::new(None), segment: Mutex::new(None) }
    }

    /// Ends the current phase.
    pub(crate) fn finish(&self) {
        let ended = self.phase.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bar) = &self.bar {
            if let Some((name, start)) = ended {
                bar.suspend(|| eprintln!("  {name} {:.2} s", start.elapsed().as_secs_f64()));
            }
            bar.finish_and_clear();
        }
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write(text);
        }
    }

    /// Something that may be wrong.
    pub(crate) fn warning(&self, text: &str) {
        self.write(&format!("{} {text}", self.paint("33;1", "warning:")));
    }

    /// What went wrong.
    pub(crate) fn error(&self, failure: &Failure) {
        self.write(&format!("{} {failure}", self.paint("31;1", "error:")));
        if let Some(hint) = failure.hint() {
            self.write(&format!("{} {hint}", self.paint("36;1", "hint:")));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn write(&self, text: &str) {
        let write = || {
            // nowhere to report that standard error is closed
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Progress for Terminal {
    fn phase(&self, name: &'static str) {
        let segment = *self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = phase.replace((name, Instant::now()));
        if let Some(bar) = &self.bar {
            if let Some((name, start)) = ended {
                bar.suspend(|| eprintln!("  {name} {:.2} s", start.elapsed().as_secs_f64()));
            }
            bar.reset_elapsed();
            match segment {
                Some((index, count)) => bar.set_message(format!("segment {} of {count}: {name}", index + 1)),
                None => bar.set_message(name),
            }
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    fn segment(&self, index: usize, count: usize) {
        *self.segment.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, count));
        if let Some(bar) = &self.bar {
            bar.suspend(|| eprintln!("segment {} of {count}", index + 1));
        }
    }

    fn interrupted(&self) -> bool {
        interrupt::requested()
    }
}
