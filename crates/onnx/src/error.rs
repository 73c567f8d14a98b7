//! Errors of the importer: each names the place in the user's model.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;
use veritorch_graph::model::ModelError;

/// Why an ONNX file is refused.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bytes are no ONNX model.
    #[error("not an onnx model: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The operator set is too old, too new or missing.
    #[error("operator set {version} is not supported, expected {} to {}", .supported.0, .supported.1)]
    Opset {
        /// Version in the file.
        version: i64,
        /// First and last version that load.
        supported: (i64, i64),
    },
    /// Operators or attributes without a lowering, all of the model at once.
    #[error("{} of the model's operators {} not supported:{}", .0.len(), if .0.len() == 1 { "is" } else { "are" }, Lines(.0))]
    Unsupported(Vec<UnsupportedNode>),
    /// A node breaks a rule of its operator.
    #[error("{op} node `{node}`{}: {reason}", Place(.source_line))]
    Node {
        /// Name of the node.
        node: String,
        /// ONNX operator.
        op: String,
        /// The user's source line, where the exporter kept it.
        source_line: Option<String>,
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
    /// A weight, or a constant that folding made, is not a number where a number is needed.
    #[error("tensor `{tensor}`: entry {index} is {value}, but `{reader}` needs finite numbers")]
    NotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Name of the node or output that reads it.
        reader: String,
        /// Row-major position.
        index: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// An input's type or shape is not usable.
    #[error("input `{input}`: {reason}")]
    Input {
        /// Name of the input.
        input: String,
        /// What is wrong.
        reason: String,
    },
    /// An extent is given for an axis that the file does not name.
    #[error("axis `{axis}`: no input has an open axis of this name{}{open}", if open.is_empty() { "" } else { "; there are " })]
    Axis {
        /// The name that was given.
        axis: String,
        /// The names in the file, comma-separated.
        open: String,
    },
    /// The file says another shape than follows from the operators.
    #[error("value `{value}`: its shape is {inferred:?}, but the file says {declared}")]
    ShapeMismatch {
        /// Name of the value.
        value: String,
        /// What follows from the operators.
        inferred: Vec<usize>,
        /// What the file says, names for symbolic extents.
        declared: String,
    },
    /// The graph is no DAG of named values.
    #[error("graph: {reason}")]
    Graph {
        /// What is wrong, naming the value or node.
        reason: String,
    },
    /// The model graph's own checker refuses the result.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A node that cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedNode {
    /// Name of the node.
    pub node: String,
    /// ONNX operator, with its domain where it is not ONNX's own.
    pub op: String,
    /// The user's source line, where the exporter kept it.
    pub source_line: Option<String>,
    /// What of it is not supported.
    pub reason: String,
    /// What the user can do.
    pub hint: Option<String>,
}

impl fmt::Display for UnsupportedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} `{}`{}: {}",
            self.op,
            self.node,
            Place(&self.source_line),
            self.reason
        )
    }
}

struct Lines<'a>(&'a [UnsupportedNode]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|node| write!(f, "\n  {node}"))
    }
}

struct Place<'a>(&'a Option<String>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .as_ref()
            .map_or(Ok(()), |line| write!(f, " ({line})"))
    }
}

impl OnnxError {
    /// What the user can do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Malformed { .. } => Some("export the model again, for instance with torch.onnx.export".to_owned()),
            Self::Opset { version, supported } => Some(if *version < supported.0 {
                "convert the file with onnx.version_converter, or export it again".to_owned()
            } else {
                format!("export with opset_version={}", supported.1)
            }),
            Self::Unsupported(nodes) => {
                let mut hints: Vec<&str> = nodes.iter().filter_map(|node| node.hint.as_deref()).collect();
                hints.sort_unstable();
                hints.dedup();
                (!hints.is_empty()).then(|| hints.join("; "))
            }
            Self::Tensor { .. } | Self::Axis { .. } => None,
            Self::NotFinite { .. } => Some(
                "look at the checkpoint: training may have diverged; minus infinity may only mask a Softmax".to_owned(),
            ),
            Self::Input { .. } => {
                Some("give the input's shape or the axis's extent, or export with fixed shapes".to_owned())
            }
            Self::ShapeMismatch { .. } => Some("remove the file's value_info, or export the model again".to_owned()),
            Self::Node { .. } | Self::Graph { .. } | Self::Model(_) => None,
        }
    }
}
