//! Columns of committed matrices at positions that the transcript draws, with their salts and paths.
//!
//! # Transcript
//! Absorbed beforehand: everything that fixes the positions. Sent as one embedded message: the columns in rising order of
//! position, 8 bytes to an element, each followed by its salt; then the nodes that the paths lack. How many bytes there are
//! follows from the positions. The message's hash is absorbed.

use p3_field::{PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::transcript::{Transcript, TranscriptError};
use veritorch_sumcheck::{F, ProverTranscript, VerifierTranscript};

use crate::error::CommitmentError;
use crate::tree::{self, ColumnTree, Digest};
use crate::whir::Root;

/// Distinct positions below `2^log_domain`, in rising order, from `count` draws over the whole domain.
pub(crate) fn draw(transcript: &mut impl Transcript, label: &'static str, count: usize, log_domain: usize) -> Vec<usize> {
    let mut indices = transcript.indices(label, count, log_domain);
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// The points of the domain, powers of its generator, at these positions.
pub(crate) fn points(log_domain: usize, indices: &[usize]) -> Vec<F> {
    let generator = F::two_adic_generator(log_domain);
    indices.iter().map(|&index| generator.exp_u64(index as u64)).collect()
}

/// Sends columns, each with its salt.
pub(crate) fn send(
    transcript: &mut ProverTranscript,
    label: &'static str,
    columns: &[(Vec<F>, Vec<F>)],
    tree: &ColumnTree,
    indices: &[usize],
) {
    let elements = columns.iter().flat_map(|(column, salt)| column.iter().chain(salt));
    let mut bytes: Vec<u8> = elements.flat_map(|value| value.as_canonical_u64().to_le_bytes()).collect();
    bytes.extend(tree.siblings(indices).iter().flatten());
    transcript.send_embedded(label, &bytes);
    transcript.absorb(label, blake3::hash(&bytes).as_bytes());
}

/// What the verifier knows of the matrix that columns are read from.
pub(crate) struct Source<'a> {
    /// The root of its tree.
    pub(crate) root: &'a Root,
    /// Elements of a column.
    pub(crate) width: usize,
    /// Elements of a salt.
    pub(crate) salt: usize,
    /// `log2` of the number of columns.
    pub(crate) log_domain: usize,
}

/// Reads columns at these positions and checks them against the root.
///
/// # Errors
/// If they are malformed or not those of the root.
pub(crate) fn receive(
    transcript: &mut VerifierTranscript<'_>,
    label: &'static str,
    source: &Source<'_>,
    indices: &[usize],
) -> Result<Vec<Vec<F>>, CommitmentError> {
    let malformed = |reason: String| TranscriptError::Malformed { label, reason };
    let column_len = (source.width + source.salt) * 8;
    let num_siblings = tree::num_siblings(source.log_domain, indices);
    let len = indices.len() * column_len + num_siblings * 32;
    let bytes = transcript.receive_embedded(label, len)?;
    if bytes.len() != len {
        return Err(malformed(format!("it has {} bytes instead of {len}", bytes.len())).into());
    }
    transcript.absorb(label, blake3::hash(bytes).as_bytes());
    let (cells, nodes) = bytes.split_at(indices.len() * column_len);
    let mut columns = Vec::with_capacity(indices.len());
    let mut leaves: Vec<(usize, Digest)> = Vec::with_capacity(indices.len());
    for (&index, column) in indices.iter().zip(cells.chunks_exact(column_len)) {
        let (words, _) = column.as_chunks::<8>();
        let elements = words.iter().enumerate().map(|(index, word)| match u64::from_le_bytes(*word) {
            word if word < P => Ok(F::from_u64(word)),
            _ => Err(TranscriptError::NonCanonical { label, index }),
        });
        let mut elements = elements.collect::<Result<Vec<F>, _>>()?;
        let salt = elements.split_off(source.width);
        leaves.push((index, tree::column_leaf(&elements, &salt)));
        columns.push(elements);
    }
    let (nodes, _) = nodes.as_chunks::<32>();
    if tree::root_of(source.log_domain, &leaves, nodes).as_ref() != Some(source.root) {
        return Err(CommitmentError::Opening { label, reason: "its paths do not lead to the root".to_owned() });
    }
    Ok(columns)
}
