//! Errors of the importer: each names the place in the user's model.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;
use veritorch_onnx::OnnxError;

/// Why a TensorFlow Lite file is refused.
#[derive(Debug, Error)]
pub enum TfliteError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bytes are no TensorFlow Lite model.
    #[error("not a tensorflow lite model: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// Operators or options without a lowering, all of the model at once.
    #[error("{} of the model's operators {} not supported:{}", .0.len(), if .0.len() == 1 { "is" } else { "are" }, Lines(.0))]
    Unsupported(Vec<UnsupportedOperator>),
    /// An operator breaks a rule.
    #[error("{op} `{tensor}`: {reason}")]
    Operator {
        /// The tensor that it gives.
        tensor: String,
        /// TensorFlow Lite's operator.
        op: String,
        /// The rule, with expected and actual.
        reason: String,
    },
    /// A constant cannot be read.
    #[error("tensor `{tensor}`: {reason}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// An input's type or shape is not usable.
    #[error("input `{input}`: {reason}")]
    Input {
        /// Name of the input.
        input: String,
        /// What is wrong.
        reason: String,
    },
    /// An extent is given for a named axis.
    #[error("axis `{axis}`: tensorflow lite files give their axes no names")]
    Axis {
        /// The name that was given.
        axis: String,
    },
    /// What is under construction breaks a rule of the graph.
    #[error(transparent)]
    Graph(#[from] OnnxError),
}

/// An operator that cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedOperator {
    /// The tensor that it gives.
    pub tensor: String,
    /// TensorFlow Lite's operator.
    pub op: String,
    /// What of it is not supported.
    pub reason: String,
    /// What the user can do.
    pub hint: Option<String>,
}

impl fmt::Display for UnsupportedOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.op, self.tensor, self.reason)
    }
}

struct Lines<'a>(&'a [UnsupportedOperator]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|operator| write!(f, "\n  {operator}"))
    }
}

impl TfliteError {
    /// What the user can do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => Some("convert the model again with tf.lite.TFLiteConverter".to_owned()),
            Self::Unsupported(operators) => {
                let mut hints: Vec<&str> = operators.iter().filter_map(|operator| operator.hint.as_deref()).collect();
                hints.sort_unstable();
                hints.dedup();
                (!hints.is_empty()).then(|| hints.join("; "))
            }
            Self::Input { .. } => Some("give the input's shape, or convert with fixed shapes".to_owned()),
            Self::Axis { .. } => Some("give the input's whole shape with --shape NAME=EXTENTS".to_owned()),
            Self::Graph(error) => error.hint(),
            Self::Io { .. } | Self::Operator { .. } | Self::Tensor { .. } => None,
        }
    }
}
