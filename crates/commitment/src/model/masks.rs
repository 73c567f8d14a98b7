//! The random tails of the matrix' rows, and the salts of its leaves.
//!
//! Both follow from one secret seed that is stored with the proving key: masks of row `i` from ChaCha20 under a key of its own, the
//! salt of leaf `j` from BLAKE3 keyed with the seed. Masks are also kept as eight signed byte planes, `m = sum_b 256^b plane_b`, so that
//! columns are evaluated with the kernel of the weights.

use p3_field::{PackedValue, PrimeCharacteristicRing, PrimeField64};
use rayon::prelude::*;
use veritorch_execute::kernels::evaluate_columns;
use veritorch_sumcheck::field::{P, PackedE, PackedF};
use veritorch_sumcheck::mle::unpack;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::{Ext, F};

use crate::matrix::{random, wipe};
use crate::tree::SALT;

/// Byte planes of a field element.
const PLANES: usize = 8;

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
    /// `[row][plane][cell]`.
    planes: Vec<i8>,
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Masks({} to a row)", self.len)
    }
}

impl Drop for Masks {
    fn drop(&mut self) {
        wipe(&mut self.cells);
        self.planes.fill(0);
        self.seed.fill(0);
        std::hint::black_box((&mut self.planes, &mut self.seed));
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
    /// `len` masks for each of `num_rows` rows.
    pub(crate) fn new(seed: MaskSeed, num_rows: usize, len: usize) -> Self {
        let padded = len.next_multiple_of(PackedF::WIDTH);
        let mut cells = F::zero_vec(num_rows * padded);
        let mut planes = vec![0; num_rows * PLANES * len];
        if len > 0 {
            cells.par_chunks_mut(padded).zip(planes.par_chunks_mut(PLANES * len)).enumerate().for_each(|(row, (cells, planes))| {
                let mut rng = SecretRng::from_seed(derived(&seed, 0, row).finalize().as_bytes());
                cells[..len].copy_from_slice(&random(&mut rng, len));
                for (index, cell) in cells[..len].iter().enumerate() {
                    for (plane, digit) in digits(cell.as_canonical_u64()).into_iter().enumerate() {
                        planes[plane * len + index] = digit;
                    }
                }
            });
        }
        Self { seed, len, cells, planes }
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
        let planes: Vec<&[i8]> = self.planes.chunks_exact(self.len).collect();
        let words: Vec<u64> = points.iter().map(PrimeField64::as_canonical_u64).collect();
        let digits = evaluate_columns(&planes, &words);
        for ((column, digits), point) in columns.iter_mut().zip(digits).zip(points) {
            let shift = point.exp_u64(first as u64);
            for (cell, digits) in column.iter_mut().zip(digits.chunks_exact(PLANES)) {
                let value = digits.iter().rev().fold(F::ZERO, |value, &digit| value * F::from_u64(256) + F::from_u64(digit));
                *cell += shift * value;
            }
        }
    }
}

/// Signed digits to the base 256 of a field element: `2^64` integers have eight, and one of `v`, `v - p` is among them.
fn digits(value: u64) -> [i8; PLANES] {
    const GREATEST: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut rest = if value > GREATEST { i128::from(value) - i128::from(P) } else { i128::from(value) };
    std::array::from_fn(|_| {
        let digit = rest as i8;
        rest = (rest - i128::from(digit)) >> 8;
        digit
    })
}

#[cfg(test)]
mod tests {
    use p3_field::Field;

    use super::*;

    #[test]
    fn digits_add_up() {
        for value in [0, 1, 127, 128, 255, 1 << 63, P - 1, 0x7f7f_7f7f_7f7f_7f7f, 0x7f7f_7f7f_7f7f_7f80, 0x8080_8080_8080_8080, P / 2, P / 2 + 1] {
            let sum = digits(value).iter().rev().fold(F::ZERO, |sum, &digit| sum * F::from_u64(256) + veritorch_sumcheck::field::int(i64::from(digit)));
            assert_eq!(sum, F::from_u64(value));
        }
    }

    #[test]
    fn columns_are_values_of_the_masks() {
        let masks = Masks::new([3; 32], 5, 77);
        let points = [F::GENERATOR, F::GENERATOR.square()];
        let mut columns = vec![vec![F::ONE; 5]; 2];
        masks.add_columns(&mut columns, &points, 1000);
        for (column, &x) in columns.iter().zip(&points) {
            for (row, &cell) in column.iter().enumerate() {
                let value = masks.row(row).iter().rev().fold(F::ZERO, |value, &mask| value * x + mask);
                assert_eq!(cell, F::ONE + x.exp_u64(1000) * value);
            }
        }
        let other = Masks::new([4; 32], 5, 77);
        assert_ne!(masks.row(0), other.row(0));
        assert_ne!(masks.row(0), masks.row(1));
        assert_ne!(masks.salt(0), masks.salt(1));
        assert_ne!(masks.salt(0), other.salt(0));
        assert!(Masks::new([3; 32], 5, 0).salt(0).is_empty());
    }
}
