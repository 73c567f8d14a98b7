//! The library's errors as the package's exceptions.

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use veritorch::{CheckpointError, Error};
use veritorch::artefact::Kind;
use veritorch_commitment::CommitmentError;
use veritorch_execute::ExecuteError;
use veritorch_lookup::LookupError;
use veritorch_prove::VerifyError;
use veritorch_quantise::QuantiseError;
use veritorch_sumcheck::TranscriptError;

/// The exception for an error.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    if matches!(error, Error::Interrupted) {
        return PyKeyboardInterrupt::new_err(());
    }
    build(py, error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let (class, check) = class(error);
    let options = PyDict::new(py);
    options.set_item("hint", error.hint())?;
    if let Some(check) = check {
        options.set_item("check", check)?;
    }
    let class = py.import("veritorch._errors")?.getattr(class)?;
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&options))?))
}

/// JSON of something that the library made.
pub(crate) fn json(inspection: &veritorch::inspect::Inspection) -> PyResult<String> {
    serde_json::to_string(inspection).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Name of the exception, and for a refused proof the check that failed.
fn class(error: &Error) -> (&'static str, Option<&'static str>) {
    const VERIFICATION: &str = "VerificationError";
    match error {
        Error::Truncated { kind: Some(Kind::Proof), .. } | Error::Damaged { kind: Some(Kind::Proof), .. } => {
            (VERIFICATION, Some("file"))
        }
        Error::OtherModel { .. } => (VERIFICATION, Some("model")),
        Error::Mismatch { what, .. } => (VERIFICATION, Some(what)),
        Error::Note { .. } => (VERIFICATION, Some("note")),
        Error::Link { .. } => (VERIFICATION, Some("link")),
        Error::Rejected(error) => (VERIFICATION, Some(check(error))),
        Error::Prove(_) => ("ProofError", None),
        Error::Io { .. }
        | Error::NotAnArtefact { .. }
        | Error::WrongKind { .. }
        | Error::Version { .. }
        | Error::Truncated { .. }
        | Error::Damaged { .. }
        | Error::Parts { .. } => ("ArtifactError", None),
        Error::MissingArray { what, .. }
        | Error::UnknownArray { what, .. }
        | Error::Shape { what, .. }
        | Error::Dtype { what, .. }
        | Error::NotFinite { what, .. }
        | Error::NoSamples { what, .. }
        | Error::Batches { what, .. } => (if *what == "calibration" { "CalibrationError" } else { "InputError" }, None),
        Error::NotPublic { .. } => ("InputError", None),
        Error::Execute(ExecuteError::Refused { .. }) => ("RefusedInput", None),
        Error::Execute(_) => ("InputError", None),
        Error::Text { .. } => (VERIFICATION, Some("text")),
        Error::Checkpoint(CheckpointError::Text { .. }) => ("CalibrationError", None),
        Error::Onnx { .. } | Error::Tflite { .. } | Error::Model(_) | Error::Checkpoint(_) => ("ModelError", None),
        Error::Quantise(error) => (quantise_class(error), None),
        Error::Ledger(_) => ("LedgerError", None),
        Error::Option { .. } | Error::UnknownModel { .. } => ("OptionError", None),
        Error::Interrupted => ("VeritorchError", None),
    }
}

fn quantise_class(error: &QuantiseError) -> &'static str {
    match error {
        QuantiseError::Option { .. } => "OptionError",
        QuantiseError::Model { .. } | QuantiseError::Unsupported { .. } | QuantiseError::NotTotal { .. } | QuantiseError::Circuit(_) => "ModelError",
        _ => "CalibrationError",
    }
}

/// The check that a refused proof failed.
fn check(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::Circuit(_) => "verifying key",
        VerifyError::Statement { .. } => "statement",
        VerifyError::Security { .. } => "security level",
        VerifyError::Transcript(error)
        | VerifyError::Lookup(LookupError::Transcript(error))
        | VerifyError::Commitment(CommitmentError::Transcript(error)) => message(error),
        VerifyError::Lookup(_) => "lookup",
        VerifyError::Commitment(_) => "opening",
        VerifyError::Renewal { .. } | VerifyError::Renewals { .. } => "renewal",
        VerifyError::Segment { source, .. } => check(source),
    }
}

fn message(error: &TranscriptError) -> &'static str {
    match error {
        TranscriptError::Check { check } => check,
        TranscriptError::Truncated { label, .. }
        | TranscriptError::NonCanonical { label, .. }
        | TranscriptError::Malformed { label, .. }
        | TranscriptError::Grinding { label, .. }
        | TranscriptError::TooManyPads { label } => label,
        TranscriptError::Product | TranscriptError::Rehearsal { .. } => "masking",
        TranscriptError::Trailing { .. } => "end of the proof",
    }
}
