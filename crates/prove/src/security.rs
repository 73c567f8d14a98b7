//! What a proof is worth, computed from the sizes at hand.

use serde::{Deserialize, Serialize};
use veritorch_commitment::{CommitmentError, SecurityLevel, model};
use veritorch_graph::circuit::{CircuitError, Constraint, TensorId};
use veritorch_sumcheck::form::padded_vars;
use veritorch_lookup::LookupError;
use veritorch_sumcheck::products;
use veritorch_sumcheck::{E2, E3, Ext};

use crate::error::{ProveError, VerifyError};
use crate::key::VerifyingKey;
use crate::public::{Plan, Public};
use crate::segments::segmented_security;
use crate::tensor::Sizes;
use crate::schedule::{Step, schedule};

/// Field extension and security target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// At least 100 bits: the quadratic extension, or the cubic one where sizes ask for it.
    #[default]
    Standard,
    /// Cubic extension, at least 128 bits.
    High,
}

impl Profile {
    /// What each commitment is asked for, per term, so that the sum of all terms stays above the target by the margin.
    #[must_use]
    pub(crate) fn level_with(self, margin: usize) -> SecurityLevel {
        SecurityLevel { bits: self.target_bits() as usize + 4 + margin, ..SecurityLevel::default() }
    }

    /// The level below which nothing is proved or accepted.
    #[must_use]
    pub fn target_bits(self) -> f64 {
        match self {
            Self::Standard => 100.0,
            Self::High => 128.0,
        }
    }
}

/// Bits that each of several segments may have to be better than the profile asks for.
pub(crate) const MAX_MARGIN: usize = 10;

/// One way in which a false statement could be accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityTerm {
    /// Where it comes from.
    pub name: String,
    /// Its probability is `2^-bits`.
    pub bits: f64,
}

/// All terms and their sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityReport {
    /// The terms.
    pub terms: Vec<SecurityTerm>,
    /// `-log2` of the sum of their probabilities.
    pub bits: f64,
}

impl SecurityReport {
    /// Sums the terms.
    #[must_use]
    pub fn new(terms: Vec<SecurityTerm>) -> Self {
        let total: f64 = terms.iter().map(|term| (-term.bits).exp2()).sum();
        Self { terms, bits: -total.log2() }
    }
}

/// What a proof is derived from, over the field that its challenges are drawn from.
pub(crate) enum AnyPublic {
    /// 128 bits.
    Quadratic(Box<Public<E2>>),
    /// 192 bits.
    Cubic(Box<Public<E3>>),
}

/// What proofs of these sizes are derived from: over the cubic extension in the high profile, and wherever the quadratic one
/// would fall below the target. A public function of key and sizes.
pub(crate) fn any_public<X>(key: &VerifyingKey, sizes: &Sizes) -> Result<AnyPublic, X>
where
    X: From<LookupError> + From<CommitmentError> + From<CircuitError> + From<VerifyError>,
{
    if key.profile == Profile::Standard
        && let Ok(public) = Public::<E2>::new::<VerifyError>(key, sizes)
        && security_in(&public).bits >= key.profile.target_bits() + key.margin() as f64
    {
        return Ok(AnyPublic::Quadratic(Box::new(public)));
    }
    Ok(AnyPublic::Cubic(Box::new(Public::<E3>::new::<X>(key, sizes)?)))
}

/// What proofs of this many samples under a key are worth, with commitments of the usual formats.
///
/// # Errors
/// If no proof of that size is possible.
pub fn security(key: &VerifyingKey, batch: usize) -> Result<SecurityReport, ProveError> {
    key.check::<ProveError>()?;
    let sizes = Sizes::usual(key, batch)?;
    if key.is_segmented() { segmented_security(key, &sizes) } else { security_of(key, &sizes) }
}

/// The same for these sizes and a key without segments.
pub(crate) fn security_of<X>(key: &VerifyingKey, sizes: &Sizes) -> Result<SecurityReport, X>
where
    X: From<LookupError> + From<CommitmentError> + From<CircuitError> + From<VerifyError>,
{
    Ok(match any_public::<X>(key, sizes)? {
        AnyPublic::Quadratic(public) => security_in(&public),
        AnyPublic::Cubic(public) => security_in(&public),
    })
}

pub(crate) fn security_in<E: Ext>(public: &Public<E>) -> SecurityReport {
    let plan = &public.plan;
    let named = |(name, bits): (&str, f64)| SecurityTerm { name: name.to_owned(), bits };
    let mut terms: Vec<SecurityTerm> = plan.lookups.argument.security_terms::<E>().into_iter().map(named).collect();
    terms.push(linear_layers::<E>(plan));
    let mut commitments = Vec::new();
    let mut num_claims = plan.num_witness_claims() + public.num_checks;
    if plan.has_weights() {
        commitments = model::security_terms::<E>(&plan.model, plan.level, plan.num_param_claims(), "model");
        num_claims += plan.model.num_queries() + 1;
    }
    for link in &plan.links {
        commitments.extend(model::security_terms::<E>(&link.layout, plan.level, 1, &link.name));
        num_claims += link.layout.num_queries() + 1;
    }
    if let Some(pads) = &public.pads {
        terms.extend(pads.security_terms::<E>().into_iter().map(named));
        num_claims += products::NUM_CHECKS;
    }
    commitments.extend(public.opening.security_terms(num_claims));
    terms.extend(commitments.into_iter().map(|term| SecurityTerm { name: term.name, bits: term.bits }));
    SecurityReport::new(terms)
}

/// Schwartz-Zippel over everything between lookups and openings: each round errs with at most `3 / |E|`, each
/// batching of `J` claims with `J / |E|`, each constraint point with its number of variables.
fn linear_layers<E: Ext>(plan: &Plan) -> SecurityTerm {
    let circuit = &plan.circuit;
    let vars = |tensor: &TensorId| {
        let own = padded_vars(&circuit.tensor(*tensor).shape);
        let operands = circuit.tensor(*tensor).op.operands();
        operands.iter().map(|id| padded_vars(&circuit.tensor(*id).shape)).max().unwrap_or(0).max(own)
    };
    let steps: usize = schedule(circuit)
        .iter()
        .map(|step| match step {
            // A rewrite needs a sumcheck only where a joint form meets an axiswise map; count it always.
            Step::Rewrite(tensor) => 2 * vars(tensor) + plan.num_claims(*tensor),
            Step::Wave(tensors) => {
                let rounds = tensors.iter().map(vars).max().unwrap_or(0);
                let merged: usize = tensors.iter().map(|&tensor| plan.num_claims(tensor)).sum();
                5 * rounds + 2 * tensors.len() + merged
            }
        })
        .sum();
    let points: usize = circuit.outputs.iter().map(|port| padded_vars(&circuit.tensor(port.tensor).shape)).sum();
    let links: usize = plan.links.iter().map(|link| padded_vars(&circuit.tensor(link.tensor).shape)).sum();
    let zeros: usize = circuit
        .constraints
        .iter()
        .map(|constraint| match constraint {
            Constraint::Zero { tensor } => padded_vars(&circuit.tensor(*tensor).shape),
            Constraint::Lookup { .. } => 0,
        })
        .sum();
    let degree = (steps + points + links + zeros).max(1) as f64;
    SecurityTerm { name: "linear layers: sumchecks and points".to_owned(), bits: E::BITS - degree.log2() }
}
