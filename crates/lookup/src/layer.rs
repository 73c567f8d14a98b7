//! The prover's state in the sumcheck of one layer, `sum_x eq(r, x) [n0 d1 + n1 d0 + lambda d0 d1](x)`.
//!
//! For each parent `x` a general block holds `[n0, d0, n1 + lambda d1, d1]`, of which the summand is `v0 v3 + v1 v2`; a block
//! of lookups, in the leaf layer only, holds `[e0, e1]` (see [`crate::leaves`]). Filler contributes `lambda`. In the first round the
//! state is not there yet: children are read where they are, or recomputed.

use std::borrow::Cow;

use p3_field::{PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::{PackedE, PackedF};

use crate::error::LookupError;
use crate::geometry::{Geometry, Weights};
use crate::indicator::Indicator;
use crate::kernel::{Element, both, fill_and_sum, lanes, sum, zip};
use crate::layout::eq_index;
use crate::leaves::{LookupLeaves, PairKernel, QuadKernel};
use crate::tree::{Data, Layer, Left, Piece, Singles, finish, neighbours, pair_up, sort, unpack};

/// The children of a layer.
pub(crate) struct Children<'a, E: Ext> {
    /// Fractions.
    pub(crate) layer: Layer<E>,
    /// Lookups as leaves; in the leaf layer only.
    pub(crate) leaves: &'a [LookupLeaves<E>],
    /// Lookups whose fractions one layer above the leaves are not stored; in the layer above the leaves' only.
    pub(crate) parents: Vec<&'a LookupLeaves<E>>,
}

impl<'a, E: Ext> Children<'a, E> {
    /// The layer above.
    pub(crate) fn above(&self) -> Self {
        let mut layer = self.layer.parents();
        let (parents, stored): (Vec<_>, Vec<_>) = self.leaves.iter().partition(|leaves| leaves.is_virtual());
        let left = stored.par_iter().map(|leaves| leaves.parents());
        let left = left.chain(self.parents.par_iter().map(|leaves| leaves.grandparents())).collect();
        layer.pieces.append(&mut sort(left, &mut layer.singles));
        Self { layer, leaves: &[], parents }
    }
}

/// Buffers by block, two each, kept from layer to layer.
pub(crate) type Scratch<E> = Vec<Vec<Vec<PackedE<E>>>>;

impl<E: Ext> Children<'_, E> {
    /// Once the layer is done its storage is what the next layer, twice as large, binds its variables in.
    pub(crate) fn recycle(self, scratch: &mut Scratch<E>) {
        for piece in self.layer.pieces {
            if let Data::Packed(values) = piece.data {
                let own = &mut scratch[piece.slot];
                own.push(values);
                own.sort_by_key(|values| std::cmp::Reverse(values.len()));
                own.truncate(2);
            }
        }
    }
}

/// A block in the course of the sumcheck, with its buffers.
struct Block<E: Ext, const K: usize> {
    piece: Piece<E, K>,
    spare: Vec<Vec<PackedE<E>>>,
}

/// A block before the first round.
struct Unbound<'a, E: Ext> {
    slot: usize,
    start: usize,
    /// Of the parents.
    geometry: Geometry,
    source: Source<'a, E>,
}

enum Source<'a, E: Ext> {
    /// `[n0, d0, n1, d1]` for each parent.
    Quads(Cow<'a, Data<E>>),
    /// The same, from the integers of a lookup.
    Parents(&'a LookupLeaves<E>),
    /// `[e0, e1]` for each parent.
    Shifted(Data<E>),
    /// The same, from the integers of a lookup.
    Leaves(&'a LookupLeaves<E>),
}

/// State of the sumcheck.
pub(crate) struct LayerState<'a, E: Ext> {
    lambda: E,
    /// `1 / lambda`.
    shift: E,
    unbound: Vec<(Unbound<'a, E>, Option<Indicator<E>>)>,
    general: Vec<Block<E, 4>>,
    lookups: Vec<(Block<E, 2>, Indicator<E>)>,
    singles: Singles<E, 4>,
    /// Whether the third entry of singles is still `n1` alone.
    first: bool,
    /// Blocks whose own variables are all bound, by number, with `[n0, n1, d0, d1]`.
    ends: Vec<(usize, [E; 4])>,
}

/// `h(0)`, `h(inf)` and the weight of all pairs that are stored.
type Sums<E> = [E; 3];

fn add<E: Ext>(a: Sums<E>, b: Sums<E>) -> Sums<E> {
    std::array::from_fn(|k| a[k] + b[k])
}

#[inline(always)]
fn summand<E: Ext, T: Element<E>>(v: &[T; 4]) -> T {
    v[0] * v[3] + v[1] * v[2]
}

#[inline(always)]
fn difference<T: Copy + std::ops::Sub<Output = T>, const K: usize>(b: &[T; K], a: &[T; K]) -> [T; K] {
    zip(b, a, |b, a| b - a)
}

#[inline(always)]
fn general_values<E: Ext, T: Element<E>>(a: &[T; 4], b: &[T; 4]) -> [T; 2] {
    [summand::<E, T>(a), summand::<E, T>(&difference(b, a))]
}

#[inline(always)]
fn lookup_values<E: Ext, T: Element<E>>(a: &[T; 2], b: &[T; 2]) -> [T; 2] {
    [a[0] * a[1], (b[0] - a[0]) * (b[1] - a[1])]
}

#[inline(always)]
fn bind<E: Ext, T: Element<E>, const K: usize>(a: &[T; K], b: &[T; K], c: E) -> [T; K] {
    zip(a, b, |a, b| (b - a) * c + a)
}

/// `[n0, d0, n1 + lambda d1, d1]`.
#[inline(always)]
fn combine<E: Ext, T: Element<E>>(v: [T; 4], lambda: E) -> [T; 4] {
    [v[0], v[1], v[2] + v[3] * lambda, v[3]]
}

/// The weight of a block among all, the weights of its pairs, and the coordinates that are its own.
fn weights<'p, E: Ext>(start: usize, geometry: &Geometry, point: &'p [E]) -> (E, Weights<E>, &'p [E]) {
    let (weight, own) = block_weight(start, geometry, point);
    (weight, geometry.pair_weights(own), own)
}

fn block_weight<'p, E: Ext>(start: usize, geometry: &Geometry, point: &'p [E]) -> (E, &'p [E]) {
    let bits = geometry.bits();
    let (high, own) = point.split_at(point.len() + 1 - bits);
    (eq_index(start >> bits, high), own)
}

impl<'a, E: Ext> LayerState<'a, E> {
    /// Before the first round.
    pub(crate) fn new(children: &'a Children<'a, E>, lambda: E) -> Result<Self, LookupError> {
        let shift = lambda.try_inverse().ok_or(LookupError::Unlucky)?;
        let quad = |a: &[E; 2], b: &[E; 2]| [a[0], a[1], b[0], b[1]];
        let singles = pair_up(&children.layer.singles, [E::ZERO, E::ONE], quad);
        let mut own = Self { lambda, shift, unbound: Vec::new(), general: Vec::new(), lookups: Vec::new(), singles, first: true, ends: Vec::new() };
        for piece in &children.layer.pieces {
            let (geometry, unpacks) = piece.geometry.shrink();
            if !unpacks && !geometry.single() && geometry.row() % 2 == 0 {
                // Children in order are parents' quads in order.
                let source = Source::Quads(Cow::Borrowed(&piece.data));
                own.unbound.push((Unbound { slot: piece.slot, start: piece.start / 2, geometry, source }, None));
                continue;
            }
            let filler = [E::ZERO, E::ONE, E::ZERO, E::ONE];
            match piece.step(filler, quad, |a, b| [a[0], a[1], b[0], b[1]]) {
                Left::Piece(Piece { slot, start, geometry, data }) => {
                    own.unbound.push((Unbound { slot, start, geometry, source: Source::Quads(Cow::Owned(data)) }, None));
                }
                Left::Single(index, values) => own.push_single(piece.slot, index, values),
            }
        }
        for leaves in &children.parents {
            let geometry = leaves.geometry.shrink().0.shrink().0;
            own.unbound.push((Unbound { slot: leaves.slot, start: leaves.start / 4, geometry, source: Source::Parents(leaves) }, None));
        }
        for leaves in children.leaves {
            let indicator = leaves.indicator();
            if leaves.is_virtual() {
                let geometry = leaves.geometry.shrink().0;
                let unbound = Unbound { slot: leaves.slot, start: leaves.start / 2, geometry, source: Source::Leaves(leaves) };
                own.unbound.push((unbound, Some(indicator)));
                continue;
            }
            match leaves.shifted(shift) {
                Left::Piece(Piece { slot, start, geometry, data }) => {
                    own.unbound.push((Unbound { slot, start, geometry, source: Source::Shifted(data) }, Some(indicator)));
                }
                Left::Single(index, e) => {
                    let single = own.single(e, &indicator);
                    own.push_single(leaves.slot, index, single);
                }
            }
        }
        own.singles.sort_by_key(|&(index, _)| index);
        Ok(own)
    }

    fn push_single(&mut self, slot: usize, index: usize, values: [E; 4]) {
        self.singles.push((index, values));
        self.ends.push((slot, self.separate(values)));
    }

    /// `[n0, n1, d0, d1]`.
    fn separate(&self, [n0, d0, n1, d1]: [E; 4]) -> [E; 4] {
        [n0, if self.first { n1 } else { n1 - self.lambda * d1 }, d0, d1]
    }

    /// The quad of a lookup that is down to one entry.
    fn single(&self, e: [E; 2], indicator: &Indicator<E>) -> [E; 4] {
        let [n0, n1] = indicator.values();
        let (d0, d1) = (e[0] - n0 * self.shift, e[1] - n1 * self.shift);
        [n0, d0, if self.first { n1 } else { n1 + self.lambda * d1 }, d1]
    }

    /// `h(inf)` of the first round; the point has one coordinate for each variable but the lowest.
    pub(crate) fn first_round(&self, point: &[E]) -> E {
        let lambda = self.lambda;
        let blocks = self.unbound.par_iter().map(|(block, indicator)| {
            let (weight, weights, own) = weights(block.start, &block.geometry, point);
            let slope = match &block.source {
                Source::Quads(data) => match data.as_ref() {
                    Data::Packed(values) => lanes(&weights, quad_slopes(&weights, lambda, |index| slope_at(values, index))),
                    Data::Scalar(values) => quad_slopes(&weights, lambda, |index| slope_at(values, index)),
                },
                Source::Parents(leaves) => lanes(&weights, leaves.with_quads(QuadSlopes { weights: &weights, lambda })),
                Source::Shifted(Data::Packed(values)) => lanes(&weights, pair_slopes(&weights, values)),
                Source::Shifted(Data::Scalar(values)) => pair_slopes(&weights, values),
                Source::Leaves(leaves) => lanes(&weights, leaves.slope_sum(&weights)),
            };
            weight * indicator.as_ref().map_or(slope, |indicator| lambda * slope - self.shift * indicator.products(own)[1])
        });
        let filler = [E::ZERO, E::ONE, E::ZERO, E::ONE];
        let singles = pair_up(&self.singles, filler, |a, b| [summand::<E, E>(&combine(difference(b, a), lambda))]);
        let singles = singles.into_iter().map(|(index, [slope])| eq_index(index, point) * slope);
        blocks.sum::<E>() + singles.sum::<E>()
    }

    /// Binds the lowest variable to `c` and returns `h(0)` and `h(inf)` of the next round, if there is one; its point has one
    /// coordinate for each variable that is left but the lowest.
    pub(crate) fn bind(&mut self, c: E, point: Option<&[E]>, scratch: &mut Scratch<E>) -> [E; 2] {
        let (lambda, shift) = (self.lambda, self.shift);
        let filler = [E::ZERO, E::ONE, lambda, E::ONE];
        let singles = std::mem::take(&mut self.singles);
        self.singles = if self.first {
            pair_up(&singles, [E::ZERO, E::ONE, E::ZERO, E::ONE], |a, b| combine(bind::<E, E, 4>(a, b, c), lambda))
        } else {
            pair_up(&singles, filler, |a, b| bind::<E, E, 4>(a, b, c))
        };
        self.first = false;
        let context = Context { lambda, shift, c, point };
        let mut sums = [E::ZERO; 3];

        let mut moved = Vec::new();
        for (block, indicator) in std::mem::take(&mut self.unbound) {
            let spare = std::mem::take(&mut scratch[block.slot]);
            moved.push((block, indicator, spare));
        }
        let unbound: Vec<_> = moved.into_par_iter().map(|(block, indicator, spare)| context.bind_first(block, indicator, spare)).collect();
        let general: Vec<_> = std::mem::take(&mut self.general).into_par_iter().map(|block| context.bind_general(block)).collect();
        let lookups: Vec<_> =
            std::mem::take(&mut self.lookups).into_par_iter().map(|(block, indicator)| context.bind_lookup(block, indicator)).collect();
        for bound in unbound.into_iter().chain(general).chain(lookups) {
            match bound {
                Bound::General(Advanced { left, slot, spare, sums: own }) => {
                    sums = add(sums, own);
                    match left {
                        Left::Piece(piece) => self.general.push(Block { piece, spare }),
                        Left::Single(index, values) => {
                            self.push_single(slot, index, values);
                            scratch[slot] = spare;
                        }
                    }
                }
                Bound::Lookup(Advanced { left, slot, spare, sums: own }, indicator) => {
                    sums = add(sums, own);
                    match left {
                        Left::Piece(piece) => self.lookups.push((Block { piece, spare }, indicator)),
                        Left::Single(index, e) => {
                            let single = self.single(e, &indicator);
                            self.push_single(slot, index, single);
                            scratch[slot] = spare;
                        }
                    }
                }
            }
        }
        self.singles.sort_by_key(|&(index, _)| index);
        let Some(point) = point else { return [E::ZERO; 2] };
        let singles = pair_up(&self.singles, filler, general_values::<E, E>);
        let singles = singles.into_iter().map(|(index, [at_zero, slope])| {
            let weight = eq_index(index, point);
            [weight * at_zero, weight * slope, weight]
        });
        let [at_zero, slope, stored] = singles.fold(sums, add);
        [at_zero + lambda * (E::ONE - stored), slope]
    }

    /// `[n0, n1, d0, d1]` once all variables are bound; and the same for each block of at least two children, by its number, at the
    /// block's own variables.
    pub(crate) fn ends(self) -> ([E; 4], Vec<(usize, [E; 4])>) {
        let filler = [E::ZERO, E::ONE, if self.first { E::ZERO } else { self.lambda }, E::ONE];
        (self.separate(self.singles.first().map_or(filler, |&(_, values)| values)), self.ends)
    }
}

#[inline(always)]
fn slope_at<T: Copy + std::ops::Sub<Output = T>>(values: &[T], index: usize) -> [T; 4] {
    let (a, b) = neighbours::<T, 4>(values, index);
    difference(b, a)
}

fn quad_slopes<E: Ext, T: Element<E>>(weights: &Weights<E>, lambda: E, slope: impl Fn(usize) -> [T; 4] + Sync) -> T {
    let [sum] = sum(weights, |index, weight| [summand::<E, T>(&combine(slope(index), lambda)) * weight]);
    sum
}

fn pair_slopes<E: Ext, T: Element<E>>(weights: &Weights<E>, values: &[T]) -> T {
    let [slope] = sum(weights, |index, weight| {
        let (a, b) = neighbours::<T, 2>(values, index);
        [lookup_values::<E, T>(a, b)[1] * weight]
    });
    slope
}

struct QuadSlopes<'w, E> {
    weights: &'w Weights<E>,
    lambda: E,
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
struct Advanced<E: Ext, const K: usize> {
    left: Left<E, K>,
    slot: usize,
    spare: Vec<Vec<PackedE<E>>>,
    sums: Sums<E>,
}

enum Bound<E: Ext> {
    General(Advanced<E, 4>),
    Lookup(Advanced<E, 2>, Indicator<E>),
}

/// What all blocks share in a round.
struct Context<'p, E> {
    lambda: E,
    shift: E,
    c: E,
    point: Option<&'p [E]>,
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
    fn bind_first(&self, block: Unbound<'_, E>, indicator: Option<Indicator<E>>, spare: Vec<Vec<PackedE<E>>>) -> Bound<E> {
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

    fn bind_general(&self, block: Block<E, 4>) -> Bound<E> {
        let Block { piece: Piece { slot, start, geometry, data }, spare } = block;
        let before = Before { slot, start, geometry, spare, filler: [E::ZERO, E::ONE, self.lambda, E::ONE] };
        let (scalars, vectors) = slices(&data);
        let c = self.c;
        let scalar = |index: usize| {
            let (a, b) = neighbours(scalars, index);
            bind::<E, E, 4>(a, b, c)
        };
        let packed = |index: usize| {
            let (a, b) = neighbours(vectors, index);
            bind::<E, PackedE<E>, 4>(a, b, c)
        };
        let mut advanced = self.advance(before, scalar, packed, general_values::<E, E>, general_values::<E, PackedE<E>>);
        advanced.spare.extend(buffer(data));
        Bound::General(advanced)
    }

    fn bind_lookup(&self, block: Block<E, 2>, indicator: Indicator<E>) -> Bound<E> {
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
            bind::<E, E, 2>(a, b, c)
        };
        let packed = |index: usize| {
            let (a, b) = neighbours(vectors, index);
            bind::<E, PackedE<E>, 2>(a, b, c)
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
