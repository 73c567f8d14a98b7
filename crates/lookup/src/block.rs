//! One block in the course of a layer's sumcheck: what is summed in the first round, and how a variable is bound while the next
//! round's sums are taken.

use std::borrow::Cow;

use p3_field::{PackedValue, PrimeCharacteristicRing};
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::{PackedE, PackedF};

use crate::geometry::{Geometry, Weights};
use crate::indicator::Indicator;
use crate::kernel::{Element, both, fill_and_sum, lanes, sum};
use crate::layout::eq_index;
use crate::leaves::{LookupLeaves, PairKernel, QuadKernel};
use crate::tree::{Data, Left, Piece, finish, neighbours, unpack};

/// A block in the course of the sumcheck, with its buffers.
pub(crate) struct Block<E: Ext, const K: usize> {
    pub(crate) piece: Piece<E, K>,
    pub(crate) spare: Vec<Vec<PackedE<E>>>,
}

/// A block before the first round.
pub(crate) struct Unbound<'a, E: Ext> {
    pub(crate) slot: usize,
    pub(crate) start: usize,
    /// Of the parents.
    pub(crate) geometry: Geometry,
    pub(crate) source: Source<'a, E>,
}

pub(crate) enum Source<'a, E: Ext> {
    /// `[n0, d0, n1, d1]` for each parent.
    Quads(Cow<'a, Data<E>>),
    /// The same, from the integers of a lookup.
    Parents(&'a LookupLeaves<E>),
    /// `[e0, e1]` for each parent.
    Shifted(Data<E>),
    /// The same, from the integers of a lookup.
    Leaves(&'a LookupLeaves<E>),
}

/// `h(0)`, `h(inf)` and the weight of all pairs that are stored.
pub(crate) type Sums<E> = [E; 3];

pub(crate) fn add<E: Ext>(a: Sums<E>, b: Sums<E>) -> Sums<E> {
    std::array::from_fn(|k| a[k] + b[k])
}

#[inline(always)]
pub(crate) fn summand<E: Ext, T: Element<E>>(v: &[T; 4]) -> T {
    v[0] * v[3] + v[1] * v[2]
}

#[inline(always)]
pub(crate) fn difference<T: Copy + std::ops::Sub<Output = T>>(b: &[T; 4], a: &[T; 4]) -> [T; 4] {
    [b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3]]
}

#[inline(always)]
pub(crate) fn general_values<E: Ext, T: Element<E>>(a: &[T; 4], b: &[T; 4]) -> [T; 2] {
    [summand::<E, T>(a), summand::<E, T>(&difference(b, a))]
}

#[inline(always)]
fn lookup_values<E: Ext, T: Element<E>>(a: &[T; 2], b: &[T; 2]) -> [T; 2] {
    [a[0] * a[1], (b[0] - a[0]) * (b[1] - a[1])]
}

#[inline(always)]
fn fold<E: Ext, T: Element<E>>(a: T, b: T, c: E) -> T {
    (b - a) * c + a
}

#[inline(always)]
pub(crate) fn bind<E: Ext, T: Element<E>>(a: &[T; 4], b: &[T; 4], c: E) -> [T; 4] {
    [fold(a[0], b[0], c), fold(a[1], b[1], c), fold(a[2], b[2], c), fold(a[3], b[3], c)]
}

#[inline(always)]
fn bind_pair<E: Ext, T: Element<E>>(a: &[T; 2], b: &[T; 2], c: E) -> [T; 2] {
    [fold(a[0], b[0], c), fold(a[1], b[1], c)]
}

/// `[n0, d0, n1 + lambda d1, d1]`.
#[inline(always)]
pub(crate) fn combine<E: Ext, T: Element<E>>(v: [T; 4], lambda: E) -> [T; 4] {
    [v[0], v[1], v[2] + v[3] * lambda, v[3]]
}

/// The weight of a block among all, the weights of its pairs, and the coordinates that are its own.
pub(crate) fn weights<'p, E: Ext>(start: usize, geometry: &Geometry, point: &'p [E]) -> (E, Weights<E>, &'p [E]) {
    let (weight, own) = block_weight(start, geometry, point);
    (weight, geometry.pair_weights(own), own)
}

fn block_weight<'p, E: Ext>(start: usize, geometry: &Geometry, point: &'p [E]) -> (E, &'p [E]) {
    let bits = geometry.bits();
    let (high, own) = point.split_at(point.len() + 1 - bits);
    (eq_index(start >> bits, high), own)
}

#[inline(always)]
pub(crate) fn slope_at<T: Copy + std::ops::Sub<Output = T>>(values: &[T], index: usize) -> [T; 4] {
    let (a, b) = neighbours::<T, 4>(values, index);
    difference(b, a)
}

pub(crate) fn quad_slopes<E: Ext, T: Element<E>>(weights: &Weights<E>, lambda: E, slope: impl Fn(usize) -> [T; 4] + Sync) -> T {
    let [sum] = sum(weights, |index, weight| [summand::<E, T>(&combine(slope(index), lambda)) * weight]);
    sum
}

pub(crate) fn pair_slopes<E: Ext, T: Element<E>>(weights: &Weights<E>, values: &[T]) -> T {
    let [slope] = sum(weights, |index, weight| {
        let (a, b) = neighbours::<T, 2>(values, index);
        [lookup_values::<E, T>(a, b)[1] * weight]
    });
    slope
}

pub(crate) struct QuadSlopes<'w, E> {
    pub(crate) weights: &'w Weights<E>,
    pub(crate) lambda: E,
}

impl<E: Ext> QuadKernel<E, PackedE<E>> for QuadSlopes<'_, E> {
    fn run(self, quad: impl Fn(usize) -> [PackedE<E>; 4] + Sync) -> PackedE<E> {
        quad_slopes(self.weights, self.lambda, |index| {
            let [a, b] = both::<E, PackedE<E>, 4>(index, &quad);
            difference(&b, &a)
        })
    }
}

/// What the binding of a variable makes of a block.
pub(crate) struct Advanced<E: Ext, const K: usize> {
    pub(crate) left: Left<E, K>,
    pub(crate) slot: usize,
    pub(crate) spare: Vec<Vec<PackedE<E>>>,
    pub(crate) sums: Sums<E>,
}

pub(crate) enum Bound<E: Ext> {
    General(Advanced<E, 4>),
    Lookup(Advanced<E, 2>, Indicator<E>),
}

/// What all blocks share in a round.
pub(crate) struct Context<'p, E> {
    pub(crate) lambda: E,
    pub(crate) shift: E,
    pub(crate) c: E,
    pub(crate) point: Option<&'p [E]>,
}

/// Where a block is before it is bound, and what fills it up.
struct Before<E: Ext, const K: usize> {
    slot: usize,
    start: usize,
    geometry: Geometry,
    spare: Vec<Vec<PackedE<E>>>,
    filler: [E; K],
}

impl<E: Ext> Context<'_, E> {
    /// A block that is bound for the first time.
    pub(crate) fn bind_first(&self, block: Unbound<'_, E>, indicator: Option<Indicator<E>>, spare: Vec<Vec<PackedE<E>>>) -> Bound<E> {
        let Unbound { slot, start, geometry, source } = block;
        let (c, lambda) = (self.c, self.lambda);
        let filler = [E::ZERO, E::ONE, lambda, E::ONE];
        let pair_filler = [E::ONE; 2];
        match source {
            Source::Quads(data) => {
                let before = Before { slot, start, geometry, spare, filler };
                let (scalars, vectors) = slices(&data);
                let scalar = |index: usize| {
                    let (a, b) = neighbours::<E, 4>(scalars, index);
                    combine(bind(a, b, c), lambda)
                };
                let packed = |index: usize| {
                    let (a, b) = neighbours::<PackedE<E>, 4>(vectors, index);
                    combine(bind(a, b, c), lambda)
                };
                Bound::General(self.advance(before, scalar, packed, general_values::<E, E>, general_values::<E, PackedE<E>>))
            }
            Source::Parents(leaves) => {
                Bound::General(leaves.with_quads(BindQuads { context: self, before: Before { slot, start, geometry, spare, filler } }))
            }
            Source::Shifted(data) => {
                self.bind_pairs(Before { slot, start, geometry, spare, filler: pair_filler }, &data, indicator.as_ref())
            }
            Source::Leaves(leaves) => {
                let before = Before { slot, start, geometry, spare, filler: pair_filler };
                let advanced = leaves.with_bound(self.shift, c, BindPairs { context: self, before });
                self.scale_lookup(advanced, indicator.as_ref())
            }
        }
    }

    /// A general block.
    pub(crate) fn bind_general(&self, block: Block<E, 4>) -> Bound<E> {
        let Block { piece: Piece { slot, start, geometry, data }, spare } = block;
        let before = Before { slot, start, geometry, spare, filler: [E::ZERO, E::ONE, self.lambda, E::ONE] };
        let (scalars, vectors) = slices(&data);
        let c = self.c;
        let scalar = |index: usize| {
            let (a, b) = neighbours(scalars, index);
            bind(a, b, c)
        };
        let packed = |index: usize| {
            let (a, b) = neighbours(vectors, index);
            bind(a, b, c)
        };
        let mut advanced = self.advance(before, scalar, packed, general_values::<E, E>, general_values::<E, PackedE<E>>);
        advanced.spare.extend(buffer(data));
        Bound::General(advanced)
    }

    /// A block of lookups.
    pub(crate) fn bind_lookup(&self, block: Block<E, 2>, indicator: Indicator<E>) -> Bound<E> {
        let Block { piece: Piece { slot, start, geometry, data }, spare } = block;
        let mut bound = self.bind_pairs(Before { slot, start, geometry, spare, filler: [E::ONE; 2] }, &data, Some(&indicator));
        if let Bound::Lookup(advanced, _) = &mut bound {
            advanced.spare.extend(buffer(data));
        }
        bound
    }

    fn bind_pairs(&self, before: Before<E, 2>, data: &Data<E>, indicator: Option<&Indicator<E>>) -> Bound<E> {
        let (scalars, vectors) = slices(data);
        let c = self.c;
        let scalar = |index: usize| {
            let (a, b) = neighbours(scalars, index);
            bind_pair(a, b, c)
        };
        let packed = |index: usize| {
            let (a, b) = neighbours(vectors, index);
            bind_pair(a, b, c)
        };
        let advanced = self.advance(before, scalar, packed, lookup_values::<E, E>, lookup_values::<E, PackedE<E>>);
        self.scale_lookup(advanced, indicator)
    }

    /// From sums of `e0 e1` to sums of `lambda e0 e1 - n0 n1 / lambda`.
    fn scale_lookup(&self, mut advanced: Advanced<E, 2>, indicator: Option<&Indicator<E>>) -> Bound<E> {
        let mut indicator = indicator.cloned().unwrap_or_else(|| Indicator::new(vec![1]));
        indicator.bind(self.c);
        if let (Left::Piece(piece), Some(point)) = (&advanced.left, self.point) {
            let (weight, own) = block_weight(piece.start, &piece.geometry, point);
            let numerators = indicator.products(own);
            for (sum, numerators) in advanced.sums.iter_mut().zip(numerators) {
                *sum = self.lambda * *sum - self.shift * weight * numerators;
            }
        }
        Bound::Lookup(advanced, indicator)
    }

    /// Binds the lowest variable of a block and sums for the next round, in one pass where rows are even.
    fn advance<const K: usize>(
        &self,
        before: Before<E, K>,
        scalar: impl Fn(usize) -> [E; K] + Sync,
        packed: impl Fn(usize) -> [PackedE<E>; K] + Sync,
        scalar_values: impl Fn(&[E; K], &[E; K]) -> [E; 2] + Sync,
        packed_values: impl Fn(&[PackedE<E>; K], &[PackedE<E>; K]) -> [PackedE<E>; 2] + Sync,
    ) -> Advanced<E, K> {
        let Before { slot, start, geometry, mut spare, filler } = before;
        let start = start / 2;
        let (next, unpacks) = geometry.shrink();
        // Vectors that are about to be unpacked are summed afterwards.
        let row = if unpacks { next.count() / PackedF::WIDTH } else { next.row() };
        let stored = if unpacks { row } else { next.stored() }.next_multiple_of(2);
        let point = self.point.filter(|_| !next.single());
        let (weight, own_weights) = match point {
            Some(point) if !unpacks => {
                let (weight, weights, _) = weights(start, &next, point);
                (weight, weights)
            }
            _ => (E::ZERO, Weights::none(stored / 2)),
        };
        let (data, own) = if next.packed() || unpacks {
            let mut values = take_buffer(&mut spare, K * stored);
            let own = fill_and_sum(&mut values[..K * stored], row, filler.map(PackedE::<E>::from), &own_weights, packed, packed_values);
            (Data::Packed(values), if unpacks { [E::ZERO; 2] } else { own.map(|sum| lanes(&own_weights, sum)) })
        } else {
            let mut values = vec![E::ZERO; K * stored];
            let own = fill_and_sum(&mut values, row, filler, &own_weights, scalar, &scalar_values);
            (Data::Scalar(values), own)
        };
        let mut sums = [weight * own[0], weight * own[1], weight * own_weights.total()];
        let data = match data {
            Data::Packed(vectors) if unpacks => {
                let unpacked = unpack(&vectors, &next, filler);
                spare.push(vectors);
                if let (Some(point), Data::Scalar(values)) = (point, &unpacked) {
                    let (weight, weights, _) = weights(start, &next, point);
                    let own = sum(&weights, |index, weight| {
                        let (a, b) = neighbours(values, index);
                        scalar_values(a, b).map(|value| value * weight)
                    });
                    sums = [weight * own[0], weight * own[1], weight * weights.total()];
                }
                unpacked
            }
            data => data,
        };
        Advanced { left: finish(slot, start, next, data), slot, spare, sums }
    }
}

struct BindQuads<'c, 'p, E: Ext> {
    context: &'c Context<'p, E>,
    before: Before<E, 4>,
}

impl<E: Ext> QuadKernel<E, Advanced<E, 4>> for BindQuads<'_, '_, E> {
    fn run(self, quad: impl Fn(usize) -> [PackedE<E>; 4] + Sync) -> Advanced<E, 4> {
        let Context { c, lambda, .. } = *self.context;
        let filler = self.before.filler;
        let packed = |index: usize| {
            let [a, b] = both::<E, PackedE<E>, 4>(index, &quad);
            combine(bind(&a, &b, c), lambda)
        };
        self.context.advance(self.before, |_| filler, packed, general_values::<E, E>, general_values::<E, PackedE<E>>)
    }
}

struct BindPairs<'c, 'p, E: Ext> {
    context: &'c Context<'p, E>,
    before: Before<E, 2>,
}

impl<E: Ext> PairKernel<E, Advanced<E, 2>> for BindPairs<'_, '_, E> {
    fn run(self, pair: impl Fn(usize) -> [PackedE<E>; 2] + Sync) -> Advanced<E, 2> {
        let filler = self.before.filler;
        self.context.advance(self.before, |_| filler, pair, lookup_values::<E, E>, lookup_values::<E, PackedE<E>>)
    }
}

fn slices<E: Ext>(data: &Data<E>) -> (&[E], &[PackedE<E>]) {
    match data {
        Data::Packed(values) => (&[], values),
        Data::Scalar(values) => (values, &[]),
    }
}

fn buffer<E: Ext>(data: Data<E>) -> Option<Vec<PackedE<E>>> {
    match data {
        Data::Packed(values) => Some(values),
        Data::Scalar(_) => None,
    }
}

/// The smallest buffer that is long enough, or a new one.
fn take_buffer<T: PrimeCharacteristicRing>(spare: &mut Vec<Vec<T>>, len: usize) -> Vec<T> {
    let fits = (0..spare.len()).filter(|&index| spare[index].len() >= len).min_by_key(|&index| spare[index].len());
    fits.map_or_else(|| T::zero_vec(len), |index| spare.swap_remove(index))
}
