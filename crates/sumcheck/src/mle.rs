//! Multilinear extensions as evaluation tables, packed for SIMD.
//!
//! `f(r, x) = f(0, x) + r (f(1, x) - f(0, x))` binds the most significant variable: the two halves of the table.

use std::ops::{Add, Mul, Sub};

use p3_field::{PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;

use crate::field::{Ext, F, PackedE, PackedF};

/// Packed elements that one task works on.
const CHUNK: usize = 1 << 10;

/// `ceil(log2(len))`: variables of an axis of this extent.
#[must_use]
pub fn log_padded(len: usize) -> usize {
    len.next_power_of_two().trailing_zeros() as usize
}

/// `eq(point, i)` for every index `i` of the cube.
#[must_use]
pub fn eq_table<E: Ext>(point: &[E]) -> Vec<E> {
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(E::ONE);
    // The last coordinate is the least significant bit: it is appended last.
    for &r in point {
        let mut next = Vec::with_capacity(1 << point.len());
        for &value in &table {
            let high = value * r;
            next.push(value - high);
            next.push(high);
        }
        table = next;
    }
    table
}

/// [`eq_table`] in packed elements, of at least as many cells as one has.
///
/// # Panics
/// If there are fewer.
#[must_use]
pub fn eq_packed<E: Ext>(point: &[E]) -> Vec<PackedE<E>> {
    let (high, low) = point.split_at(point.len() - PackedF::WIDTH.trailing_zeros() as usize);
    let low = PackedE::<E>::from_ext_slice(&eq_table(low));
    eq_table(high).into_par_iter().with_min_len(CHUNK).map(|value| low * PackedE::<E>::from(value)).collect()
}

/// `sum_i f_i g_i`.
#[must_use]
pub fn inner_product<E: Ext>(f: &[PackedE<E>], g: &[PackedE<E>]) -> E {
    let sum = f.par_iter().zip(g).with_min_len(CHUNK).map(|(&f, &g)| f * g).sum();
    sum_lanes::<E>(sum)
}

/// `eq(x, y) = prod_i (x_i y_i + (1 - x_i)(1 - y_i))`.
#[must_use]
pub fn eq<E: Ext>(x: &[E], y: &[E]) -> E {
    x.iter().zip(y).map(|(&x, &y)| (x * y).double() - x - y + E::ONE).product()
}

/// Packs a slice whose length is a multiple of the packing width.
#[must_use]
pub fn pack<E: Ext>(values: &[E]) -> Vec<PackedE<E>> {
    values.par_chunks_exact(PackedF::WIDTH).map(PackedE::<E>::from_ext_slice).collect()
}

/// The lanes of packed elements, in order.
#[must_use]
pub fn unpack<E: Ext>(values: &[PackedE<E>]) -> Vec<E> {
    values.iter().flat_map(|packed| (0..PackedF::WIDTH).map(|lane| packed.extract(lane))).collect()
}

/// The sum of the lanes.
#[must_use]
pub fn sum_lanes<E: Ext>(packed: PackedE<E>) -> E {
    (0..PackedF::WIDTH).map(|lane| packed.extract(lane)).sum()
}

/// A multilinear polynomial by its values on the cube.
#[derive(Clone, Debug)]
pub enum Mle<E: Ext> {
    /// Base-field values, packed: what is committed, before the first round.
    Base(Vec<PackedF>),
    /// Extension-field values, packed.
    Packed(Vec<PackedE<E>>),
    /// Extension-field values of a table below two packed elements.
    Scalar(Vec<E>),
}

impl<E: Ext> Mle<E> {
    /// From values on a cube.
    ///
    /// # Panics
    /// If their number is not a power of two.
    #[must_use]
    pub fn new(values: Vec<E>) -> Self {
        assert!(values.len().is_power_of_two());
        if values.len() >= 2 * PackedF::WIDTH { Self::Packed(pack(&values)) } else { Self::Scalar(values) }
    }

    /// From base-field values on a cube.
    ///
    /// # Panics
    /// If their number is not a power of two.
    #[must_use]
    pub fn from_base(values: &[F]) -> Self {
        assert!(values.len().is_power_of_two());
        if values.len() >= 2 * PackedF::WIDTH {
            Self::Base(PackedF::pack_slice(values).to_vec())
        } else {
            Self::Scalar(values.iter().map(|&value| E::from(value)).collect())
        }
    }

    /// The same polynomial with values in the extension field.
    #[must_use]
    pub fn into_extension(self) -> Self {
        match self {
            Self::Base(values) => Self::Packed(values.into_iter().map(PackedE::<E>::from).collect()),
            other => other,
        }
    }

    /// Number of variables that are not bound.
    #[must_use]
    pub fn num_vars(&self) -> usize {
        let len = match self {
            Self::Base(values) => values.len() * PackedF::WIDTH,
            Self::Packed(values) => values.len() * PackedF::WIDTH,
            Self::Scalar(values) => values.len(),
        };
        len.trailing_zeros() as usize
    }

    /// Binds the most significant variable.
    pub fn bind(&mut self, r: E) {
        let bound = match self {
            Self::Base(values) => Self::Packed(bind_base::<E>(values, r)),
            Self::Packed(values) => {
                bind_in_place(values, PackedE::<E>::from(r));
                return self.shrink();
            }
            Self::Scalar(values) => {
                bind_in_place(values, r);
                return;
            }
        };
        *self = bound;
        self.shrink();
    }

    fn shrink(&mut self) {
        if let Self::Packed(values) = self
            && values.len() == 1
        {
            *self = Self::Scalar(unpack(values));
        }
    }

    /// The value once every variable is bound.
    ///
    /// # Panics
    /// If a variable is not bound.
    #[must_use]
    pub fn value(&self) -> E {
        match self {
            Self::Scalar(values) if values.len() == 1 => values[0],
            _ => panic!("{} variables are not bound", self.num_vars()),
        }
    }

    /// `f(point)`.
    #[must_use]
    pub fn evaluate(mut self, point: &[E]) -> E {
        for &r in point {
            self.bind(r);
        }
        self.value()
    }
}

fn bind_base<E: Ext>(values: &[PackedF], r: E) -> Vec<PackedE<E>> {
    let (low, high) = values.split_at(values.len() / 2);
    let r = PackedE::<E>::from(r);
    low.par_iter().zip(high).with_min_len(CHUNK).map(|(&low, &high)| r * (high - low) + low).collect()
}

fn bind_in_place<T>(values: &mut Vec<T>, r: T)
where
    T: Copy + Send + Sync + Add<Output = T> + Sub<Output = T> + Mul<Output = T>,
{
    let half = values.len() / 2;
    let (low, high) = values.split_at_mut(half);
    low.par_iter_mut().zip(high).with_min_len(CHUNK).for_each(|(low, high)| *low = *low + r * (*high - *low));
    values.truncate(half);
    if half >= 1 << 12 {
        values.shrink_to_fit();
    }
}

/// The values of `sum_x prod_i f_i(t, x)` at `t = 0, 2, .., degree` for two or three factors of equal length.
#[must_use]
pub fn product_evaluations<E: Ext>(factors: &[&Mle<E>]) -> Vec<E> {
    match factors {
        [Mle::Base(f), Mle::Packed(g)] | [Mle::Packed(g), Mle::Base(f)] => {
            pair_evaluations(f, g).map(sum_lanes::<E>).to_vec()
        }
        [Mle::Packed(f), Mle::Packed(g)] => pair_evaluations(f, g).map(sum_lanes::<E>).to_vec(),
        [Mle::Scalar(f), Mle::Scalar(g)] => pair_evaluations(f, g).to_vec(),
        [Mle::Packed(f), Mle::Packed(g), Mle::Packed(h)] => triple_evaluations(f, g, h).map(sum_lanes::<E>).to_vec(),
        [Mle::Scalar(f), Mle::Scalar(g), Mle::Scalar(h)] => triple_evaluations(f, g, h).to_vec(),
        _ => panic!("factors differ in length or representation"),
    }
}

/// The values of `sum_x f(t, x) g(t, x)` at `t = 0, 2`: the two halves of each table are `t = 0, 1`.
pub fn pair_evaluations<A, B>(f: &[A], g: &[B]) -> [B; 2]
where
    A: Copy + Send + Sync + Add<Output = A> + Sub<Output = A>,
    B: PrimeCharacteristicRing + Mul<A, Output = B> + Copy + Send + Sync,
{
    let (f0, f1) = f.split_at(f.len() / 2);
    let (g0, g1) = g.split_at(g.len() / 2);
    let zero = || [B::ZERO; 2];
    f0.par_chunks(CHUNK)
        .zip(f1.par_chunks(CHUNK))
        .zip(g0.par_chunks(CHUNK).zip(g1.par_chunks(CHUNK)))
        .map(|((f0, f1), (g0, g1))| {
            let mut sums = zero();
            for ((&f0, &f1), (&g0, &g1)) in f0.iter().zip(f1).zip(g0.iter().zip(g1)) {
                sums[0] = sums[0] + g0 * f0;
                sums[1] = sums[1] + (g1 + g1 - g0) * (f1 + f1 - f0);
            }
            sums
        })
        .reduce(zero, |a, b| [a[0] + b[0], a[1] + b[1]])
}

fn triple_evaluations<T: PrimeCharacteristicRing + Copy + Send + Sync>(f: &[T], g: &[T], h: &[T]) -> [T; 3] {
    let (f0, f1) = f.split_at(f.len() / 2);
    let (g0, g1) = g.split_at(g.len() / 2);
    let (h0, h1) = h.split_at(h.len() / 2);
    let zero = || [T::ZERO; 3];
    f0.par_iter()
        .zip(f1)
        .zip(g0.par_iter().zip(g1))
        .zip(h0.par_iter().zip(h1))
        .with_min_len(CHUNK)
        .fold(zero, |sums, (((&f0, &f1), (&g0, &g1)), (&h0, &h1))| {
            let (df, dg, dh) = (f1 - f0, g1 - g0, h1 - h0);
            let (f2, g2, h2) = (f1 + df, g1 + dg, h1 + dh);
            let (f3, g3, h3) = (f2 + df, g2 + dg, h2 + dh);
            [sums[0] + f0 * g0 * h0, sums[1] + f2 * g2 * h2, sums[2] + f3 * g3 * h3]
        })
        .reduce(zero, |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{E2, E3};

    fn values<E: Ext>(count: usize, seed: u64) -> Vec<E> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                E::from_basis_coefficients_fn(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    F::from_u64(state >> 3)
                })
            })
            .collect()
    }

    fn evaluation_is_the_inner_product_with_eq<E: Ext>() {
        for num_vars in 0..8 {
            let table: Vec<E> = values(1 << num_vars, 3);
            let point: Vec<E> = values(num_vars, 5);
            let expected: E = table.iter().zip(eq_table(&point)).map(|(&a, b)| a * b).sum();
            if table.len() >= PackedF::WIDTH {
                let packed = eq_packed(&point);
                assert_eq!(unpack::<E>(&packed), eq_table(&point));
                assert_eq!(inner_product::<E>(&packed, &pack(&table)), expected);
            }
            assert_eq!(Mle::new(table).evaluate(&point), expected);
        }
    }

    #[test]
    fn evaluation() {
        evaluation_is_the_inner_product_with_eq::<E2>();
        evaluation_is_the_inner_product_with_eq::<E3>();
    }

    #[test]
    fn base_and_extension_agree() {
        let base: Vec<F> = (0..64).map(|i| F::from_u64(i * i + 1)).collect();
        let point: Vec<E2> = values(6, 9);
        let lifted = base.iter().map(|&value| E2::from(value)).collect();
        assert_eq!(Mle::from_base(&base).evaluate(&point), Mle::new(lifted).evaluate(&point));
    }
}
