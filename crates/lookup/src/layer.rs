//! The prover's state in the sumcheck of one layer, `sum_x eq(r, x) [n0 d1 + n1 d0 + lambda d0 d1](x)`.
//!
//! For each parent `x` a general block holds `[n0, d0, n1 + lambda d1, d1]`, of which the summand is `v0 v3 + v1 v2`; a block
//! of lookups, in the leaf layer only, holds `[e0, e1]` (see [`crate::leaves`]). Filler contributes `lambda`.

use p3_field::PackedFieldExtension;
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::PackedE;
use veritorch_sumcheck::mle::eq;

use crate::error::LookupError;
use crate::geometry::Weights;
use crate::layout::index_bits;
use crate::leaves::{Indicator, LookupLeaves};
use crate::tree::{Data, Element, GRAIN, Layer, Left, Piece, Singles, pair_up, sort};

/// The children of a layer.
pub(crate) struct Children<E: Ext> {
    /// Fractions.
    pub(crate) layer: Layer<E>,
    /// Lookups; there are some in the leaf layer only.
    pub(crate) lookups: Vec<LookupLeaves<E>>,
}

impl<E: Ext> Children<E> {
    /// The layer above.
    pub(crate) fn parents(&self) -> Layer<E> {
        let mut layer = self.layer.parents();
        let left = self.lookups.par_iter().map(LookupLeaves::parents).collect();
        layer.pieces.append(&mut sort(left, &mut layer.singles));
        layer
    }
}

/// State of the sumcheck.
pub(crate) struct LayerState<E: Ext> {
    lambda: E,
    /// `1 / lambda`.
    shift: E,
    general: Vec<Piece<E, 4>>,
    lookups: Vec<(Piece<E, 2>, Indicator<E>)>,
    singles: Singles<E, 4>,
    /// Whether the third entry of general blocks is still `n1` alone.
    first: bool,
}

fn summand<E: Ext, T: Element<E>>(v: [T; 4]) -> T {
    v[0] * v[3] + v[1] * v[2]
}

fn sub<T: Copy + std::ops::Sub<Output = T>, const K: usize>(a: &[T; K], b: &[T; K]) -> [T; K] {
    std::array::from_fn(|k| a[k] - b[k])
}

fn bind<E: Ext, T: Element<E>, const K: usize>([a, b]: &[[T; K]; 2], c: E) -> [T; K] {
    std::array::from_fn(|k| (b[k] - a[k]) * c + a[k])
}

impl<E: Ext> LayerState<E> {
    /// Before the first round.
    pub(crate) fn new(children: &Children<E>, lambda: E) -> Result<Self, LookupError> {
        let shift = lambda.try_inverse().ok_or(LookupError::Unlucky)?;
        let mut singles = pair_up(&children.layer.singles, [E::ZERO, E::ONE], |[a, b]| [a[0], a[1], b[0], b[1]]);
        let filler = [E::ZERO, E::ONE, E::ZERO, E::ONE];
        let left = children
            .layer
            .pieces
            .par_iter()
            .map(|piece| piece.step(filler, |[a, b]| [a[0], a[1], b[0], b[1]], |[a, b]| [a[0], a[1], b[0], b[1]]))
            .collect();
        let general = sort(left, &mut singles);
        let mut own = Self { lambda, shift, general, lookups: Vec::new(), singles, first: true };
        let left = children.lookups.par_iter().map(|leaves| (leaves.shifted(shift), leaves.indicator())).collect();
        own.lookups = own.sort_lookups(left, false);
        Ok(own)
    }

    fn sort_lookups(&mut self, left: Vec<(Left<E, 2>, Indicator<E>)>, combined: bool) -> Vec<(Piece<E, 2>, Indicator<E>)> {
        let mut pieces = Vec::with_capacity(left.len());
        let before = self.singles.len();
        for (left, indicator) in left {
            match left {
                Left::Piece(piece) => pieces.push((piece, indicator)),
                Left::Single(index, e) => {
                    let n = indicator.values();
                    let d = [e[0] - n[0] * self.shift, e[1] - n[1] * self.shift];
                    let n1 = if combined { n[1] + self.lambda * d[1] } else { n[1] };
                    self.singles.push((index, [n[0], d[0], n1, d[1]]));
                }
            }
        }
        if self.singles.len() > before {
            self.singles.sort_by_key(|&(index, _)| index);
        }
        pieces
    }

    /// `h(0)` and `h(inf)`; the point has one coordinate for each variable that is left but the lowest. In the first round
    /// `h(0)` is known and 0 is returned in its place.
    pub(crate) fn round(&self, point: &[E]) -> [E; 2] {
        let zero = || [E::ZERO; 3];
        let add = |a: [E; 3], b: [E; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
        let (lambda, shift, first) = (self.lambda, self.shift, self.first);
        let general = self.general.par_iter().map(|piece| {
            let (weight, weights) = weights(piece, point);
            let [at_zero, slope] = match &piece.data {
                Data::Packed(values) => lanes(&weights, general_sums::<E, PackedE<E>>(values, &weights, first.then_some(lambda))),
                Data::Scalar(values) => general_sums::<E, E>(values, &weights, first.then_some(lambda)),
            };
            [weight * at_zero, weight * slope, weight * weights.total()]
        });
        let lookups = self.lookups.par_iter().map(|(piece, indicator)| {
            let (weight, weights) = weights(piece, point);
            let [at_zero, slope] = match &piece.data {
                Data::Packed(values) => lanes(&weights, lookup_sums::<E, PackedE<E>>(values, &weights)),
                Data::Scalar(values) => lookup_sums::<E, E>(values, &weights),
            };
            let own = &point[point.len() + 1 - piece.geometry.bits()..];
            let [numerators_at_zero, numerators_slope] = indicator.products(own);
            let scaled = |sum: E, numerators: E| weight * (lambda * sum - shift * numerators);
            [scaled(at_zero, numerators_at_zero), scaled(slope, numerators_slope), weight * weights.total()]
        });
        let filler = self.filler();
        let singles = pair_up(&self.singles, filler, |[a, b]| {
            let slope = sub(b, a);
            if first { [E::ZERO, summand::<E, E>(combine(&slope, lambda))] } else { [summand::<E, E>(*a), summand::<E, E>(slope)] }
        });
        let singles = singles.into_iter().map(|(index, [at_zero, slope])| {
            let weight = eq(&index_bits(index, point.len()), point);
            [weight * at_zero, weight * slope, weight]
        });
        let sums = add(add(general.reduce(zero, add), lookups.reduce(zero, add)), singles.fold(zero(), add));
        if first { [E::ZERO, sums[1]] } else { [sums[0] + lambda * (E::ONE - sums[2]), sums[1]] }
    }

    /// The filler of general blocks.
    fn filler(&self) -> [E; 4] {
        [E::ZERO, E::ONE, if self.first { E::ZERO } else { self.lambda }, E::ONE]
    }

    /// Binds the lowest variable.
    pub(crate) fn bind(&mut self, c: E) {
        let lambda = self.lambda;
        let was_first = std::mem::replace(&mut self.first, false);
        let filler = self.filler();
        let singles = std::mem::take(&mut self.singles);
        let (left, singles): (Vec<Left<E, 4>>, _) = if was_first {
            (
                self.general
                    .par_iter()
                    .map(|piece| {
                        piece.step(
                            filler,
                            |pair| combine(&bind::<E, E, 4>(pair, c), lambda),
                            |pair| combine(&bind::<E, PackedE<E>, 4>(pair, c), lambda),
                        )
                    })
                    .collect(),
                pair_up(&singles, [E::ZERO, E::ONE, E::ZERO, E::ONE], |pair| combine(&bind::<E, E, 4>(pair, c), lambda)),
            )
        } else {
            (
                self.general
                    .par_iter()
                    .map(|piece| piece.step(filler, |pair| bind::<E, E, 4>(pair, c), |pair| bind::<E, PackedE<E>, 4>(pair, c)))
                    .collect(),
                pair_up(&singles, filler, |pair| bind::<E, E, 4>(pair, c)),
            )
        };
        self.singles = singles;
        self.general = sort(left, &mut self.singles);
        let left = std::mem::take(&mut self.lookups)
            .into_par_iter()
            .map(|(piece, mut indicator)| {
                indicator.bind(c);
                (piece.step([E::ONE; 2], |pair| bind::<E, E, 2>(pair, c), |pair| bind::<E, PackedE<E>, 2>(pair, c)), indicator)
            })
            .collect();
        self.lookups = self.sort_lookups(left, true);
    }

    /// `[n0, n1, d0, d1]` once all variables are bound.
    pub(crate) fn ends(&self) -> [E; 4] {
        let [n0, d0, n1, d1] = self.singles.first().map_or(self.filler(), |&(_, values)| values);
        [n0, if self.first { n1 } else { n1 - self.lambda * d1 }, d0, d1]
    }
}

/// `[n0, d0, n1 + lambda d1, d1]`.
fn combine<E: Ext, T: Element<E>>(v: &[T; 4], lambda: E) -> [T; 4] {
    [v[0], v[1], v[2] + v[3] * lambda, v[3]]
}

/// The weight of the block among all and the weights of its pairs.
fn weights<E: Ext, const K: usize>(piece: &Piece<E, K>, point: &[E]) -> (E, Weights<E>) {
    let bits = piece.geometry.bits();
    let (high, own) = point.split_at(point.len() + 1 - bits);
    (eq(&index_bits(piece.start >> bits, high.len()), high), piece.geometry.pair_weights(own))
}

fn lanes<E: Ext>(weights: &Weights<E>, sums: [PackedE<E>; 2]) -> [E; 2] {
    sums.map(|sum| weights.lanes.iter().enumerate().map(|(lane, &weight)| weight * sum.extract(lane)).sum())
}

fn general_sums<E: Ext, T: Element<E>>(values: &[[T; 4]], weights: &Weights<E>, first: Option<E>) -> [T; 2] {
    match first {
        Some(lambda) => weighted(values, weights, |[a, b]| [T::ZERO, summand::<E, T>(combine(&sub(b, a), lambda))]),
        None => weighted(values, weights, |[a, b]| [summand::<E, T>(*a), summand::<E, T>(sub(b, a))]),
    }
}

fn lookup_sums<E: Ext, T: Element<E>>(values: &[[T; 2]], weights: &Weights<E>) -> [T; 2] {
    weighted(values, weights, |[a, b]| [a[0] * a[1], (b[0] - a[0]) * (b[1] - a[1])])
}

/// `sum_y weight(y) f(pair y)`.
fn weighted<E: Ext, T: Element<E>, const K: usize>(values: &[[T; K]], weights: &Weights<E>, f: impl Fn(&[[T; K]; 2]) -> [T; 2] + Sync) -> [T; 2] {
    let tail = weights.tail.as_slice();
    let (pairs, _) = values.as_chunks::<2>();
    let chunk = |(pairs, &head): (&[[[T; K]; 2]], &E)| {
        let mut sums = [T::ZERO; 2];
        for (pair, &weight) in pairs.iter().zip(tail) {
            let values = f(pair);
            sums[0] += values[0] * weight;
            sums[1] += values[1] * weight;
        }
        [sums[0] * head, sums[1] * head]
    };
    let add = |a: [T; 2], b: [T; 2]| [a[0] + b[0], a[1] + b[1]];
    if pairs.len() <= GRAIN {
        return pairs.chunks(tail.len()).zip(&weights.head).map(chunk).fold([T::ZERO; 2], add);
    }
    let min_len = GRAIN.div_ceil(tail.len());
    pairs.par_chunks(tail.len()).zip(&weights.head).with_min_len(min_len).map(chunk).reduce(|| [T::ZERO; 2], add)
}
