//! Errors of the model graph's checker.

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
}
