//! Errors of the circuit's checker and builder.

use thiserror::Error;

/// Why a circuit is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CircuitError {
    /// A tensor breaks a rule of the circuit.
    #[error("tensor `{tensor}` of node `{node}`: {reason}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// Name of the user's node.
        node: String,
        /// The rule, with expected and actual.
        reason: String,
    },
    /// A table, constraint or port breaks a rule.
    #[error("{item}: {reason}")]
    Item {
        /// `constraint 3`, `table 0`, `output `logits``.
        item: String,
        /// The rule, with expected and actual.
        reason: String,
    },
}
