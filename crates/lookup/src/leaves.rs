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
use veritorch_sumcheck::{Ext, F};

use crate::column::Column;
use crate::geometry::{Geometry, Weights, merged_axes};
use crate::indicator::Indicator;
use crate::kernel::{Element, GRAIN, both, lanes, sum};
use crate::table::TableSpec;
use crate::tree::{Left, build, parent};

const NOT_VIRTUAL: &str = "only narrow columns are recomputed";

/// The leaves of a lookup of at least two entries.
#[derive(Clone, Debug)]
pub(crate) struct LookupLeaves<E: Ext> {
    /// Number of the block.
    pub(crate) slot: usize,
    /// Index of the first leaf.
    pub(crate) start: usize,
    /// Storage order of the leaves.
    pub(crate) geometry: Geometry,
    /// Real extents, merged, innermost first.
    axes: Vec<usize>,
    base: E,
    beta: E,
    columns: Columns,
}

/// Columns in storage order, lanes innermost.
#[derive(Clone, Debug)]
enum Columns {
    /// Entries of up to 32 bits.
    Narrow(Vec<Vec<i32>>),
    /// Entries of up to 64 bits.
    Wide(Vec<Vec<i64>>),
}

/// With or without SIMD.
pub(crate) trait Mode<E: Ext> {
    /// Vectors of extension elements.
    type T: Element<E> + Algebra<Self::B>;
    /// Vectors of base-field elements.
    type B: PrimeCharacteristicRing + Copy + Send + Sync;
    /// Vector `index`.
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> Self::B;
}

pub(crate) struct Single;
pub(crate) struct Simd;

impl<E: Ext> Mode<E> for Single {
    type T = E;
    type B = F;
    #[inline(always)]
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> F {
        field(values[index].into())
    }
}

impl<E: Ext> Mode<E> for Simd {
    type T = PackedE<E>;
    type B = PackedF;
    #[inline(always)]
    fn load<I: Copy + Into<i64>>(values: &[I], index: usize) -> PackedF {
        let own = &values[index * PackedF::WIDTH..][..PackedF::WIDTH];
        let mut vector = PackedF::ZERO;
        for (lane, &value) in vector.as_slice_mut().iter_mut().zip(own) {
            *lane = field(value.into());
        }
        vector
    }
}

#[inline(always)]
fn field(value: i64) -> F {
    // A negative value gets p added; both cases stay within 64 bits.
    F::new((value as u64).wrapping_add(((value >> 63) as u64) & P))
}

/// `[outer, lane, inner]` to `[outer, inner, lane]`.
fn transpose<A: Copy + Sync, B: Copy + Default + Send + Sync>(values: &[A], (inner, lanes): (usize, usize), f: impl Fn(A) -> B + Sync) -> Vec<B> {
    if lanes == 1 {
        return values.iter().map(|&value| f(value)).collect();
    }
    let mut output = vec![B::default(); values.len()];
    output.par_chunks_mut(inner * lanes).zip(values.par_chunks(inner * lanes)).for_each(|(output, values)| {
        output.par_chunks_mut(lanes).with_min_len(GRAIN).enumerate().for_each(|(index, output)| {
            for (lane, output) in output.iter_mut().enumerate() {
                *output = f(values[lane * inner + index]);
            }
        });
    });
    output
}

/// The leaves as a kernel sees them: `C` columns of integers and the challenges, in one mode.
struct View<'a, E: Ext, M: Mode<E>, I, const C: usize> {
    columns: [&'a [I]; C],
    base: M::T,
    beta: M::T,
}

impl<E: Ext, M: Mode<E>, I: Copy + Into<i64>, const C: usize> View<'_, E, M, I, C> {
    #[inline(always)]
    fn tuple(&self, index: usize) -> [M::B; C] {
        let mut tuple = [M::B::ZERO; C];
        for (value, column) in tuple.iter_mut().zip(self.columns) {
            *value = M::load(column, index);
        }
        tuple
    }

    #[inline(always)]
    fn denominator(&self, index: usize) -> M::T {
        let tuple = self.tuple(index);
        let first = self.base + tuple[0];
        if C == 2 { first + self.beta * tuple[1] } else { first }
    }

    /// The fraction above leaves `2 index` and `2 index + 1`.
    #[inline(always)]
    fn parent(&self, index: usize) -> [M::T; 2] {
        let (a, b) = (self.denominator(2 * index), self.denominator(2 * index + 1));
        [a + b, a * b]
    }
}

/// Runs `$body` with `$view` bound to a [`View`] of narrow columns, `$other` for wide ones.
macro_rules! with_narrow {
    ($leaves:expr, $mode:ty, |$view:ident| $body:expr, $other:expr) => {
        match &$leaves.columns {
            Columns::Narrow(columns) => match columns.as_slice() {
                [a, b] => {
                    let $view = View::<E, $mode, i32, 2> { columns: [a, b], base: $leaves.base.into(), beta: $leaves.beta.into() };
                    $body
                }
                columns => {
                    let $view = View::<E, $mode, i32, 1> { columns: [&columns[0]], base: $leaves.base.into(), beta: $leaves.beta.into() };
                    $body
                }
            },
            Columns::Wide(_) => $other,
        }
    };
}

impl<E: Ext> LookupLeaves<E> {
    /// The leaves of the lookup with these columns, one or two.
    pub(crate) fn new(slot: usize, start: usize, shape: &[usize], base: E, beta: E, columns: &[Column<'_>]) -> Self {
        let geometry = Geometry::new(shape);
        let (inner, _) = geometry.extents();
        let order = (inner, if geometry.packed() { PackedF::WIDTH } else { 1 });
        let narrow = |column: &Column<'_>| match column {
            Column::I8(values) => transpose(values, order, i32::from),
            Column::I16(values) => transpose(values, order, i32::from),
            Column::I32(values) => transpose(values, order, |value| value),
            Column::I64(_) => Vec::new(),
        };
        let wide = |column: &Column<'_>| match column {
            Column::I8(values) => transpose(values, order, i64::from),
            Column::I16(values) => transpose(values, order, i64::from),
            Column::I32(values) => transpose(values, order, i64::from),
            Column::I64(values) => transpose(values, order, |value| value),
        };
        let columns = if columns.iter().any(|column| matches!(column, Column::I64(_))) {
            Columns::Wide(columns.iter().map(wide).collect())
        } else {
            Columns::Narrow(columns.iter().map(narrow).collect())
        };
        Self { slot, start, geometry, axes: merged_axes(shape), base, beta, columns }
    }

    /// Whether the two layers above are pairs of vectors throughout: they are then recomputed from the integers instead of stored.
    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self.columns, Columns::Narrow(_)) && self.geometry.even_levels() >= 3
    }

    /// The fractions one layer up.
    pub(crate) fn parents(&self) -> Left<E, 2> {
        self.build([E::ZERO, E::ONE], [E::ONE, E::ZERO], |n, d| [n[0] * d[1] + n[1] * d[0], d[0] * d[1]], |n, d| [n[0] * d[1] + n[1] * d[0], d[0] * d[1]])
    }

    /// `[e0, e1]` for each parent, given `1 / lambda`.
    pub(crate) fn shifted(&self, shift: E) -> Left<E, 2> {
        let packed = PackedE::<E>::from(shift);
        self.build(
            [E::ONE; 2],
            [E::ONE, E::ZERO],
            |n, d| [d[0] + n[0] * shift, d[1] + n[1] * shift],
            |n, d| [d[0] + n[0] * packed, d[1] + n[1] * packed],
        )
    }

    /// A function of the numerators and denominators of each pair of leaves; the last leaf of an odd row is paired with filler.
    fn build<const L: usize>(
        &self,
        filler: [E; L],
        odd: [E; 2],
        scalar: impl Fn([E; 2], [E; 2]) -> [E; L] + Sync,
        packed: impl Fn([PackedE<E>; 2], [PackedE<E>; 2]) -> [PackedE<E>; L] + Sync,
    ) -> Left<E, L> {
        let row = self.geometry.row();
        let pairs = row.div_ceil(2);
        // First leaf of a pair, and whether it has a partner.
        let position = |index: usize| (index / pairs * row + index % pairs * 2, index % pairs * 2 + 1 < row);
        let next = self.geometry.shrink();
        let packed = |index: usize| {
            let (first, paired) = position(index);
            let a = self.denominator::<Simd>(first);
            if paired {
                packed([PackedE::<E>::ONE; 2], [a, self.denominator::<Simd>(first + 1)])
            } else {
                packed(odd.map(PackedE::<E>::from), [a, PackedE::<E>::ONE])
            }
        };
        let scalar = |index: usize| {
            let (first, paired) = position(index);
            let a = self.denominator::<Single>(first);
            if paired { scalar([E::ONE; 2], [a, self.denominator::<Single>(first + 1)]) } else { scalar(odd, [a, E::ONE]) }
        };
        build(self.slot, self.start / 2, next, filler, scalar, packed)
    }

    /// One denominator, whatever the type of the columns.
    fn denominator<M: Mode<E>>(&self, index: usize) -> M::T {
        let load = |column: usize| match &self.columns {
            Columns::Narrow(columns) => columns.get(column).map(|values| M::load(values, index)),
            Columns::Wide(columns) => columns.get(column).map(|values| M::load(values, index)),
        };
        let first = load(0).map_or(M::T::ZERO, |value| M::T::from(self.base) + value);
        load(1).map_or(first, |value| first + M::T::from(self.beta) * value)
    }

    /// The fractions two layers up, if the leaves are virtual.
    pub(crate) fn grandparents(&self) -> Left<E, 2> {
        let (above, _) = self.geometry.shrink();
        let filler = [E::ZERO, E::ONE];
        with_narrow!(
            self,
            Simd,
            |view| build(
                self.slot,
                self.start / 4,
                above.shrink(),
                filler,
                |_| filler,
                |index| {
                    let [a, b] = both::<E, PackedE<E>, 2>(index, |index| view.parent(index));
                    parent::<E, PackedE<E>>(&a, &b)
                },
            ),
            panic!("{NOT_VIRTUAL}")
        )
    }

    /// Hands a kernel the children of each grandparent, `[n0, d0, n1, d1]`, if the leaves are virtual.
    pub(crate) fn with_quads<R>(&self, kernel: impl QuadKernel<E, R>) -> R {
        with_narrow!(
            self,
            Simd,
            |view| kernel.run(|index: usize| {
                let [[n0, d0], [n1, d1]] = both::<E, PackedE<E>, 2>(index, |index| view.parent(index));
                [n0, d0, n1, d1]
            }),
            panic!("{NOT_VIRTUAL}")
        )
    }

    /// `sum_y weight(y) [(d0(1, y) - d0(0, y)) (d1(1, y) - d1(0, y))]` over pairs of parents, if the leaves are virtual.
    pub(crate) fn slope_sum(&self, weights: &Weights<E>) -> PackedE<E> {
        let beta = PackedE::<E>::from(self.beta);
        with_narrow!(self, Simd, |view| {
            // Coefficients of 1, beta and beta^2; the products of integers stay in the base field.
            let [a, b, c] = sum(weights, |index, weight| {
                let leaf = |k: usize| view.tuple(4 * index + k);
                let (x, y) = (difference(leaf(2), leaf(0)), difference(leaf(3), leaf(1)));
                let weight = PackedE::<E>::from(weight);
                if let ([x0, x1], [y0, y1]) = (x.as_slice(), y.as_slice()) {
                    [weight * (*x0 * *y0), weight * (*x0 * *y1 + *x1 * *y0), weight * (*x1 * *y1)]
                } else {
                    [weight * (x[0] * y[0]), PackedE::<E>::ZERO, PackedE::<E>::ZERO]
                }
            });
            a + beta * (b + beta * c)
        }, panic!("{NOT_VIRTUAL}"))
    }

    /// Hands a kernel `[e0, e1]` after the first variable is bound to `c`, if the leaves are virtual.
    pub(crate) fn with_bound<R>(&self, shift: E, c: E, kernel: impl PairKernel<E, R>) -> R {
        let constant = PackedE::<E>::from(self.base + shift);
        let factors = [c, self.beta, self.beta * c].map(PackedE::<E>::from);
        with_narrow!(self, Simd, |view| kernel.run(|index: usize| {
            let bound = |a: usize, b: usize| {
                let (a, b) = (view.tuple(4 * index + a), view.tuple(4 * index + b));
                let slope = difference(b, a);
                if let ([a0, a1], [s0, s1]) = (a.as_slice(), slope.as_slice()) {
                    constant + *a0 + PackedE::<E>::mixed_dot_product(&factors, &[*s0, *a1, *s1])
                } else {
                    constant + a[0] + factors[0] * slope[0]
                }
            };
            let mut pair = [constant; 2];
            for (side, e) in pair.iter_mut().enumerate() {
                *e = bound(side, side + 2);
            }
            pair
        }), panic!("{NOT_VIRTUAL}"))
    }

    /// The second column, if there is one, at the block's own coordinates of a point of the leaf cube.
    pub(crate) fn second_column_at(&self, point: &[E]) -> Option<E> {
        let weights = self.geometry.entry_weights(&point[point.len() - self.geometry.bits()..]);
        match &self.columns {
            Columns::Narrow(columns) => columns.get(1).map(|values| self.column_sum(&weights, values)),
            Columns::Wide(columns) => columns.get(1).map(|values| self.column_sum(&weights, values)),
        }
    }

    fn column_sum<I: Copy + Into<i64> + Sync>(&self, weights: &Weights<E>, values: &[I]) -> E {
        if self.geometry.packed() {
            let [sum] = sum(weights, |index, weight| [PackedE::<E>::from(weight) * <Simd as Mode<E>>::load(values, index)]);
            lanes(weights, sum)
        } else {
            let [sum] = sum(weights, |index, weight| [weight * <Single as Mode<E>>::load(values, index)]);
            sum
        }
    }

    /// The numerators of the two halves, as functions of the parent's index.
    pub(crate) fn indicator(&self) -> Indicator<E> {
        Indicator::new(self.axes.clone())
    }
}

/// The leaves of a table.
pub(crate) fn table_leaves<E: Ext>(
    (slot, start): (usize, usize),
    (base, beta): (E, E),
    table: &TableSpec,
    entries: Option<&Column<'_>>,
    counts: &[u32],
) -> Left<E, 2> {
    let geometry = Geometry::new(&[table.num_rows()]);
    let (inner, _) = geometry.extents();
    let (packed_base, packed_beta) = (PackedE::<E>::from(base), PackedE::<E>::from(beta));
    let scalar = |row: usize| {
        [E::from(field(-i64::from(counts[row]))), base + field(table.min() + row as i64) + beta * field(table.value(entries, row))]
    };
    let packed = |row: usize| {
        // The number of rows is a power of two, so that nothing lies above the lanes.
        let load = |f: &dyn Fn(usize) -> i64| PackedF::from_fn(|lane| field(f(row + lane * inner)));
        let num = load(&|row| -i64::from(counts[row]));
        let key = load(&|row| table.min() + row as i64);
        let den = packed_base + key;
        let den = if table.width() == 2 { den + packed_beta * load(&|row| table.value(entries, row)) } else { den };
        [PackedE::<E>::from(num), den]
    };
    build(slot, start, (geometry, false), [E::ZERO; 2], scalar, packed)
}

#[inline(always)]
fn difference<B: PrimeCharacteristicRing + Copy, const C: usize>(a: [B; C], b: [B; C]) -> [B; C] {
    let mut out = a;
    for (a, b) in out.iter_mut().zip(b) {
        *a -= b;
    }
    out
}

/// What is to be done with entries of four values.
pub(crate) trait QuadKernel<E: Ext, R> {
    /// Runs on the entries that `quad` gives by index.
    fn run(self, quad: impl Fn(usize) -> [PackedE<E>; 4] + Sync) -> R;
}

/// What is to be done with entries of two values.
pub(crate) trait PairKernel<E: Ext, R> {
    /// Runs on the entries that `pair` gives by index.
    fn run(self, pair: impl Fn(usize) -> [PackedE<E>; 2] + Sync) -> R;
}
