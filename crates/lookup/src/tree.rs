//! The tree of fractions: `[num, den]` of a parent is `[n0 d1 + n1 d0, d0 d1]`.
//!
//! A layer is a list of *pieces*, one for each block, and of *singles*, the roots of blocks, which are combined with one
//! another further up. Everything that is not stored is filler, `0 / 1`.

use p3_field::{Algebra, PackedFieldExtension, PackedValue};
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::{PackedE, PackedF};

use crate::geometry::Geometry;

/// Entries that one task works on.
pub(crate) const GRAIN: usize = 1 << 9;

/// What the kernels compute with: single or packed elements.
pub(crate) trait Element<E>: Algebra<E> + Copy + Send + Sync {}
impl<E: Ext, T: Algebra<E> + Copy + Send + Sync> Element<E> for T {}

/// `K` values for each entry of a block.
#[derive(Clone, Debug)]
pub(crate) enum Data<E: Ext, const K: usize> {
    /// SIMD vectors.
    Packed(Vec<[PackedE<E>; K]>),
    /// Single entries.
    Scalar(Vec<[E; K]>),
}

/// A block, or what is left of it.
#[derive(Clone, Debug)]
pub(crate) struct Piece<E: Ext, const K: usize> {
    /// Index, in the layer, of the first entry.
    pub(crate) start: usize,
    /// Storage order.
    pub(crate) geometry: Geometry,
    /// The entries; the innermost axis is rounded up to an even extent by filler.
    pub(crate) data: Data<E, K>,
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
pub(crate) fn parent<E: Ext, T: Element<E>>(a: &[T; 2], b: &[T; 2]) -> [T; 2] {
    [a[0] * b[1] + b[0] * a[1], a[1] * b[1]]
}

/// Rows of `row` results, in order, each rounded up to an even length by filler.
pub(crate) fn rows<A: Sync, B: Copy + Send + Sync>(input: &[A], row: usize, filler: B, f: impl Fn(&A) -> B + Send + Sync) -> Vec<B> {
    if row % 2 == 0 || row == 1 {
        if input.len() <= GRAIN {
            return input.iter().map(f).collect();
        }
        return input.par_iter().with_min_len(GRAIN).map(f).collect();
    }
    let mut output = vec![filler; input.len() / row * (row + 1)];
    output
        .par_chunks_mut(row + 1)
        .zip(input.par_chunks(row))
        .with_min_len(GRAIN.div_ceil(row))
        .for_each(|(output, input)| output.iter_mut().zip(input).for_each(|(output, input)| *output = f(input)));
    output
}

pub(crate) fn unpack<E: Ext, const K: usize>(values: &[[PackedE<E>; K]]) -> Vec<[E; K]> {
    values.iter().flat_map(|vector| (0..PackedF::WIDTH).map(|lane| vector.map(|value| value.extract(lane)))).collect()
}

impl<E: Ext, const K: usize> Piece<E, K> {
    /// A block of a tensor with these real extents, all powers of two, from its entries in row-major order.
    pub(crate) fn from_fn(start: usize, shape: &[usize], f: impl Fn(usize) -> [E; K] + Sync) -> Left<E, K> {
        let geometry = Geometry::new(shape);
        let (inner, outer) = geometry.extents();
        let data = if geometry.packed() {
            let vector = |index: usize| {
                let first = index / inner * inner * PackedF::WIDTH + index % inner;
                let lanes: Vec<[E; K]> = (0..PackedF::WIDTH).map(|lane| f(first + lane * inner)).collect();
                std::array::from_fn(|k| PackedE::<E>::from_ext_fn(|lane| lanes[lane][k]))
            };
            Data::Packed((0..inner * outer).into_par_iter().with_min_len(GRAIN).map(vector).collect())
        } else {
            Data::Scalar((0..inner).map(f).collect())
        };
        finish(start, geometry, data)
    }

    /// Replaces pairs of entries by one: a step up the tree, or the binding of a variable.
    pub(crate) fn step<const L: usize>(
        &self,
        filler: [E; L],
        scalar: impl Fn(&[[E; K]; 2]) -> [E; L] + Send + Sync,
        packed: impl Fn(&[[PackedE<E>; K]; 2]) -> [PackedE<E>; L] + Send + Sync,
    ) -> Left<E, L> {
        let (geometry, unpacks) = self.geometry.shrink();
        let data = match &self.data {
            Data::Packed(values) => {
                let row = if unpacks { 1 } else { geometry.row() };
                let values = rows(values.as_chunks().0, row, filler.map(PackedE::<E>::from), packed);
                if unpacks { Data::Scalar(even_rows(unpack(&values), geometry.row(), filler)) } else { Data::Packed(values) }
            }
            Data::Scalar(values) => Data::Scalar(rows(values.as_chunks().0, geometry.row(), filler, scalar)),
        };
        finish(self.start / 2, geometry, data)
    }
}

/// Rows whose innermost axis is odd get an entry of filler.
pub(crate) fn even_rows<T: Copy + Send + Sync>(values: Vec<T>, row: usize, filler: T) -> Vec<T> {
    if row % 2 == 0 || row == 1 { values } else { rows(&values, row, filler, |&value| value) }
}

/// A piece, unless only one entry is left.
pub(crate) fn finish<E: Ext, const K: usize>(start: usize, geometry: Geometry, data: Data<E, K>) -> Left<E, K> {
    match &data {
        Data::Scalar(values) if geometry.single() => Left::Single(start, values[0]),
        _ => Left::Piece(Piece { start, geometry, data }),
    }
}

/// Calls `f` on each pair of neighbours, missing ones replaced by filler.
pub(crate) fn pair_up<E: Ext, const K: usize, const L: usize>(
    singles: &[(usize, [E; K])],
    filler: [E; K],
    f: impl Fn(&[[E; K]; 2]) -> [E; L],
) -> Singles<E, L> {
    singles
        .chunk_by(|a, b| a.0 / 2 == b.0 / 2)
        .map(|group| {
            let mut pair = [filler; 2];
            group.iter().for_each(|&(index, value)| pair[index % 2] = value);
            (group[0].0 / 2, f(&pair))
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
        let mut singles = pair_up(&self.singles, filler, |[a, b]| parent::<E, E>(a, b));
        let left: Vec<Left<E, 2>> = self
            .pieces
            .par_iter()
            .map(|piece| piece.step(filler, |[a, b]| parent::<E, E>(a, b), |[a, b]| parent::<E, PackedE<E>>(a, b)))
            .collect();
        Self { pieces: sort(left, &mut singles), singles }
    }

    /// The layers from this one up to the root, which is `2^num_vars` times smaller than this one.
    pub(crate) fn tree(self, num_vars: usize) -> Vec<Self> {
        let mut layers = vec![self];
        for _ in 0..num_vars {
            let above = layers[layers.len() - 1].parents();
            layers.push(above);
        }
        layers
    }

    /// The root's fraction.
    pub(crate) fn root(&self) -> [E; 2] {
        self.singles.first().map_or([E::ZERO, E::ONE], |&(_, root)| root)
    }
}
