//! The prover's state in the sumcheck of one layer, `sum_x eq(r, x) [n0 d1 + n1 d0 + lambda d0 d1](x)`.
//!
//! For each parent `x` a general block holds `[n0, d0, n1 + lambda d1, d1]`, of which the summand is `v0 v3 + v1 v2`; a block
//! of lookups, in the leaf layer only, holds `[e0, e1]` (see `leaves.rs`). Filler contributes `lambda`. In the first round the
//! state is not there yet: children are read where they are, or recomputed.

use std::borrow::Cow;

use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::PackedE;

use crate::block::{
    Advanced, Block, Bound, Context, QuadSlopes, Source, Unbound, add, bind, combine, difference, general_values, pair_slopes, quad_slopes,
    slope_at, summand, weights,
};
use crate::error::LookupError;
use crate::indicator::Indicator;
use crate::kernel::{GRAIN, lanes, map};
use crate::layout::eq_index;
use crate::leaves::LookupLeaves;
use crate::tree::{Data, Layer, Left, Piece, Singles, pair_up, sort};

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

    /// Whether the blocks are worth distributing.
    fn is_large(&self) -> bool {
        let unbound = self.unbound.iter().map(|(block, _)| block.geometry.stored());
        let general = self.general.iter().map(|block| block.piece.geometry.stored());
        let lookups = self.lookups.iter().map(|(block, _)| block.piece.geometry.stored());
        unbound.chain(general).chain(lookups).sum::<usize>() > 4 * GRAIN
    }

    /// `h(inf)` of the first round; the point has one coordinate for each variable but the lowest.
    pub(crate) fn first_round(&self, point: &[E]) -> E {
        let lambda = self.lambda;
        let blocks = map(self.unbound.iter().collect(), self.is_large(), |(block, indicator)| {
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
        blocks.into_iter().sum::<E>() + singles.sum::<E>()
    }

    /// Binds the lowest variable to `c` and returns `h(0)` and `h(inf)` of the next round, if there is one; its point has one
    /// coordinate for each variable that is left but the lowest.
    pub(crate) fn bind(&mut self, c: E, point: Option<&[E]>, scratch: &mut Scratch<E>) -> [E; 2] {
        let (lambda, shift) = (self.lambda, self.shift);
        let filler = [E::ZERO, E::ONE, lambda, E::ONE];
        let singles = std::mem::take(&mut self.singles);
        self.singles = if self.first {
            pair_up(&singles, [E::ZERO, E::ONE, E::ZERO, E::ONE], |a, b| combine(bind(a, b, c), lambda))
        } else {
            pair_up(&singles, filler, |a, b| bind(a, b, c))
        };
        self.first = false;
        let context = Context { lambda, shift, c, point };
        let parallel = self.is_large();
        let mut sums = [E::ZERO; 3];

        let mut moved = Vec::new();
        for (block, indicator) in std::mem::take(&mut self.unbound) {
            let spare = std::mem::take(&mut scratch[block.slot]);
            moved.push((block, indicator, spare));
        }
        let unbound = map(moved, parallel, |(block, indicator, spare)| context.bind_first(block, indicator, spare));
        let general = map(std::mem::take(&mut self.general), parallel, |block| context.bind_general(block));
        let lookups = map(std::mem::take(&mut self.lookups), parallel, |(block, indicator)| context.bind_lookup(block, indicator));
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
