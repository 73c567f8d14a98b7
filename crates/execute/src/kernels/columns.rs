//! `out[j][r] = sum_i rows[r][i] * x_j^i`: columns of the encoded weights of the model commitment.
//!
//! A product of the integer matrix with the powers of the points, whose bytes are the second operand of byte dot
//! products. Columns are cut into blocks: the powers of one block serve all of them, since
//! `sum_i w_i x^i = sum_b (x^B)^b sum_(i < B) w_(bB + i) x^i`, and the rows of a block are put side by side in memory, where they would otherwise
//! lie a power of two apart and push each other out of the cache.

use rayon::prelude::*;

use super::field::{P, add, join, mul, power};
use crate::simd::{TRIPLE, dot_bytes};

/// Columns of a block; sums of that many byte products fit 32 bits, and the powers of a point fit the first cache.
const BLOCK: usize = 4096;

/// Rows of a block: with [`BLOCK`] columns they fit the second cache.
const ROWS: usize = 256;

/// Values of the polynomials with these coefficient rows at base-field points: `[point][row]`, canonical.
///
/// # Panics
/// If rows have different lengths or a point is not canonical.
#[must_use]
pub fn evaluate_columns(rows: &[&[i8]], points: &[u64]) -> Vec<Vec<u64>> {
    let len = rows.first().map_or(0, |row| row.len());
    assert!(rows.iter().all(|row| row.len() == len), "rows of one length");
    assert!(points.iter().all(|&x| x < P), "points must be canonical");
    let width = len.min(BLOCK).next_multiple_of(64);
    let mut columns: Vec<Column> = points.par_iter().map(|&x| Column::new(x, width, rows.len())).collect();
    let mut block = vec![0i8; rows.len().min(ROWS) * width];
    for (row_block, rows) in rows.chunks(ROWS).enumerate() {
        // Horner's rule over the blocks.
        for start in (0..len).step_by(BLOCK).rev() {
            let end = len.min(start + BLOCK);
            let cells = &mut block[..rows.len() * width];
            cells.par_chunks_exact_mut(width).zip(rows).with_min_len(16).for_each(|(cells, row)| {
                let (copy, beyond) = cells.split_at_mut(end - start);
                copy.copy_from_slice(&row[start..end]);
                beyond.fill(0);
            });
            let cells: Vec<&[i8]> = cells.chunks_exact(width).collect();
            columns.par_iter_mut().for_each(|column| column.add_block(&cells, row_block * ROWS));
        }
    }
    columns.into_iter().map(|column| column.sums).collect()
}

/// A point and the rows' values there.
struct Column {
    /// Byte `b` of `x^i` at `b * width + i`.
    planes: Vec<u8>,
    /// `x^B`.
    step: u64,
    sums: Vec<u64>,
}

impl Column {
    fn new(x: u64, width: usize, num_rows: usize) -> Self {
        let mut planes = vec![0; 8 * width];
        fill_powers(&mut planes, width, x);
        Self { planes, step: power(x, BLOCK as u64), sums: vec![0; num_rows] }
    }

    /// `sum = x^B sum + sum_i rows[r][i] x^i` for the rows from `first` on.
    fn add_block(&mut self, rows: &[&[i8]], first: usize) {
        let sums = &mut self.sums[first..first + rows.len()];
        for (rows, sums) in rows.chunks(TRIPLE).zip(sums.chunks_mut(TRIPLE)) {
            for (limbs, sum) in dot_bytes(rows, &self.planes).iter().zip(sums) {
                let limb = |b: usize| i64::from(limbs[b]);
                let low = limb(0) + (limb(1) << 8) + (limb(2) << 16) + (limb(3) << 24);
                let high = limb(4) + (limb(5) << 8) + (limb(6) << 16) + (limb(7) << 24);
                *sum = add(mul(*sum, self.step), join(low, high));
            }
        }
    }
}

/// Byte `b` of `x^i` at `planes[b * width + i]`.
fn fill_powers(planes: &mut [u8], width: usize, x: u64) {
    let mut powers = [1; 16];
    for i in 1..16 {
        powers[i] = mul(powers[i - 1], x);
    }
    let step = power(x, 16);
    for i in (0..width).step_by(16) {
        for (half, powers) in powers.chunks_exact(8).enumerate() {
            let bytes = transpose(powers.try_into().expect("eight powers"));
            for (b, bytes) in bytes.iter().enumerate() {
                let at = b * width + i + 8 * half;
                planes[at..at + 8].copy_from_slice(&bytes.to_le_bytes());
            }
        }
        powers.iter_mut().for_each(|power| *power = mul(*power, step));
    }
}

/// Transposes an 8 x 8 matrix of bytes whose rows are the words.
fn transpose(mut words: [u64; 8]) -> [u64; 8] {
    for (distance, mask) in
        [(1, 0x00ff_00ff_00ff_00ff_u64), (2, 0x0000_ffff_0000_ffff), (4, 0x0000_0000_ffff_ffff)]
    {
        for i in (0..8).filter(|i| i & distance == 0) {
            let (low, high, shift) = (words[i], words[i + distance], 8 * distance as u32);
            words[i] = (low & mask) | ((high & mask) << shift);
            words[i + distance] = ((low >> shift) & mask) | (high & !mask);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::field::reduce;
    use super::*;

    #[test]
    fn bytes_are_transposed() {
        let words: [u64; 8] = std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|j| (8 * i + j) as u8)));
        for (j, word) in transpose(words).iter().enumerate() {
            assert_eq!(word.to_le_bytes(), std::array::from_fn(|i| (8 * i + j) as u8));
        }
    }

    fn check(num_rows: usize, len: usize, points: &[u64]) {
        let value = |r: usize, i: usize| match (r + i) % 9 {
            0 => i8::MIN,
            1 => i8::MAX,
            _ => (r * 31 + i * 17 + i * i % 101) as i8,
        };
        let rows: Vec<Vec<i8>> = (0..num_rows).map(|r| (0..len).map(|i| value(r, i)).collect()).collect();
        let slices: Vec<&[i8]> = rows.iter().map(Vec::as_slice).collect();
        let values = evaluate_columns(&slices, points);
        assert_eq!(values.len(), points.len());
        for (&x, values) in points.iter().zip(&values) {
            for (row, &actual) in rows.iter().zip(values) {
                let horner = row.iter().rev().fold(0, |sum, &c| add(mul(sum, x), reduce(i128::from(c))));
                assert_eq!(actual, horner);
            }
        }
    }

    #[test]
    fn values_agree_with_horner() {
        let points = [0, 1, P - 1, 2, 0x0123_4567_89ab_cdef, P / 3];
        for num_rows in [1, 2, 3, 4, 7] {
            for len in [1, 7, 63, 64, 65, 200] {
                check(num_rows, len, &points);
            }
        }
        check(5, 3 * BLOCK + 100, &points[3..]);
        check(ROWS + 2, 70, &points[4..]);
        let many: Vec<u64> = (0..70u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % P).collect();
        check(4, 100, &many);
        assert!(evaluate_columns(&[], &[]).is_empty());
    }

    #[test]
    fn sums_at_the_ends_of_a_block_do_not_overflow() {
        let row = vec![i8::MIN; BLOCK];
        let expected = reduce(-128 * BLOCK as i128);
        assert_eq!(evaluate_columns(&[&row], &[1]), [[expected]]);
    }
}
