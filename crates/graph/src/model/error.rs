//! Errors of the model graph's checker and evaluator.

use thiserror::Error;

/// Why a model graph is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// A node breaks a rule of the model graph.
    #[error("node `{node}`: {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// The rule, with expected and actual.
        reason: String,
    },
    /// A value breaks a rule of the model graph.
    #[error("value `{value}`: {reason}")]
    Value {
        /// Name of the value.
        value: String,
        /// The rule, with expected and actual.
        reason: String,
    },
    /// An operator does not fit its operands; the caller adds the node's name.
    #[error("{op}: {reason}")]
    Operator {
        /// Name of the operator.
        op: &'static str,
        /// The rule, with expected and actual.
        reason: String,
    },
    /// The caller's input does not fit the graph.
    #[error("input `{input}`: expected {expected} numbers, got {actual}")]
    Input {
        /// Name of the input, or its position where the graph has fewer.
        input: String,
        /// Numbers wanted.
        expected: usize,
        /// Numbers given.
        actual: usize,
    },
}

impl ModelError {
    /// Puts a node's name to an operator's error.
    #[must_use]
    pub fn at(self, node: &str) -> Self {
        match self {
            Self::Operator { op, reason } => Self::Node {
                node: node.to_owned(),
                reason: format!("{op}: {reason}"),
            },
            other => other,
        }
    }
}
