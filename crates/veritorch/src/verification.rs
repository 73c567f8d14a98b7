//! What a verified proof says, in words.

use std::fmt;

use veritorch_graph::circuit::{Policy, Visibility};
use veritorch_prove::SecurityReport;

use crate::Arrays;
use crate::commitment::PortCommitment;
use crate::inspect::bits;

/// A proof that was accepted, and what it says. Prints as one paragraph.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Name of the model.
    pub model: String,
    /// Digest of the circuit, in hex.
    pub circuit_digest: String,
    /// The model commitment, in hex.
    pub model_commitment: String,
    /// Who sees what.
    pub policy: Policy,
    /// Samples.
    pub batch: usize,
    /// Public inputs in the model's units, by name; `None` where the policy keeps them private.
    pub inputs: Option<Arrays>,
    /// Public outputs in the model's units, by name; `None` where the policy keeps them private.
    pub outputs: Option<Arrays>,
    /// How often the model commitment was renewed, each time proved to hold the same weights.
    pub renewals: usize,
    /// Commitments to inputs and outputs, inputs first, if the policy commits them.
    pub commitments: Vec<PortCommitment>,
    /// What the proof is worth.
    pub security: SecurityReport,
}

impl Verification {
    /// What the verifier knows.
    #[must_use]
    pub fn shown(&self) -> Vec<&'static str> {
        let mut shown = vec!["the circuit"];
        for (visibility, values, commitment) in self.classes() {
            match visibility {
                Visibility::Public => shown.push(values),
                Visibility::Committed => shown.push(commitment),
                Visibility::Private => {}
            }
        }
        shown
    }

    /// What the proof reveals nothing about.
    #[must_use]
    pub fn hidden(&self) -> Vec<&'static str> {
        let classes = self.classes().into_iter().filter(|(visibility, _, _)| *visibility != Visibility::Public);
        let mut hidden: Vec<&str> = classes.map(|(_, values, _)| values).collect();
        // Where all else is public anyone can compute them, and proofs do without masks.
        if !hidden.is_empty() {
            hidden.push("every intermediate value");
        }
        hidden
    }

    fn classes(&self) -> [(Visibility, &'static str, &'static str); 3] {
        let Policy { input, output, weights } = self.policy;
        [
            (weights, "the weights", "a commitment to the weights"),
            (input, "the input", "a commitment to the input"),
            (output, "the output", "a commitment to the output"),
        ]
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = if self.batch == 1 { "1 sample".to_owned() } else { format!("{} samples", self.batch) };
        let output = if self.outputs.is_some() { "this output" } else { "an output of its own" };
        write!(
            f,
            "The model `{}` under the commitment {}, run on {samples} exactly as the circuit {} defines, gives {output}. \
             Public: {}. Hidden: {}. A false statement passes with a chance of at most 2^-{}.",
            self.model,
            short(&self.model_commitment),
            short(&self.circuit_digest),
            list(&self.shown()),
            list(&self.hidden()),
            bits(self.security.bits),
        )
    }
}

/// Eight bytes of a hash.
fn short(hex: &str) -> &str {
    hex.get(..16).unwrap_or(hex)
}

/// `a, b and c`
fn list(items: &[&str]) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_for_every_policy() {
        let security = SecurityReport { terms: Vec::new(), bits: 104.37 };
        let mut verification = Verification {
            model: "mnist".to_owned(),
            circuit_digest: "ab".repeat(32),
            model_commitment: "cd".repeat(32),
            policy: Policy::default(),
            batch: 1,
            inputs: None,
            outputs: Some(Arrays::new()),
            renewals: 0,
            commitments: Vec::new(),
            security,
        };
        assert_eq!(
            verification.to_string(),
            "The model `mnist` under the commitment cdcdcdcdcdcdcdcd, run on 1 sample exactly as the circuit \
             abababababababab defines, gives this output. Public: the circuit and the output. Hidden: the weights, the \
             input and every intermediate value. A false statement passes with a chance of at most 2^-104.3."
        );
        verification.policy =
            Policy { input: Visibility::Committed, output: Visibility::Private, weights: Visibility::Public };
        verification.outputs = None;
        assert_eq!(verification.shown(), ["the circuit", "the weights", "a commitment to the input"]);
        assert_eq!(verification.hidden(), ["the input", "the output", "every intermediate value"]);
        assert!(verification.to_string().contains("an output of its own"));
        verification.policy =
            Policy { input: Visibility::Public, output: Visibility::Public, weights: Visibility::Public };
        assert!(verification.to_string().contains("Hidden: nothing."));
    }
}
