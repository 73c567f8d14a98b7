//! Who sees what: a policy per class of tensors, part of the circuit and so of its digest.
//!
//! Intermediate tensors are never part of a statement.

use serde::{Deserialize, Serialize};

use super::CircuitError;

/// Who may see a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Its values are known to the verifier.
    Public,
    /// The statement says nothing about it.
    Private,
    /// The statement holds a salted commitment to it.
    Committed,
}

impl Visibility {
    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Committed => "committed",
        }
    }
}

/// What the statement shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// All inputs of the model.
    pub input: Visibility,
    /// All outputs of the model.
    pub output: Visibility,
    /// All weights of the model, public or private: they are committed to in either case.
    pub weights: Visibility,
}

impl Default for Policy {
    /// Private weights, private input, public output.
    fn default() -> Self {
        Self { input: Visibility::Private, output: Visibility::Public, weights: Visibility::Private }
    }
}

impl Policy {
    /// Whether this version can prove under the policy.
    ///
    /// # Errors
    /// Weights have no third policy.
    pub fn check(&self) -> Result<(), CircuitError> {
        let refused = |reason: &str| Err(CircuitError::Item { item: "policy".to_owned(), reason: reason.to_owned() });
        if self.weights == Visibility::Committed {
            return refused("weights are committed in any case, expected `public` or `private`");
        }
        Ok(())
    }
}
