//! The one error of this library: what went wrong, where, and what can be done about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use veritorch_checkpoint::CheckpointError;
use veritorch_execute::ExecuteError;
use veritorch_graph::model::ModelError;
use veritorch_onnx::OnnxError;
use veritorch_tflite::TfliteError;
use veritorch_prove::{ProveError, VerifyError};
use veritorch_quantise::QuantiseError;

use crate::artefact::Kind;
use crate::ledger::LedgerError;

/// Why a call failed. [`Error::hint`] says what to do, [`Error::exit_code`] what a command returns.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// `read`, `write` or `remove`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not one of ours.
    #[error("`{}` is not a veritorch file: it looks like {looks_like}", path.display())]
    NotAnArtefact {
        /// The file.
        path: PathBuf,
        /// A guess.
        looks_like: &'static str,
    },
    /// A file is ours and of another kind.
    #[error("`{}` is a {actual}, expected a {expected}", path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What the call needs.
        expected: Kind,
        /// What it was given.
        actual: Kind,
    },
    /// A file has another format version.
    #[error("`{}` has format version {found}, this build reads version {supported}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The version of this build.
        supported: u16,
    },
    /// A file ends too early.
    #[error("`{}` is truncated: expected {expected} bytes, got {actual}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its kind, where that could be read.
        kind: Option<Kind>,
        /// Its length by its own header.
        expected: u64,
        /// Its length.
        actual: u64,
    },
    /// A file does not hold what its header promises.
    #[error("`{}` is damaged in its section `{section}`: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its kind, where that could be read.
        kind: Option<Kind>,
        /// Where.
        section: String,
        /// How.
        reason: String,
    },
    /// What was kept of an unfinished proof cannot be used.
    #[error("cannot go on with the segments in `{}`: {reason}", path.display())]
    Parts {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An array that the model needs is not there.
    #[error("{what} `{name}` is missing; given: {}", list(given))]
    MissingArray {
        /// `input`, `calibration` or `output`.
        what: &'static str,
        /// The model's name for it.
        name: String,
        /// The names that are there.
        given: Vec<String>,
    },
    /// An array that the model does not have.
    #[error("{what} `{name}` is not in the model, which has: {}", list(known))]
    UnknownArray {
        /// `input`, `calibration` or `output`.
        what: &'static str,
        /// The name that was given.
        name: String,
        /// The model's names.
        known: Vec<String>,
    },
    /// An array has another shape than the model's.
    #[error("{what} `{name}`: expected shape {expected:?} (or samples of it on one axis in front), got {actual:?}")]
    Shape {
        /// `input`, `calibration` or `output`.
        what: &'static str,
        /// The array.
        name: String,
        /// Shape of one sample.
        expected: Vec<usize>,
        /// Shape given.
        actual: Vec<usize>,
    },
    /// An array has a type that does not stand for numbers, or not without loss.
    #[error("{what} `{name}`: {reason}")]
    Dtype {
        /// `input`, `calibration`, `output` or a file.
        what: &'static str,
        /// The array.
        name: String,
        /// Type found and why it is refused.
        reason: String,
    },
    /// NaN or infinity.
    #[error("{what} `{name}` at {index:?} is {value}")]
    NotFinite {
        /// `input`, `calibration` or `output`.
        what: &'static str,
        /// The array.
        name: String,
        /// Where.
        index: Vec<usize>,
        /// What.
        value: f32,
    },
    /// An array without samples.
    #[error("{what} `{name}` holds no samples")]
    NoSamples {
        /// `input` or `calibration`.
        what: &'static str,
        /// The array.
        name: String,
    },
    /// Arrays with different numbers of samples.
    #[error("{what}: `{first}` has {first_batch} samples, `{second}` has {second_batch}")]
    Batches {
        /// `input`, `calibration` or `output`.
        what: &'static str,
        /// One array.
        first: String,
        /// Its samples.
        first_batch: usize,
        /// Another array.
        second: String,
        /// Its samples.
        second_batch: usize,
    },
    /// An option that does not make sense.
    #[error("{option}: {reason}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Expected and actual.
        reason: String,
    },
    /// No built-in model has this name.
    #[error("no built-in model is called `{name}`; there are: {}", list(known))]
    UnknownModel {
        /// Name given.
        name: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// A proof speaks of another model than the key.
    #[error("this proof is for another model: it names {what} {actual}, the key has {expected}")]
    OtherModel {
        /// `circuit` or `model commitment`.
        what: &'static str,
        /// The key's.
        expected: String,
        /// The proof's.
        actual: String,
    },
    /// A public value of a proof is not the one that was expected.
    #[error("{what} `{name}` at {index:?}: the proof says {actual}, expected {expected}")]
    Mismatch {
        /// `input` or `output`.
        what: &'static str,
        /// The array.
        name: String,
        /// Where.
        index: Vec<usize>,
        /// The value that was expected, in the model's units.
        expected: f64,
        /// The value in the proof, in the model's units.
        actual: f64,
    },
    /// Two ports do not carry the same committed tensor.
    #[error("{first} and {second} are not linked: {reason}")]
    Link {
        /// One port.
        first: String,
        /// The other, or a commitment.
        second: String,
        /// What differs.
        reason: String,
    },
    /// A comparison with something that the policy keeps private.
    #[error("the policy keeps every {what} private: the proof does not show it")]
    NotPublic {
        /// `input` or `output`.
        what: &'static str,
    },
    /// The ONNX file is refused.
    #[error("`{}`: {source}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OnnxError,
    },
    /// The TensorFlow Lite file is refused.
    #[error("`{}`: {source}", path.display())]
    Tflite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TfliteError,
    },
    /// The checkpoint or a text is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A proof is not of a generated text.
    #[error("{reason}")]
    Text {
        /// Why.
        reason: String,
    },
    /// The model, its calibration data or an option is refused.
    #[error(transparent)]
    Quantise(QuantiseError),
    /// A model graph breaks a rule.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The circuit refuses the input, or does not fit it.
    #[error(transparent)]
    Execute(ExecuteError),
    /// No opening of the model commitment was counted.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no proof.
    #[error(transparent)]
    Prove(ProveError),
    /// The proof is refused.
    #[error("the proof is not valid: {0}")]
    Rejected(VerifyError),
    /// A proof's note of where it comes from is wrong.
    #[error("the proof is not valid: {reason}")]
    Note {
        /// How.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<QuantiseError> for Error {
    fn from(error: QuantiseError) -> Self {
        match error {
            QuantiseError::Execute(error) => error.into(),
            error => Self::Quantise(error),
        }
    }
}

impl From<ExecuteError> for Error {
    fn from(error: ExecuteError) -> Self {
        Self::Execute(error)
    }
}

impl From<ProveError> for Error {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Interrupted => Self::Interrupted,
            ProveError::Execute(error) => error.into(),
            ProveError::Openings(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(error) => Self::Prove(ProveError::Openings(error)),
            },
            error => Self::Prove(error),
        }
    }
}

impl From<VerifyError> for Error {
    fn from(error: VerifyError) -> Self {
        Self::Rejected(error)
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Error {
    /// What can be done about it, where something can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { action, source, .. } => match source.kind() {
                io::ErrorKind::NotFound if *action == "read" => "check the path".to_owned(),
                io::ErrorKind::NotFound => "create the folder first".to_owned(),
                io::ErrorKind::StorageFull => "free some space or write elsewhere; nothing was left behind".to_owned(),
                io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder".to_owned(),
                _ => return None,
            },
            Self::NotAnArtefact { looks_like: "an ONNX model" | "a TensorFlow Lite model", .. } => {
                "compile it first: `veritorch compile MODEL --calibration CAL.npz -o OUT.vt`".to_owned()
            }
            Self::NotAnArtefact { .. } => "`compile` writes .vt, .vk and .ledger files, `prove` writes .proof files".to_owned(),
            Self::WrongKind { expected, actual, .. } => match (expected, actual) {
                (Kind::VerifierKey, Kind::ProverKey) => {
                    "`compile` wrote the .vk beside the .vt; only the .vk is given to verifiers".to_owned()
                }
                (Kind::ProverKey, Kind::VerifierKey) => {
                    "a .vk holds no weights; the owner of the model has the .vt".to_owned()
                }
                (_, Kind::Ledger) => "`veritorch ledger MODEL.vt` shows the ledger beside a .vt".to_owned(),
                _ => "check the order of the arguments".to_owned(),
            },
            Self::Version { found, supported, .. } if found > supported => "install a newer veritorch".to_owned(),
            Self::Version { .. } => "compile the model again with this version".to_owned(),
            Self::Truncated { .. } | Self::Damaged { .. } => "copy or make the file again".to_owned(),
            Self::Parts { .. } => "remove the folder to begin anew, or give the input and model that it was begun with".to_owned(),
            Self::MissingArray { .. } | Self::UnknownArray { .. } => {
                "the names are those of the model's file; `veritorch inspect` prints them".to_owned()
            }
            Self::Shape { .. } => {
                "give one sample in the model's own shape, or several along the leading axis".to_owned()
            }
            Self::Dtype { .. } => "convert the array to float32".to_owned(),
            Self::NotFinite { .. } => "NaN and infinity have no integer; look at how the data was made".to_owned(),
            Self::NoSamples { .. } => "give at least one sample; some hundred are better for calibration".to_owned(),
            Self::Batches { .. } => "give every array the same number of samples".to_owned(),
            Self::OtherModel { .. } => "verify with the .vk that belongs to the .vt that made the proof".to_owned(),
            Self::NotPublic { .. } => "compile with `--input public` or `--output public` to show it".to_owned(),
            Self::Onnx { source, .. } => return source.hint(),
            Self::Tflite { source, .. } => return source.hint(),
            Self::Text { .. } => "`veritorch generate` makes proofs of texts".to_owned(),
            Self::Checkpoint(error) => return error.hint().map(str::to_owned),
            Self::Execute(ExecuteError::Refused { .. }) => {
                "the input lies too far from the calibration data; scale it as the model expects, calibrate with samples like it, or compile with `--saturate`".to_owned()
            }
            Self::Ledger(error) => return error.hint().map(str::to_owned),
            Self::Prove(ProveError::Security { .. }) => "prove fewer samples at once, or compile with `--profile high`".to_owned(),
            Self::Model(_) | Self::Quantise(_) | Self::Execute(_) | Self::Prove(_) | Self::Rejected(_) => return None,
            Self::Note { .. } => return None,
            Self::Option { .. } | Self::UnknownModel { .. } | Self::Mismatch { .. } | Self::Interrupted | Self::Link { .. } => return None,
        })
    }

    /// 1: a proof or a check failed; 2: bad use or bad input; 130: interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::OtherModel { .. } | Self::Mismatch { .. } | Self::Text { .. } | Self::Rejected(_) | Self::Note { .. } | Self::Link { .. } => 1,
            Self::Truncated { kind: Some(Kind::Proof), .. } | Self::Damaged { kind: Some(Kind::Proof), .. } => 1,
            Self::Interrupted => 130,
            _ => 2,
        }
    }
}
