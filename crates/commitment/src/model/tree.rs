//! The Merkle tree over the columns of the encoded matrix.
//!
//! A column of `R` canonical field elements, 8 bytes each, is hashed in chunks of 128 elements; a leaf is the hash of
//! its chunks' hashes, so that columns can be hashed piece by piece. Leaves and nodes have keys of their own, so that one
//! is never taken for the other, and the depth is fixed by the layout. An opening of several leaves carries each node
//! that cannot be computed once, level by level from the leaves up, in rising order.

use p3_blake3::Blake3;
use p3_symmetric::{CryptographicHasher, SerializingHasher};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use veritorch_sumcheck::F;

use crate::whir::Root;

/// Elements of a chunk: 1 KiB, what BLAKE3 hashes in one piece.
pub(crate) const CHUNK: usize = 128;

static LEAF: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key("veritorch 2026 model column"));
static NODE: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key("veritorch 2026 model node"));

/// A digest.
pub type Digest = Root;

/// Hashes of rows of at most [`CHUNK`] elements each, `chunks.len() / digests.len()` to a row.
pub(crate) fn hash_chunks(chunks: &[F], digests: &mut [Digest]) {
    SerializingHasher::new(Blake3).hash_many(chunks, digests);
}

/// A leaf from the hashes of its chunks.
pub(crate) fn leaf<'a>(chunks: impl Iterator<Item = &'a Digest>) -> Digest {
    let mut hasher = LEAF.clone();
    for chunk in chunks {
        hasher.update(chunk);
    }
    hasher.finalize().into()
}

/// The leaf of a column in bytes.
pub(crate) fn column_leaf(column: &[u8]) -> Digest {
    let chunks: Vec<Digest> = column.chunks(CHUNK * 8).map(|chunk| blake3::hash(chunk).into()).collect();
    leaf(chunks.iter())
}

/// The bytes of a column: canonical, little-endian.
pub(crate) fn column_bytes(column: &[u64]) -> impl Iterator<Item = u8> + '_ {
    column.iter().flat_map(|value| value.to_le_bytes())
}

fn node(left: &Digest, right: &Digest) -> Digest {
    NODE.clone().update(left).update(right).finalize().into()
}

/// The tree, leaves first: what the prover stores of a committed model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Leaves", into = "Leaves")]
pub struct ModelTree {
    levels: Vec<Vec<Digest>>,
}

/// The part of a tree that is written down; nodes are computed when it is read.
#[derive(Serialize, Deserialize)]
struct Leaves(Vec<Digest>);

impl From<Leaves> for ModelTree {
    fn from(leaves: Leaves) -> Self {
        let mut leaves = leaves.0;
        // A file may hold any number of leaves; one that does not fit its layout is found when it is used.
        leaves.resize(leaves.len().next_power_of_two(), [0; 32]);
        Self::new(leaves)
    }
}

impl From<ModelTree> for Leaves {
    fn from(tree: ModelTree) -> Self {
        Self(tree.levels.into_iter().next().unwrap_or_default())
    }
}

impl ModelTree {
    /// The tree over these leaves.
    ///
    /// # Panics
    /// If their number is not a power of two.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        assert!(leaves.len().is_power_of_two(), "the number of leaves is a power of two");
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let above = below
                .par_chunks_exact(2)
                .with_min_len(1 << 8)
                .map(|pair| node(&pair[0], &pair[1]))
                .collect();
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
    use p3_field::{PrimeCharacteristicRing, PrimeField64};

    use super::*;

    fn digest(i: usize) -> Digest {
        blake3::hash(&i.to_le_bytes()).into()
    }

    #[test]
    fn openings_lead_to_the_root() {
        for depth in 0..6 {
            let tree = ModelTree::new((0..1 << depth).map(digest).collect());
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

    #[test]
    fn a_node_is_not_a_leaf() {
        let (left, right) = (digest(0), digest(1));
        assert_ne!(node(&left, &right), leaf([left, right].iter()));
    }

    #[test]
    fn both_ways_of_hashing_a_column_agree() {
        let column: Vec<F> = (0..300).map(|i| F::from_u64(i * i * i) - F::from_u64(i)).collect();
        let chunks: Vec<Digest> = column
            .chunks(CHUNK)
            .map(|chunk| {
                let mut digests = [[0; 32]];
                hash_chunks(chunk, &mut digests);
                digests[0]
            })
            .collect();
        let bytes: Vec<u8> = column_bytes(&column.iter().map(F::as_canonical_u64).collect::<Vec<_>>()).collect();
        assert_eq!(leaf(chunks.iter()), column_leaf(&bytes));
    }

    #[test]
    fn a_stored_tree_is_the_same() {
        let tree = ModelTree::new((0..32).map(digest).collect());
        let bytes = postcard::to_stdvec(&tree).unwrap();
        assert_eq!(postcard::from_bytes::<ModelTree>(&bytes).unwrap(), tree);
        let empty = postcard::to_stdvec(&Leaves(Vec::new())).unwrap();
        assert_eq!(postcard::from_bytes::<ModelTree>(&empty).unwrap().depth(), 0);
    }
}
