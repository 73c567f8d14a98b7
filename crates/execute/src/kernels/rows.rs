//! `out[x] = sum_r coefs[r] * rows[r][x]`: the pass over the weights of the model commitment.
//!
//! Coefficients are byte strings, `c = sum_b 256^b c_b`; for each byte `sum_r c_b(r) rows[r][x]` is a sum of byte
//! products in 32 bits, flushed before `2^16` rows can overflow it.

use rayon::prelude::*;

use super::field::{P, add, join};
use crate::simd::{COLUMNS, GROUP, accumulate_rows, column};

/// Rows whose byte products of at most `255 * 128` fit 32 bits together.
const MAX_ROWS: usize = 1 << 16;

/// Linear combination of rows of small integers, `D` canonical base-field values per column.
///
/// # Panics
/// If the numbers of rows and coefficients differ, rows have different lengths, or a coefficient is not canonical.
#[must_use]
pub fn combine_rows<const D: usize>(rows: &[&[i8]], coefs: &[[u64; D]]) -> Vec<[u64; D]> {
    assert_eq!(rows.len(), coefs.len(), "one coefficient per row");
    let len = rows.first().map_or(0, |row| row.len());
    assert!(rows.iter().all(|row| row.len() == len), "rows of one length");
    assert!(coefs.iter().flatten().all(|&c| c < P), "coefficients must be canonical");
    let mut sums = vec![[0; D]; len];
    let batches: Vec<(&[&[i8]], Vec<u8>)> =
        rows.chunks(MAX_ROWS).zip(coefs.chunks(MAX_ROWS)).map(|(rows, coefs)| (rows, limbs(coefs))).collect();
    sums.par_chunks_mut(COLUMNS).enumerate().for_each_init(
        || vec![0i32; 8 * D * COLUMNS],
        |lanes, (block, sums)| {
            for (rows, limbs) in &batches {
                let start = block * COLUMNS;
                accumulate_rows(rows, start, start + sums.len(), limbs, 8 * D, lanes);
                join_limbs(lanes, sums);
            }
        },
    );
    sums
}

/// Bytes of the coefficients as `[group of rows][limb][row of the group]`, zero beyond the last row.
fn limbs<const D: usize>(coefs: &[[u64; D]]) -> Vec<u8> {
    let mut bytes = vec![0; coefs.len().div_ceil(GROUP) * 8 * D * GROUP];
    for (r, coef) in coefs.iter().enumerate() {
        for (d, c) in coef.iter().enumerate() {
            for (b, byte) in c.to_le_bytes().into_iter().enumerate() {
                bytes[(r / GROUP * 8 * D + 8 * d + b) * GROUP + r % GROUP] = byte;
            }
        }
    }
    bytes
}

/// Adds `sum_b 256^b lanes_b` to each column's sum.
fn join_limbs<const D: usize>(lanes: &[i32], sums: &mut [[u64; D]]) {
    for (vector, lanes) in lanes.chunks_exact(8 * D * 16).enumerate() {
        if vector / 4 * 64 >= sums.len() {
            break;
        }
        let mut values = [[0u64; 16]; D];
        for (d, values) in values.iter_mut().enumerate() {
            let limbs: &[i32; 128] = lanes[128 * d..128 * (d + 1)].try_into().expect("eight limbs of sixteen lanes");
            for (lane, value) in values.iter_mut().enumerate() {
                let limb = |b: usize| i64::from(limbs[16 * b + lane]);
                let low = limb(0) + (limb(1) << 8) + (limb(2) << 16) + (limb(3) << 24);
                let high = limb(4) + (limb(5) << 8) + (limb(6) << 16) + (limb(7) << 24);
                *value = join(low, high);
            }
        }
        for lane in 0..16 {
            if let Some(sum) = sums.get_mut(column(vector, lane)) {
                for (sum, values) in sum.iter_mut().zip(&values) {
                    *sum = add(*sum, values[lane]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::{mul, reduce};
    use super::*;

    fn check<const D: usize>(num_rows: usize, len: usize) {
        let mut state = (num_rows * 1000 + len) as u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ (state >> 29)
        };
        let rows: Vec<Vec<i8>> = (0..num_rows)
            .map(|r| (0..len).map(|_| if r % 5 == 0 { i8::MIN } else { next() as i8 }).collect())
            .collect();
        let coefs: Vec<[u64; D]> =
            (0..num_rows).map(|r| std::array::from_fn(|_| if r % 7 == 0 { P - 1 } else { next() % P })).collect();
        let rows: Vec<&[i8]> = rows.iter().map(Vec::as_slice).collect();
        let sums = combine_rows(&rows, &coefs);
        for x in 0..len {
            for d in 0..D {
                let terms = rows.iter().zip(&coefs).map(|(row, coef)| mul(coef[d], reduce(i128::from(row[x]))));
                assert_eq!(sums[x][d], terms.fold(0, add), "column {x} coefficient {d}");
            }
        }
    }

    #[test]
    fn combinations_agree_with_field_arithmetic() {
        for num_rows in [1, 2, 3, 4, 5, 63, 64, 65, 130] {
            for len in [1, 15, 63, 64, 65, 255, 256, 300, 1000] {
                check::<2>(num_rows, len);
            }
        }
        check::<1>(9, 130);
        check::<3>(9, 130);
        check::<3>(200, 513);
        assert!(combine_rows::<2>(&[], &[]).is_empty());
    }

    #[test]
    fn sums_are_flushed_before_they_overflow() {
        let num_rows = 2 * MAX_ROWS + 3;
        for value in [i8::MIN, i8::MAX] {
            let row = [value; 3];
            let sums = combine_rows(&vec![&row[..]; num_rows], &vec![[P - 1, u64::MAX >> 32]; num_rows]);
            let times = |c: u64| reduce(i128::from(c) * i128::from(value) * num_rows as i128);
            assert_eq!(sums, [[times(P - 1), times(u64::MAX >> 32)]; 3]);
        }
    }
}
