//! Renewal of a model commitment: a new table with fresh masks, and the chain that leads from the first table to it.
//!
//! A link holds an earlier root and the proof that the table after it holds the same weights
//! ([`veritorch_commitment::model::renew`]). The statement of each link is derived: the key's layout, and two neighbouring roots. All
//! tables of a chain have one identity, that of the first. Over the cubic extension, with more work than for a proof.

use serde::{Deserialize, Serialize};
use veritorch_commitment::model::{InMemory, Openings, Renewal, Reservation};
use veritorch_commitment::security::total_bits;
use veritorch_commitment::{CommitmentError, ModelLayout, ModelProver, SecurityLevel};
use veritorch_sumcheck::E3;
use veritorch_sumcheck::random::SecretRng;

use crate::clock::Clock;
use crate::error::{ProveError, VerifyError};
use crate::key::{Model, ProvingKey, VerifyingKey, commit};
use crate::progress::Progress;
use crate::segments;
use crate::security::{SecurityReport, SecurityTerm};

/// Links of a chain.
pub const MAX_RENEWALS: usize = 1 << 10;

/// An earlier table of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its root.
    pub root: [u8; 32],
    /// The proof that the next table holds the same weights.
    pub proof: Vec<u8>,
}

/// Bits that each term of a renewal has beyond those of a proof, by more work: the error of all links of a chain adds to that of
/// every proof.
const EXTRA_BITS: usize = 6;

/// The scheme for the tables of a key.
fn scheme<'a>(key: &VerifyingKey, layout: &'a ModelLayout) -> Result<Renewal<'a, E3>, CommitmentError> {
    let level = key.level();
    Renewal::new(layout, SecurityLevel { bits: level.bits + EXTRA_BITS, grinding: level.grinding + EXTRA_BITS })
}

/// Commits to the same weights under fresh masks: the new key, and the link that leads to it. One opening of each table is used up: of
/// the old one that which `openings` gives, of the new one its first. In a key of several segments the one opening is that of all tables.
///
/// # Errors
/// If the weights are public, the opening is refused or the caller interrupts.
pub fn renew(key: &ProvingKey, openings: &dyn Openings, progress: &dyn Progress) -> Result<(ProvingKey, Link), ProveError> {
    if key.vk.is_segmented() {
        return segments::renew(key, openings, progress);
    }
    let mut clock = Clock::new(progress);
    let (model, proof) = renew_table(key, openings, &mut clock)?;
    let vk = VerifyingKey { model_root: model.root(), ..key.vk.clone() };
    Ok((ProvingKey { vk, params: key.params.clone(), model: Model::Whole(model) }, Link { root: key.vk.model_root, proof }))
}

/// The new table of a key without segments, with the proof that it holds the same weights.
pub(crate) fn renew_table(key: &ProvingKey, openings: &dyn Openings, clock: &mut Clock<'_>) -> Result<(ModelProver, Vec<u8>), ProveError> {
    let layout = key.vk.model_layout()?;
    let renewal = scheme(&key.vk, &layout)?;
    clock.begin("commit to the model")?;
    let model = commit(&key.vk, &key.params)?;
    clock.begin("prove that the weights are the same")?;
    let old = Reservation::take(&layout, openings).map_err(ProveError::Openings)?;
    let new = Reservation::take(&layout, &InMemory::new(1)).map_err(ProveError::Openings)?;
    let proof = renewal.prove([key.model()?, &model], [old, new], &mut SecretRng::from_os()?)?;
    Ok((model, proof))
}

/// Checks that every table of a chain, the key's own last, holds the weights of the one before it.
///
/// # Errors
/// The link that does not hold.
pub fn verify_renewals(key: &VerifyingKey, chain: &[Link]) -> Result<(), VerifyError> {
    if chain.is_empty() {
        return Ok(());
    }
    if chain.len() > MAX_RENEWALS {
        return Err(VerifyError::Renewals { links: chain.len() });
    }
    key.check::<VerifyError>()?;
    tables(key, chain)?.iter().try_for_each(|(key, chain)| verify_tables(key, chain))
}

/// The keys with a table of their own: this one, or those of its segments, each with the links of its own tables.
fn tables(key: &VerifyingKey, chain: &[Link]) -> Result<Vec<(VerifyingKey, Vec<Link>)>, VerifyError> {
    if key.is_segmented() { segments::chains(key, chain) } else { Ok(vec![(key.clone(), chain.to_vec())]) }
}

/// Of a key without segments.
fn verify_tables(key: &VerifyingKey, chain: &[Link]) -> Result<(), VerifyError> {
    let layout = key.model_layout()?;
    let renewal = scheme(key, &layout)?;
    let next = chain.iter().skip(1).map(|link| link.root).chain([key.model_root]);
    for (index, (link, next)) in chain.iter().zip(next).enumerate() {
        let refused = |source| VerifyError::Renewal { link: index + 1, source };
        renewal.verify(&[link.root, next], &link.proof).map_err(refused)?;
    }
    Ok(())
}

/// What names the model across all its tables: a hash of the layout and of the first root; of a model in segments, a hash of theirs.
///
/// # Errors
/// If the circuit's weights cannot be laid out, or the chain is not one of this key.
pub fn model_identity(key: &VerifyingKey, chain: &[Link]) -> Result<[u8; 32], VerifyError> {
    let identity = |(key, chain): &(VerifyingKey, Vec<Link>)| {
        let first = chain.first().map_or(key.model_root, |link| link.root);
        Ok(key.model_layout()?.identity(&first))
    };
    let identities = tables(key, chain)?.iter().map(identity).collect::<Result<Vec<[u8; 32]>, CommitmentError>>()?;
    Ok(match identities.as_slice() {
        [only] if !key.is_segmented() => *only,
        several => blake3::derive_key("veritorch 2026 identity of a model in segments v1", several.as_flattened()),
    })
}

/// What a proof under a renewed key is worth: the proof's own terms, and one for all links. It may fall below the profile's target.
///
/// # Errors
/// If no renewal is possible.
pub fn with_renewals(report: SecurityReport, key: &VerifyingKey, chain: &[Link]) -> Result<SecurityReport, VerifyError> {
    if chain.is_empty() {
        return Ok(report);
    }
    let mut terms = Vec::new();
    for (key, _) in tables(key, chain)? {
        let layout = key.model_layout()?;
        terms.extend(scheme(&key, &layout)?.security_terms());
    }
    let bits = total_bits(&terms) - (chain.len() as f64).log2();
    let plural = if chain.len() == 1 { "" } else { "s" };
    let term = SecurityTerm { name: format!("model: {} renewal{plural}", chain.len()), bits };
    Ok(SecurityReport::new(report.terms.into_iter().chain([term]).collect()))
}
