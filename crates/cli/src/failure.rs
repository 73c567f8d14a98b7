//! Why a command failed, with a hint and an exit code.

use thiserror::Error;

use crate::arrays::ArrayError;

/// Any failure of a command.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The library's.
    #[error(transparent)]
    Library(#[from] veritorch::Error),
    /// A file of arrays.
    #[error(transparent)]
    Arrays(#[from] ArrayError),
    /// An option.
    #[error("{option}: {reason}")]
    Usage {
        /// The option.
        option: &'static str,
        /// Expected and actual.
        reason: String,
    },
    /// A model that was checked does not work.
    #[error("obstacles in the way of the model: {0}")]
    Obstacles(usize),
    /// Standard output is closed or full.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
}

impl Failure {
    /// A bad option.
    pub(crate) fn usage(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Usage { option, reason: reason.into() }
    }

    /// What can be done about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.hint(),
            Self::Arrays(error) => error.hint().map(str::to_owned),
            Self::Usage { .. } | Self::Obstacles(_) | Self::Output(_) => None,
        }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Library(error) => error.exit_code(),
            Self::Obstacles(_) => 1,
            Self::Arrays(_) | Self::Usage { .. } | Self::Output(_) => 2,
        }
    }
}
