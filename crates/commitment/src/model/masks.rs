//! The random tails of the matrix' rows, and the salts of its leaves.
//!
//! Both follow from one secret seed that is stored with the proving key: masks of row `i` from ChaCha20 under a key of its own, the
//! salt of leaf `j` from BLAKE3 keyed with the seed.
//!
//! *Columns.* The values of all rows' masks at the `t` points of an opening are a product of matrices, `rows x T` with `T x t`, for `T = t L` masks to
//! a row. It is taken by way of `t` numbers to a row [Bostan, Lecerf, Schost 2003: the transposed remainder]: with `Z = prod_j (1 - x_j X)` and
//! `s = 1 / Z`, `1 / (1 - x_j X) = s Z / (1 - x_j X)`, so that
//!
//! `m(x_j) = sum_(k < t) n_jk w_k`,     `n_j = Z / (1 - x_j X)`,     `w_k = sum_i m_i s_(i - k)`.
//!
//! `w` is a correlation, a product of spectra of `n >= T + t` elements. Those of the masks are made once, when a key is loaded; of the product's
//! transform only the first `t` elements are computed, `sum_(f' < n/K) omega^(k f') DFT_K(product_(f n/K + f'))_k`.

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{PackedValue, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use veritorch_sumcheck::field::{P, PackedE, PackedF};
use veritorch_sumcheck::mle::unpack;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::{Ext, F};

use crate::matrix::wipe;
use crate::tree::SALT;
use crate::whir::DFT;

/// Rows whose columns are computed side by side: one vector or two.
fn side(num_rows: usize) -> usize {
    if num_rows > PackedF::WIDTH { 2 * PackedF::WIDTH } else { PackedF::WIDTH }
}

/// The secret that hides a committed model. Whoever has it can take the masks off.
pub type MaskSeed = [u8; 32];

/// The masks of all rows.
#[derive(Clone)]
pub(crate) struct Masks {
    seed: MaskSeed,
    /// Masks of a row.
    len: usize,
    /// `len` elements to a row, rounded up to whole vectors.
    cells: Vec<F>,
    /// Points of an opening at most.
    num_points: usize,
    /// `n`, a power of two.
    num_frequencies: usize,
    /// Rows of a group.
    side: usize,
    /// `[group of rows][frequency][row of the group]`: `sum_i m_i omega^(-f i) / n`.
    spectra: Vec<F>,
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Masks({} to a row)", self.len)
    }
}

impl Drop for Masks {
    fn drop(&mut self) {
        wipe(&mut self.cells);
        wipe(&mut self.spectra);
        self.seed.fill(0);
        std::hint::black_box(&mut self.seed);
    }
}

/// A key that the seed is spread to.
fn derived(seed: &MaskSeed, role: u8, index: usize) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(seed);
    hasher.update(&[role]);
    hasher.update(&(index as u64).to_le_bytes());
    hasher
}

impl Masks {
    /// `len` masks for each of `num_rows` rows, of which an opening shows `num_points` columns.
    pub(crate) fn new(seed: MaskSeed, num_rows: usize, len: usize, num_points: usize) -> Self {
        let padded = len.next_multiple_of(PackedF::WIDTH);
        let num_frequencies = (len + num_points).next_power_of_two();
        let side = side(num_rows);
        let (mut cells, mut spectra) = (F::zero_vec(num_rows * padded), Vec::new());
        if len > 0 {
            cells.par_chunks_mut(padded).enumerate().for_each(|(row, cells)| {
                let mut rng = SecretRng::from_seed(derived(&seed, 0, row).finalize().as_bytes());
                cells[..len].fill_with(|| rng.base());
            });
            spectra = F::zero_vec(num_rows.div_ceil(side) * num_frequencies * side);
            spectra.par_chunks_mut(num_frequencies * side).zip(cells.par_chunks(side * padded)).for_each(|(spectrum, rows)| {
                let mut masks = RowMajorMatrix::new(F::zero_vec(spectrum.len()), side);
                for (row, cells) in rows.chunks_exact(padded).enumerate() {
                    masks.values.iter_mut().skip(row).step_by(side).zip(&cells[..len]).for_each(|(mask, &cell)| *mask = cell);
                }
                let mut transformed = DFT.idft_batch(masks);
                spectrum.copy_from_slice(&transformed.values);
                wipe(&mut transformed.values);
            });
        }
        Self { seed, len, cells, num_points, num_frequencies, side, spectra }
    }

    /// The seed.
    pub(crate) fn seed(&self) -> &MaskSeed {
        &self.seed
    }

    /// The masks of a row.
    pub(crate) fn row(&self, row: usize) -> &[F] {
        let padded = self.len.next_multiple_of(PackedF::WIDTH);
        &self.cells[row * padded..][..self.len]
    }

    /// The salt of a leaf: nothing where nothing is hidden.
    pub(crate) fn salt(&self, leaf: usize) -> Vec<F> {
        if self.len == 0 {
            return Vec::new();
        }
        let mut words = derived(&self.seed, 1, leaf).finalize_xof();
        let mut word = || {
            let mut bytes = [0; 8];
            words.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        let mut salt = Vec::with_capacity(SALT);
        while salt.len() < SALT {
            salt.extend(Some(word()).filter(|&word| word < P).map(F::from_u64));
        }
        salt
    }

    /// `sum_r coefficients[r] masks[r]`.
    pub(crate) fn combine<E: Ext>(&self, coefficients: &[E]) -> Vec<E> {
        if self.len == 0 {
            return Vec::new();
        }
        let vectors = self.len.div_ceil(PackedF::WIDTH);
        let mut sum = vec![PackedE::<E>::ZERO; vectors];
        let cells = PackedF::pack_slice(&self.cells);
        const BLOCK: usize = 1 << 7;
        sum.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sum)| {
            for (row, &coefficient) in cells.chunks_exact(vectors).zip(coefficients) {
                let coefficient = PackedE::<E>::from(coefficient);
                sum.iter_mut().zip(&row[block * BLOCK..]).for_each(|(sum, &cell)| *sum += coefficient * cell);
            }
        });
        let mut combined = unpack::<E>(&sum);
        combined.truncate(self.len);
        combined
    }

    /// Adds what the masks contribute to columns: `x^(first) sum_i mask_i x^i` for each point and row.
    pub(crate) fn add_columns(&self, columns: &mut [Vec<F>], points: &[F], first: usize) {
        if self.len == 0 {
            return;
        }
        let limit = self.num_points.max(1);
        for (columns, points) in columns.chunks_mut(limit).zip(points.chunks(limit)) {
            self.add_some_columns(columns, points, first);
        }
    }

    /// As [`Self::add_columns`], for as many points as an opening has.
    fn add_some_columns(&self, columns: &mut [Vec<F>], points: &[F], first: usize) {
        let evaluation = Evaluation::new(points, self.len, self.num_frequencies, first);
        let columns_of = |spectrum: &[F]| if self.side > PackedF::WIDTH { evaluation.columns::<2>(spectrum) } else { evaluation.columns::<1>(spectrum) };
        let groups: Vec<Vec<F>> = self.spectra.par_chunks(self.num_frequencies * self.side).map(columns_of).collect();
        columns.par_iter_mut().enumerate().for_each(|(point, column)| {
            for (cells, values) in column.chunks_mut(self.side).zip(&groups) {
                cells.iter_mut().zip(&values[point * self.side..]).for_each(|(cell, &value)| *cell += value);
            }
        });
    }
}

/// What the points of an opening make of any row's spectrum.
struct Evaluation {
    /// `sum_(i < T) s_i omega^(f i)`.
    series: Vec<F>,
    /// `omega^k`, `k < t`.
    twiddles: Vec<F>,
    /// `x_j^first n_jk`, `t` to a point.
    numerators: Vec<F>,
}

impl Evaluation {
    fn new(points: &[F], len: usize, num_frequencies: usize, first: usize) -> Self {
        let mut product = vec![F::ONE];
        for &x in points {
            product.push(F::ZERO);
            for k in (1..product.len()).rev() {
                let below = product[k - 1];
                product[k] -= x * below;
            }
        }
        let mut series = inverse_series(&product, len);
        series.resize(num_frequencies, F::ZERO);
        let series = DFT.dft_batch(RowMajorMatrix::new(series, 1)).values;
        let omega = F::two_adic_generator(num_frequencies.trailing_zeros() as usize);
        let twiddles = omega.powers().take(points.len()).collect();
        let mut numerators = Vec::with_capacity(points.len() * points.len());
        for &x in points {
            let mut numerator = F::ZERO;
            let shift = x.exp_u64(first as u64);
            for &coefficient in &product[..points.len()] {
                numerator = coefficient + x * numerator;
                numerators.push(shift * numerator);
            }
        }
        Self { series, twiddles, numerators }
    }

    /// `[point][row]` for a group of rows in this many vectors.
    fn columns<const VECTORS: usize>(&self, spectrum: &[F]) -> Vec<F> {
        let num_points = self.twiddles.len();
        let mut product = F::zero_vec(spectrum.len());
        let cells = PackedF::pack_slice_mut(&mut product);
        for ((cells, own), &scale) in cells.chunks_exact_mut(VECTORS).zip(PackedF::pack_slice(spectrum).chunks_exact(VECTORS)).zip(&self.series) {
            cells.iter_mut().zip(own).for_each(|(cell, &value)| *cell = value * scale);
        }
        let num_transformed = num_points.next_power_of_two().min(self.series.len());
        let mut transformed = DFT.dft_batch(RowMajorMatrix::new(product, spectrum.len() / num_transformed));
        let mut correlation = vec![[PackedF::ZERO; VECTORS]; num_points];
        let rows = PackedF::pack_slice(&transformed.values).chunks_exact(spectrum.len() / num_transformed / PackedF::WIDTH);
        for ((sums, row), &twiddle) in correlation.iter_mut().zip(rows).zip(&self.twiddles) {
            for values in row.chunks_exact(VECTORS).rev() {
                sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum = *sum * twiddle + value);
            }
        }
        wipe(&mut transformed.values);
        let mut columns = F::zero_vec(num_points * VECTORS * PackedF::WIDTH);
        let cells = PackedF::pack_slice_mut(&mut columns).chunks_exact_mut(VECTORS);
        for (cells, numerators) in cells.zip(self.numerators.chunks_exact(num_points)) {
            let mut sums = [PackedF::ZERO; VECTORS];
            for (own, &numerator) in correlation.iter().zip(numerators) {
                sums.iter_mut().zip(own).for_each(|(sum, &value)| *sum += value * numerator);
            }
            cells.copy_from_slice(&sums);
        }
        correlation.fill([PackedF::ZERO; VECTORS]);
        std::hint::black_box(&mut correlation);
        columns
    }
}

/// The first `len` coefficients of `1 / polynomial`, whose constant is 1: `s_i = - sum_(k > 0) z_k s_(i - k)`.
fn inverse_series(polynomial: &[F], len: usize) -> Vec<F> {
    // The coefficients from the last to the second, after zeros that make whole vectors.
    let degree = polynomial.len() - 1;
    let padded = degree.next_multiple_of(PackedF::WIDTH);
    let mut reversed = F::zero_vec(padded);
    reversed[padded - degree..].iter_mut().zip(polynomial.iter().rev()).for_each(|(cell, &coefficient)| *cell = -coefficient);
    let reversed: Vec<PackedF> = PackedF::pack_slice(&reversed).to_vec();
    let mut series = F::zero_vec(padded + len);
    for i in padded..padded + len {
        let window = series[i - padded..i].chunks_exact(PackedF::WIDTH);
        let sum = window.zip(&reversed).fold(PackedF::ZERO, |sum, (own, &scale)| sum + scale * *PackedF::from_slice(own));
        let sum: F = sum.as_slice().iter().copied().sum();
        series[i] = sum + F::from_bool(i == padded);
    }
    series.split_off(padded)
}

#[cfg(test)]
mod tests {
    use p3_field::Field;

    use super::*;

    #[test]
    fn columns_are_values_of_the_masks() {
        let points: Vec<F> = F::GENERATOR.powers().skip(1).take(50).collect();
        // As many points as an opening has, fewer and more; groups of rows that are full or not.
        for (num_rows, len, num_points, count) in [(5, 77, 2, 2), (5, 77, 2, 1), (16, 77, 13, 13), (35, 500, 30, 29), (1, 9, 9, 9), (3, 20, 7, 50), (2, 1, 1, 1)] {
            let masks = Masks::new([3; 32], num_rows, len, num_points);
            let points = &points[..count];
            let mut columns = vec![vec![F::ONE; num_rows]; count];
            masks.add_columns(&mut columns, points, 1000);
            for (column, &x) in columns.iter().zip(points) {
                for (row, &cell) in column.iter().enumerate() {
                    let value = masks.row(row).iter().rev().fold(F::ZERO, |value, &mask| value * x + mask);
                    assert_eq!(cell, F::ONE + x.exp_u64(1000) * value);
                }
            }
        }
        let masks = Masks::new([3; 32], 5, 77, 7);
        let other = Masks::new([4; 32], 5, 77, 7);
        assert_ne!(masks.row(0), other.row(0));
        assert_ne!(masks.row(0), masks.row(1));
        assert_ne!(masks.salt(0), masks.salt(1));
        assert_ne!(masks.salt(0), other.salt(0));
        assert!(Masks::new([3; 32], 5, 0, 7).salt(0).is_empty());
    }
}
