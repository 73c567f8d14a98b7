//! The tree of fractions: `[num, den]` of a parent is `[n0 d1 + n1 d0, d0 d1]`.
//!
//! A layer is a list of *pieces*, one for each block, and of *singles*, the roots of blocks, which are combined with one
//! another further up. Everything that is not stored is filler, `0 / 1`.

use p3_field::{PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::{PackedE, PackedF};

use crate::geometry::Geometry;
use crate::kernel::{Element, fill_rows};

/// The entries of a block, some number of values each, one entry after the other.
#[derive(Clone, Debug)]
pub(crate) enum Data<E: Ext> {
    /// SIMD vectors.
    Packed(Vec<PackedE<E>>),
    /// Single values.
    Scalar(Vec<E>),
}

/// A block, or what is left of it: `K` values for each entry.
#[derive(Clone, Debug)]
pub(crate) struct Piece<E: Ext, const K: usize> {
    /// Number of the block.
    pub(crate) slot: usize,
    /// Index, in the layer, of the first entry.
    pub(crate) start: usize,
    /// Storage order.
    pub(crate) geometry: Geometry,
    /// The entries; the innermost axis is rounded up to an even extent by filler.
    pub(crate) data: Data<E>,
}

/// Entries with their indices, which increase.
pub(crate) type Singles<E, const K: usize> = Vec<(usize, [E; K])>;

/// What a step leaves of a piece.
pub(crate) enum Left<E: Ext, const K: usize> {
    /// A smaller piece.
    Piece(Piece<E, K>),
    /// One entry.
    Single(usize, [E; K]),
}

/// A layer of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Layer<E: Ext> {
    /// Blocks with more than one node.
    pub(crate) pieces: Vec<Piece<E, 2>>,
    /// Nodes that are alone in their block, or made of several blocks.
    pub(crate) singles: Singles<E, 2>,
}

/// The parent of two fractions.
#[inline(always)]
pub(crate) fn parent<E: Ext, T: Element<E>>(a: &[T; 2], b: &[T; 2]) -> [T; 2] {
    [a[0] * b[1] + b[0] * a[1], a[1] * b[1]]
}

/// Builds a piece whose real entries are `packed(0), packed(1), ..`, or `scalar(0), ..`, in storage order. If the lanes are to
/// be unpacked, the vectors hold the entries in natural order.
pub(crate) fn build<E: Ext, const K: usize>(
    slot: usize,
    start: usize,
    (geometry, unpacks): (Geometry, bool),
    filler: [E; K],
    scalar: impl Fn(usize) -> [E; K] + Sync,
    packed: impl Fn(usize) -> [PackedE<E>; K] + Sync,
) -> Left<E, K> {
    let data = if geometry.packed() || unpacks {
        let (row, stored) = if unpacks { (2, geometry.count() / PackedF::WIDTH) } else { (geometry.row(), geometry.stored()) };
        let mut values = PackedE::<E>::zero_vec(K * stored);
        fill_rows(&mut values, row, filler.map(PackedE::<E>::from), packed);
        if unpacks { unpack(&values, &geometry, filler) } else { Data::Packed(values) }
    } else {
        let mut values = vec![E::ZERO; K * geometry.stored()];
        fill_rows(&mut values, geometry.row(), filler, scalar);
        Data::Scalar(values)
    };
    finish(slot, start, geometry, data)
}

/// The lanes of vectors, which hold the real entries in order, as single entries.
pub(crate) fn unpack<E: Ext, const K: usize>(vectors: &[PackedE<E>], geometry: &Geometry, filler: [E; K]) -> Data<E> {
    let (vectors, _) = vectors.as_chunks::<K>();
    let mut values = vec![E::ZERO; K * geometry.stored()];
    let entry = |index: usize| vectors[index / PackedF::WIDTH].map(|value| value.extract(index % PackedF::WIDTH));
    fill_rows(&mut values, geometry.row(), filler, entry);
    Data::Scalar(values)
}

/// A piece, unless only one entry is left.
pub(crate) fn finish<E: Ext, const K: usize>(slot: usize, start: usize, geometry: Geometry, data: Data<E>) -> Left<E, K> {
    if geometry.single()
        && let Data::Scalar(values) = &data
        && let Some(value) = values.first_chunk()
    {
        return Left::Single(start, *value);
    }
    Left::Piece(Piece { slot, start, geometry, data })
}

/// Neighbouring entries.
#[inline(always)]
pub(crate) fn neighbours<T, const K: usize>(values: &[T], index: usize) -> (&[T; K], &[T; K]) {
    let (entries, _) = values.as_chunks::<K>();
    let (pairs, _) = entries.as_chunks::<2>();
    let [a, b] = &pairs[index];
    (a, b)
}

impl<E: Ext, const K: usize> Piece<E, K> {
    /// Replaces pairs of entries by one: a step up the tree.
    pub(crate) fn step<const L: usize>(
        &self,
        filler: [E; L],
        scalar: impl Fn(&[E; K], &[E; K]) -> [E; L] + Sync,
        packed: impl Fn(&[PackedE<E>; K], &[PackedE<E>; K]) -> [PackedE<E>; L] + Sync,
    ) -> Left<E, L> {
        let (scalars, vectors): (&[E], &[PackedE<E>]) = match &self.data {
            Data::Packed(values) => (&[], values),
            Data::Scalar(values) => (values, &[]),
        };
        let scalar = |index: usize| {
            let (a, b) = neighbours(scalars, index);
            scalar(a, b)
        };
        let packed = |index: usize| {
            let (a, b) = neighbours(vectors, index);
            packed(a, b)
        };
        build(self.slot, self.start / 2, self.geometry.shrink(), filler, scalar, packed)
    }
}

/// Calls `f` on each pair of neighbours, missing ones replaced by filler.
pub(crate) fn pair_up<E: Ext, const K: usize, const L: usize>(
    singles: &[(usize, [E; K])],
    filler: [E; K],
    f: impl Fn(&[E; K], &[E; K]) -> [E; L],
) -> Singles<E, L> {
    singles
        .chunk_by(|a, b| a.0 / 2 == b.0 / 2)
        .map(|group| {
            let mut pair = [filler; 2];
            group.iter().for_each(|&(index, value)| pair[index % 2] = value);
            (group[0].0 / 2, f(&pair[0], &pair[1]))
        })
        .collect()
}

/// Sorts what is left of pieces into pieces and singles, the latter in order.
pub(crate) fn sort<E: Ext, const K: usize>(left: Vec<Left<E, K>>, singles: &mut Singles<E, K>) -> Vec<Piece<E, K>> {
    let mut pieces = Vec::with_capacity(left.len());
    let before = singles.len();
    for left in left {
        match left {
            Left::Piece(piece) => pieces.push(piece),
            Left::Single(index, value) => singles.push((index, value)),
        }
    }
    if singles.len() > before {
        singles.sort_by_key(|&(index, _)| index);
    }
    pieces
}

impl<E: Ext> Layer<E> {
    /// The layer above.
    pub(crate) fn parents(&self) -> Self {
        let filler = [E::ZERO, E::ONE];
        let mut singles = pair_up(&self.singles, filler, parent::<E, E>);
        let left: Vec<Left<E, 2>> =
            self.pieces.par_iter().map(|piece| piece.step(filler, parent::<E, E>, parent::<E, PackedE<E>>)).collect();
        Self { pieces: sort(left, &mut singles), singles }
    }

    /// The root's fraction.
    pub(crate) fn root(&self) -> [E; 2] {
        self.singles.first().map_or([E::ZERO, E::ONE], |&(_, root)| root)
    }
}
