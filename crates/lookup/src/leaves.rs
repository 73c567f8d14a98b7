//! The leaves of one lookup: numerators 1, denominators `base + c_1 + beta c_2` with small integers `c_i`.
//!
//! Numerators are never stored. With `e = den + num / lambda` the summand of the leaf layer is
//!
//! `n0 d1 + n1 d0 + lambda d0 d1 = lambda e0 e1 - n0 n1 / lambda`,
//!
//! `e` is multilinear in the leaf index, and `n0`, `n1` are public indicators of real entries, products over the axes,
//! so that the sum of the second term has a closed form ([`Indicator`]) and the sumcheck runs over `e0 e1` alone.

use p3_field::{Algebra, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::field::{P, PackedE, PackedF};
use veritorch_sumcheck::mle::{eq, log_padded};
use veritorch_sumcheck::{Ext, F};

use crate::column::Column;
use crate::geometry::{Geometry, merged_axes};
use crate::layout::{indicator, index_bits};
use crate::tree::{Data, Element, Left, even_rows, finish, unpack};

/// The leaves of a lookup of at least two entries.
#[derive(Clone, Debug)]
pub(crate) struct LookupLeaves<E: Ext> {
    /// Index of the first leaf.
    pub(crate) start: usize,
    /// Storage order of the leaves.
    pub(crate) geometry: Geometry,
    /// Real extents, merged, innermost first.
    axes: Vec<usize>,
    base: E,
    beta: E,
    columns: Vec<Integers>,
}

/// One column in storage order, lanes innermost.
#[derive(Clone, Debug)]
enum Integers {
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
}

/// With or without SIMD.
trait Mode<E: Ext> {
    /// Vectors of extension elements.
    type T: Element<E> + Algebra<Self::B>;
    /// Vectors of base-field elements.
    type B: Copy + Send + Sync;
    /// Vector `index`.
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> Self::B;
}

struct Single;
struct Simd;

impl<E: Ext> Mode<E> for Single {
    type T = E;
    type B = F;
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> F {
        field(values[index].into())
    }
}

impl<E: Ext> Mode<E> for Simd {
    type T = PackedE<E>;
    type B = PackedF;
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> PackedF {
        let own = &values[index * PackedF::WIDTH..][..PackedF::WIDTH];
        PackedF::from_fn(|lane| field(own[lane].into()))
    }
}

fn field(value: i64) -> F {
    // A negative value gets p added; both cases stay within 64 bits.
    F::new((value as u64).wrapping_add(((value >> 63) as u64) & P))
}

impl Integers {
    /// `[outer, lane, inner]` to `[outer, inner, lane]`.
    fn new(column: Column<'_>, inner: usize, lanes: usize) -> Self {
        match column {
            Column::I8(values) => Self::Narrow(transpose(values, inner, lanes, |&value| i32::from(value))),
            Column::I16(values) => Self::Narrow(transpose(values, inner, lanes, |&value| i32::from(value))),
            Column::I32(values) => Self::Narrow(transpose(values, inner, lanes, |&value| value)),
            Column::I64(values) => Self::Wide(transpose(values, inner, lanes, |&value| value)),
        }
    }
}

fn transpose<A: Sync, B: Copy + Default + Send + Sync>(values: &[A], inner: usize, lanes: usize, f: impl Fn(&A) -> B + Sync) -> Vec<B> {
    if lanes == 1 {
        return values.iter().map(f).collect();
    }
    let mut output = vec![B::default(); values.len()];
    output.par_chunks_mut(inner * lanes).zip(values.par_chunks(inner * lanes)).for_each(|(output, values)| {
        output.par_chunks_mut(lanes).with_min_len(crate::tree::GRAIN).enumerate().for_each(|(index, output)| {
            for (lane, output) in output.iter_mut().enumerate() {
                *output = f(&values[lane * inner + index]);
            }
        });
    });
    output
}

impl<E: Ext> LookupLeaves<E> {
    /// The leaves of the lookup with these columns.
    pub(crate) fn new(start: usize, shape: &[usize], base: E, beta: E, columns: &[Column<'_>]) -> Self {
        let geometry = Geometry::new(shape);
        let (inner, _) = geometry.extents();
        let lanes = if geometry.packed() { PackedF::WIDTH } else { 1 };
        let columns = columns.iter().map(|&column| Integers::new(column, inner, lanes)).collect();
        Self { start, geometry, axes: merged_axes(shape), base, beta, columns }
    }

    /// The denominators in storage order, without filler.
    fn denominators<M: Mode<E>>(&self) -> Vec<M::T> {
        let (inner, outer) = self.geometry.extents();
        let (base, beta) = (M::T::from(self.base), M::T::from(self.beta));
        let load = |column: &Integers, index: usize| match column {
            Integers::Narrow(values) => M::load(values, index),
            Integers::Wide(values) => M::load(values, index),
        };
        let count = inner * outer;
        let den = |index: usize| {
            let first = base + load(&self.columns[0], index);
            match self.columns.get(1) {
                Some(column) => first + beta * load(column, index),
                None => first,
            }
        };
        (0..count).into_par_iter().with_min_len(crate::tree::GRAIN).map(den).collect()
    }

    /// Pairs along the innermost axis, the last one of an odd row without a partner.
    fn pairs<T: Copy + Send + Sync, const L: usize>(&self, values: &[T], f: impl Fn(T, Option<T>) -> [T; L] + Sync) -> Vec<[T; L]> {
        values
            .par_chunks(self.geometry.row())
            .flat_map_iter(|row| row.chunks(2).map(|pair| f(pair[0], pair.get(1).copied())))
            .collect()
    }

    fn step<const L: usize>(
        &self,
        filler: [E; L],
        scalar: impl Fn(E, Option<E>) -> [E; L] + Sync,
        packed: impl Fn(PackedE<E>, Option<PackedE<E>>) -> [PackedE<E>; L] + Sync,
    ) -> Left<E, L> {
        let (geometry, unpacks) = self.geometry.shrink();
        let data = if self.geometry.packed() {
            let values = self.pairs(&self.denominators::<Simd>(), packed);
            if unpacks {
                Data::Scalar(even_rows(unpack(&values), geometry.row(), filler))
            } else {
                Data::Packed(even_rows(values, geometry.row(), filler.map(PackedE::<E>::from)))
            }
        } else {
            Data::Scalar(even_rows(self.pairs(&self.denominators::<Single>(), scalar), geometry.row(), filler))
        };
        finish(self.start / 2, geometry, data)
    }

    /// The fractions one layer up.
    pub(crate) fn parents(&self) -> Left<E, 2> {
        fn parent<T: PrimeCharacteristicRing + Copy>(a: T, b: Option<T>) -> [T; 2] {
            match b {
                Some(b) => [a + b, a * b],
                None => [T::ONE, a],
            }
        }
        self.step([E::ZERO, E::ONE], parent::<E>, parent::<PackedE<E>>)
    }

    /// `[e0, e1]` for each parent, given `1 / lambda`.
    pub(crate) fn shifted(&self, shift: E) -> Left<E, 2> {
        fn shifted<T: PrimeCharacteristicRing + Copy>(a: T, b: Option<T>, shift: T) -> [T; 2] {
            [a + shift, b.map_or(T::ONE, |b| b + shift)]
        }
        let packed = PackedE::<E>::from(shift);
        self.step([E::ONE; 2], |a, b| shifted(a, b, shift), |a, b| shifted(a, b, packed))
    }

    /// The numerators of the two halves, as functions of the parent's index.
    pub(crate) fn indicator(&self) -> Indicator<E> {
        Indicator::new(self.axes.clone())
    }
}

/// `n0` and `n1` over the parents of a block: one on real entries, zero on padding; bound to challenges as the sumcheck
/// goes on. Along the axis that is being bound each is 1 but for its last entry.
#[derive(Clone, Debug)]
pub(crate) struct Indicator<E> {
    /// Real extents that are left, innermost first.
    axes: Vec<usize>,
    /// Last entries along the innermost axis.
    last: [E; 2],
    /// What the axes that are bound contribute.
    bound: [E; 2],
}

impl<E: Ext> Indicator<E> {
    fn new(mut axes: Vec<usize>) -> Self {
        let odd = axes[0] % 2 == 1;
        axes[0] = axes[0].div_ceil(2);
        let mut own = Self { axes, last: [E::ONE, if odd { E::ZERO } else { E::ONE }], bound: [E::ONE; 2] };
        own.drop_axis();
        own
    }

    fn drop_axis(&mut self) {
        if self.axes[0] == 1 {
            self.axes.remove(0);
            for (bound, last) in self.bound.iter_mut().zip(&mut self.last) {
                *bound *= std::mem::replace(last, E::ONE);
            }
        }
    }

    /// `sum eq(point, y) n0(0, y) n1(0, y)`, and the same for the differences `n(1, y) - n(0, y)`; the point has one coordinate
    /// for each bit of the block but the lowest.
    pub(crate) fn products(&self, point: &[E]) -> [E; 2] {
        let mut rest = point;
        let mut take = |bits: usize| {
            let (high, low) = rest.split_at(rest.len() - bits);
            rest = high;
            low
        };
        let len = self.axes[0];
        let own = take(log_padded(len) - 1);
        let pairs = len.div_ceil(2);
        let edge = eq(&index_bits(pairs - 1, own.len()), own);
        let [a, b] = self.last;
        let (at_zero, slope) = if len % 2 == 0 { (E::ONE, (a - E::ONE) * (b - E::ONE)) } else { (a * b, a * b) };
        let mut scale = self.bound[0] * self.bound[1];
        for &len in &self.axes[1..] {
            scale *= indicator(len, take(log_padded(len)));
        }
        [scale * (indicator(pairs, own) + edge * (at_zero - E::ONE)), scale * edge * slope]
    }

    /// Binds the lowest variable.
    pub(crate) fn bind(&mut self, c: E) {
        let odd = self.axes[0] % 2 == 1;
        self.axes[0] = self.axes[0].div_ceil(2);
        for last in &mut self.last {
            *last = if odd { (E::ONE - c) * *last } else { E::ONE + c * (*last - E::ONE) };
        }
        self.drop_axis();
    }

    /// `n0` and `n1` once all variables are bound.
    pub(crate) fn values(&self) -> [E; 2] {
        self.bound
    }
}
