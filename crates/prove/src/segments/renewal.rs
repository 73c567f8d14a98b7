//! Renewal of all segments' tables together: one link holds the earlier root and the proof of each.

use veritorch_commitment::CommitmentError;
use veritorch_commitment::model::{InMemory, Openings};

use super::frames;
use super::part::root_of;
use crate::clock::Clock;
use crate::error::{ProveError, VerifyError};
use crate::key::{Model, ProvingKey, SegmentRoot, StoredTable, VerifyingKey};
use crate::progress::Progress;
use crate::renewal::{Link, renew_table};

/// Renews the tables of all segments.
pub(crate) fn renew(key: &ProvingKey, openings: &dyn Openings, progress: &dyn Progress) -> Result<(ProvingKey, Link), ProveError> {
    let parts = key.vk.parts::<ProveError>()?;
    openings.reserve().map_err(ProveError::Openings)?;
    let mut vk = key.vk.clone();
    let (mut tables, mut bytes) = (Vec::with_capacity(parts.len()), Vec::new());
    for ((index, part), own) in parts.iter().enumerate().zip(&mut vk.segments) {
        progress.segment(index, parts.len());
        let (model, proof) = renew_table(&key.part(index, part)?, &InMemory::new(1), &mut Clock::new(progress))?;
        frames::put(&mut bytes, &[own.root], &proof);
        own.root = model.root();
        tables.push(StoredTable::of(&model).into_owned());
    }
    vk.model_root = root_of(&vk.segments);
    let link = Link { root: key.vk.model_root, proof: bytes };
    Ok((ProvingKey { vk, params: key.params.clone(), model: Model::Segments(tables) }, link))
}

/// For each segment, its key and the chain of its own tables.
pub(crate) fn chains(key: &VerifyingKey, chain: &[Link]) -> Result<Vec<(VerifyingKey, Vec<Link>)>, VerifyError> {
    let mut own: Vec<(VerifyingKey, Vec<Link>)> = key.parts::<VerifyError>()?.into_iter().map(|part| (part.vk, Vec::new())).collect();
    for (index, link) in chain.iter().enumerate() {
        let refused = || VerifyError::Renewal { link: index + 1, source: CommitmentError::Root { what: "the segments' earlier tables" } };
        let mut rest = link.proof.as_slice();
        let mut roots = Vec::with_capacity(own.len());
        for ((_, chain), segment) in own.iter_mut().zip(&key.segments) {
            let Some((root, proof)) = frames::take(&mut rest, 1).and_then(|(roots, proof)| Some((*roots.first()?, proof))) else {
                return Err(refused());
            };
            roots.push(SegmentRoot { start: segment.start, root });
            chain.push(Link { root, proof: proof.to_vec() });
        }
        if !rest.is_empty() || root_of(&roots) != link.root {
            return Err(refused());
        }
    }
    Ok(own)
}
