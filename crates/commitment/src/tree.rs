//! Merkle trees over the columns of an encoded matrix: of the model's, and of a proof's own.
//!
//! A column of `R` canonical field elements, 8 bytes each, and its salt (two elements where the column is to stay hidden, none
//! otherwise) are hashed at once if they fit one chunk of BLAKE3, 128 elements; else a leaf is the hash, under a key of its own,
//! of the hashes of the column's chunks and of the salt, so that columns can be hashed piece by piece. A node is the hash of its
//! two children, 64 bytes, which no leaf is. The depth is fixed by the layout. An opening of several leaves carries
//! each node that cannot be computed once, level by level from the leaves up, in rising order.

use std::borrow::Cow;
use std::sync::LazyLock;

use p3_blake3::Blake3;
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use p3_symmetric::{CryptographicHasher, SerializingHasher};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use veritorch_sumcheck::F;

use crate::whir::Root;

/// Elements of a chunk: 1 KiB, what BLAKE3 hashes in one piece.
pub(crate) const CHUNK: usize = 128;
/// Elements of a salt: 128 bits.
pub(crate) const SALT: usize = 2;
/// Elements of a node's preimage; a leaf is made longer where it would have as many.
const NODE_LEN: usize = 8;
/// Leaves that one task hashes.
const LEAVES: usize = 1 << 8;

static LEAF: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key("veritorch 2026 column"));

/// A digest.
pub type Digest = Root;

fn bytes(elements: &[F]) -> impl Iterator<Item = u8> + '_ {
    elements.iter().flat_map(|value| value.as_canonical_u64().to_le_bytes())
}

/// The length that a column with its salt is hashed at, if one chunk holds them.
fn short_len(len: usize) -> Option<usize> {
    let len = if len == NODE_LEN { len + 1 } else { len };
    (len <= CHUNK).then_some(len)
}

/// The leaf of a column.
pub(crate) fn column_leaf(column: &[F], salt: &[F]) -> Digest {
    if let Some(len) = short_len(column.len() + salt.len()) {
        let mut message: Vec<u8> = bytes(column).chain(bytes(salt)).collect();
        message.resize(len * 8, 0);
        return blake3::hash(&message).into();
    }
    let mut hasher = LEAF.clone();
    for chunk in column.chunks(CHUNK) {
        hasher.update(blake3::hash(&bytes(chunk).collect::<Vec<u8>>()).as_bytes());
    }
    hasher.update(&bytes(salt).collect::<Vec<u8>>());
    hasher.finalize().into()
}

/// The leaves of a matrix of this width whose rows are the columns of the encoded one, and of their salts, one after the other;
/// without salts if there are none. The rows are given in pieces of [`CHUNK`] elements, the last of which may be shorter; a piece that is
/// all there is may have more elements to a row than count.
pub(crate) fn leaves<'a>(width: usize, num_leaves: usize, mut pieces: impl Iterator<Item = Cow<'a, [F]>>, salts: &[F]) -> Vec<Digest> {
    let salt = salts.len() / num_leaves.max(1);
    let salt_of = |row: usize| &salts[row * salt..(row + 1) * salt];
    if let Some(len) = short_len(width + salt) {
        let rows = pieces.next().unwrap_or_default();
        let stride = rows.len() / num_leaves.max(1);
        let mut digests = vec![[0; 32]; num_leaves];
        digests.par_chunks_mut(LEAVES).enumerate().for_each(|(task, digests)| {
            let mut messages = F::zero_vec(digests.len() * len);
            for (index, message) in messages.chunks_exact_mut(len).enumerate() {
                let row = task * LEAVES + index;
                message[..width].copy_from_slice(&rows[row * stride..][..width]);
                message[width..width + salt].copy_from_slice(salt_of(row));
            }
            hash_chunks(&messages, digests);
        });
        return digests;
    }
    let chunks: Vec<Vec<Digest>> = pieces
        .zip((0..width).step_by(CHUNK))
        .map(|(rows, first)| {
            let (len, stride) = (CHUNK.min(width - first), rows.len() / num_leaves.max(1));
            let rows: Cow<'_, [F]> =
                if stride > len { rows.chunks_exact(stride).flat_map(|row| row[..len].to_vec()).collect::<Vec<F>>().into() } else { rows };
            let mut digests = vec![[0; 32]; num_leaves];
            digests
                .par_chunks_mut(LEAVES)
                .zip(rows.par_chunks(rows.len() / num_leaves * LEAVES))
                .for_each(|(digests, cells)| hash_chunks(cells, digests));
            digests
        })
        .collect();
    (0..num_leaves)
        .into_par_iter()
        .map(|row| {
            let mut hasher = LEAF.clone();
            for chunk in &chunks {
                hasher.update(&chunk[row]);
            }
            hasher.update(&bytes(salt_of(row)).collect::<Vec<u8>>());
            hasher.finalize().into()
        })
        .collect()
}

/// Hashes of rows of at most [`CHUNK`] elements each, `chunks.len() / digests.len()` to a row.
fn hash_chunks(chunks: &[F], digests: &mut [Digest]) {
    SerializingHasher::new(Blake3).hash_many(chunks, digests);
}

fn node(left: &Digest, right: &Digest) -> Digest {
    blake3::hash([*left, *right].as_flattened()).into()
}

/// A tree, leaves first: what the prover keeps of a committed matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Leaves", into = "Leaves")]
pub struct ColumnTree {
    levels: Vec<Vec<Digest>>,
}

/// The part of a tree that is written down; nodes are computed when it is read.
#[derive(Serialize, Deserialize)]
struct Leaves(Vec<Digest>);

impl From<Leaves> for ColumnTree {
    fn from(leaves: Leaves) -> Self {
        let mut leaves = leaves.0;
        // A file may hold any number of leaves; one that does not fit its layout is found when it is used.
        leaves.resize(leaves.len().next_power_of_two(), [0; 32]);
        Self::new(leaves)
    }
}

impl From<ColumnTree> for Leaves {
    fn from(tree: ColumnTree) -> Self {
        Self(tree.levels.into_iter().next().unwrap_or_default())
    }
}

impl ColumnTree {
    /// The tree over these leaves.
    ///
    /// # Panics
    /// If their number is not a power of two.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        assert!(leaves.len().is_power_of_two(), "the number of leaves is a power of two");
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let mut above = vec![[0; 32]; below.len() / 2];
            above
                .par_chunks_mut(LEAVES)
                .zip(below.par_chunks(2 * LEAVES))
                .for_each(|(above, below)| Blake3.hash_many(below.as_flattened(), above));
            levels.push(above);
        }
        Self { levels }
    }

    /// The root.
    ///
    /// # Panics
    /// Never: a tree has a root.
    #[must_use]
    pub fn root(&self) -> Root {
        self.levels[self.levels.len() - 1][0]
    }

    /// `log2` of the number of leaves.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    /// The nodes that a verifier of these leaves lacks. Indices rise strictly.
    #[must_use]
    pub fn siblings(&self, indices: &[usize]) -> Vec<Digest> {
        let mut siblings = Vec::new();
        walk(self.depth(), indices, |level, index| siblings.push(self.levels[level][index]));
        siblings
    }
}

/// Visits the nodes that are not above one of these leaves but are the sibling of one that is. Indices rise strictly.
fn walk(depth: usize, indices: &[usize], mut visit: impl FnMut(usize, usize)) {
    let mut known = indices.to_vec();
    for level in 0..depth {
        let mut above: Vec<usize> = Vec::with_capacity(known.len());
        for (position, &index) in known.iter().enumerate() {
            let sibling = index ^ 1;
            let is_known = if index % 2 == 0 {
                known.get(position + 1) == Some(&sibling)
            } else {
                position > 0 && known.get(position - 1) == Some(&sibling)
            };
            if !is_known {
                visit(level, sibling);
            }
            if above.last() != Some(&(index / 2)) {
                above.push(index / 2);
            }
        }
        known = above;
    }
}

/// Number of nodes that an opening of these leaves carries. Indices rise strictly.
#[must_use]
pub fn num_siblings(depth: usize, indices: &[usize]) -> usize {
    let mut count = 0;
    walk(depth, indices, |_, _| count += 1);
    count
}

/// The root that these leaves and nodes lead to, if there are exactly as many nodes as are needed. Indices rise strictly
/// and lie below `2^depth`.
#[must_use]
pub fn root_of(depth: usize, leaves: &[(usize, Digest)], siblings: &[Digest]) -> Option<Root> {
    let mut siblings = siblings.iter();
    let mut known: Vec<(usize, Digest)> = leaves.to_vec();
    for _ in 0..depth {
        let mut above: Vec<(usize, Digest)> = Vec::with_capacity(known.len());
        let mut nodes = known.iter().peekable();
        while let Some((index, digest)) = nodes.next() {
            let parent = if index % 2 == 1 {
                node(siblings.next()?, digest)
            } else {
                match nodes.next_if(|(next, _)| *next == index + 1) {
                    Some((_, right)) => node(digest, right),
                    None => node(digest, siblings.next()?),
                }
            };
            above.push((index / 2, parent));
        }
        known = above;
    }
    match (known.as_slice(), siblings.next()) {
        (&[(0, root)], None) => Some(root),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(i: usize) -> Digest {
        blake3::hash(&i.to_le_bytes()).into()
    }

    #[test]
    fn openings_lead_to_the_root() {
        for depth in 0..6 {
            let tree = ColumnTree::new((0..1 << depth).map(digest).collect());
            for subset in (1..1usize << (1 << depth).min(16)).step_by(7) {
                let indices: Vec<usize> = (0..1usize << depth).filter(|i| subset >> (i % 16) & 1 == 1).collect();
                let leaves: Vec<(usize, Digest)> = indices.iter().map(|&i| (i, digest(i))).collect();
                let siblings = tree.siblings(&indices);
                assert_eq!(siblings.len(), num_siblings(depth, &indices));
                assert_eq!(root_of(depth, &leaves, &siblings), Some(tree.root()));
                let longer = [siblings.as_slice(), &[[0; 32]]].concat();
                assert_eq!(root_of(depth, &leaves, &longer), None);
                if let Some((_, shorter)) = siblings.split_last() {
                    assert_eq!(root_of(depth, &leaves, shorter), None);
                }
            }
        }
    }

    fn column(len: usize, seed: u64) -> Vec<F> {
        (0..len as u64).map(|i| F::from_u64(i * i * i + seed) - F::from_u64(i)).collect()
    }

    #[test]
    fn a_node_is_not_a_leaf() {
        let (left, right) = (column(4, 1), column(4, 2));
        let as_digest = |half: &[F]| bytes(half).collect::<Vec<u8>>().try_into().unwrap();
        assert_ne!(node(&as_digest(&left), &as_digest(&right)), column_leaf(&[left.clone(), right.clone()].concat(), &[]));
        assert_ne!(node(&as_digest(&left), &as_digest(&right)), column_leaf(&[left, right[..2].to_vec()].concat(), &right[2..]));
    }

    #[test]
    fn both_ways_of_hashing_columns_agree() {
        for width in [1, 6, 8, 26, 125, 126, 127, 128, 129, 300] {
            for salt in [0, SALT] {
                let rows: Vec<Vec<F>> = (0..16).map(|row| column(width, row)).collect();
                let salts: Vec<Vec<F>> = (0..16).map(|row| column(salt, 100 + row)).collect();
                let pieces = (0..width).step_by(CHUNK).map(|start| {
                    let end = width.min(start + CHUNK);
                    rows.iter().flat_map(|row| row[start..end].to_vec()).collect::<Vec<F>>().into()
                });
                let expected: Vec<Digest> = rows.iter().zip(&salts).map(|(row, salt)| column_leaf(row, salt)).collect();
                assert_eq!(leaves(width, 16, pieces, &salts.concat()), expected, "{width} {salt}");
                // A single piece in whole vectors.
                if width <= CHUNK {
                    let padded = rows.iter().flat_map(|row| [row.as_slice(), &column(width.next_multiple_of(8) - width, 5)].concat()).collect::<Vec<F>>();
                    assert_eq!(leaves(width, 16, [padded.into()].into_iter(), &salts.concat()), expected, "{width} {salt}");
                }
            }
        }
    }

    #[test]
    fn a_stored_tree_is_the_same() {
        let tree = ColumnTree::new((0..32).map(digest).collect());
        let bytes = postcard::to_stdvec(&tree).unwrap();
        assert_eq!(postcard::from_bytes::<ColumnTree>(&bytes).unwrap(), tree);
        let empty = postcard::to_stdvec(&Leaves(Vec::new())).unwrap();
        assert_eq!(postcard::from_bytes::<ColumnTree>(&empty).unwrap().depth(), 0);
    }
}
