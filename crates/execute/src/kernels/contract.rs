//! Contractions of a matrix of small integers with a vector of field elements:
//! `out[r] = sum_i x[r, i] * v[i]` and `out[i] = sum_r v[r] * x[r, i]`.
//!
//! `v` is split into signed digits, two of 32 bits against 16-bit integers and three of 22 bits against 32-bit ones, so
//! that 512 products add up within `2^61`. Integers of 64 bits are contracted as two halves.

use rayon::prelude::*;

use super::field::{P, add, digits, join_digits, mul};
use crate::data::{Entry, TensorView};

/// Entries of a row, or rows, whose products are added before the sums are put together.
const BLOCK: usize = 512;

/// Rows that share the digits of a block.
const ROWS: usize = 64;

/// Entries of a row that one task covers.
const SPAN: usize = 1 << 15;

/// Columns of one task of [`contract_first`].
const COLUMNS: usize = 256;

/// Rows of one task of [`contract_first`].
const HEIGHT: usize = 1 << 13;

/// Low 32 bits of a value as a signed number.
fn low_half(x: i64) -> i64 {
    i64::from(x as i32)
}

/// What the low half leaves, divided by `2^32`.
fn high_half(x: i64) -> i64 {
    (x >> 32) + ((x >> 31) & 1)
}

/// Adds `2^32` times the second sums to the first.
fn add_halves<const D: usize>(mut low: Vec<[u64; D]>, high: &[[u64; D]]) -> Vec<[u64; D]> {
    for (low, high) in low.iter_mut().flatten().zip(high.iter().flatten()) {
        *low = add(*low, mul(*high, 1 << 32));
    }
    low
}

/// `out[r] = sum_i x[r * len + i] * v[i] mod p` with `len = v.len()`: contracts the last axis.
///
/// # Panics
/// If `v` is empty, `len` does not divide the number of entries, or a value of `v` is not canonical.
#[must_use]
pub fn contract_last<const D: usize>(x: TensorView<'_>, v: &[[u64; D]]) -> Vec<[u64; D]> {
    assert!(!v.is_empty() && x.len().is_multiple_of(v.len()), "rows of v's length");
    assert!(v.iter().flatten().all(|&c| c < P), "coefficients must be canonical");
    match x {
        TensorView::I16(x) => last::<D, 2, i16>(x, v, i64::from),
        TensorView::I32(x) => last::<D, 3, i32>(x, v, i64::from),
        TensorView::I64(x) => {
            add_halves(last::<D, 3, i64>(x, v, low_half), &last::<D, 3, i64>(x, v, high_half))
        }
    }
}

/// `out[i] = sum_r v[r] * x[r * len + i] mod p` with `len = x.len() / v.len()`: contracts the first axis.
///
/// # Panics
/// If `v` is empty, `v.len()` does not divide the number of entries, or a value of `v` is not canonical.
#[must_use]
pub fn contract_first<const D: usize>(x: TensorView<'_>, v: &[[u64; D]]) -> Vec<[u64; D]> {
    assert!(!v.is_empty() && x.len().is_multiple_of(v.len()), "one row per entry of v");
    assert!(v.iter().flatten().all(|&c| c < P), "coefficients must be canonical");
    match x {
        TensorView::I16(x) => first::<D, 2, i16>(x, v, i64::from),
        TensorView::I32(x) => first::<D, 3, i32>(x, v, i64::from),
        TensorView::I64(x) => {
            add_halves(first::<D, 3, i64>(x, v, low_half), &first::<D, 3, i64>(x, v, high_half))
        }
    }
}

fn last<const D: usize, const K: usize, T: Entry>(
    x: &[T],
    v: &[[u64; D]],
    part: impl Fn(T) -> i64 + Copy + Sync,
) -> Vec<[u64; D]> {
    let len = v.len();
    let rows = x.len() / len;
    let (row_tasks, spans) = (rows.div_ceil(ROWS), len.div_ceil(SPAN));
    let partial: Vec<Vec<[u64; D]>> = (0..row_tasks * spans)
        .into_par_iter()
        .map(|task| {
            let (row, start) = (task / spans * ROWS, task % spans * SPAN);
            let mut sums = vec![[0; D]; ROWS.min(rows - row)];
            for start in (start..len.min(start + SPAN)).step_by(BLOCK) {
                let end = len.min(start + BLOCK);
                let mut table = [[[0i64; BLOCK]; K]; D];
                for (i, v) in v[start..end].iter().enumerate() {
                    for d in 0..D {
                        let digits = digits::<K>(v[d]);
                        (0..K).for_each(|k| table[d][k][i] = digits[k]);
                    }
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = &x[(row + r) * len + start..(row + r) * len + end];
                    let products = dot(x, &table, part);
                    for d in 0..D {
                        sums[d] = add(sums[d], join_digits(products[d]));
                    }
                }
            }
            sums
        })
        .collect();
    let mut sums = vec![[0; D]; rows];
    for (task, partial) in partial.iter().enumerate() {
        for (sum, partial) in sums[task / spans * ROWS..].iter_mut().zip(partial) {
            (0..D).for_each(|d| sum[d] = add(sum[d], partial[d]));
        }
    }
    sums
}

/// Sums of products with each digit. Both factors fit 32 bits but for the high half of a 64-bit integer, for which
/// the product is a full one.
#[inline(always)]
fn dot<const D: usize, const K: usize, T: Entry>(
    x: &[T],
    table: &[[[i64; BLOCK]; K]; D],
    part: impl Fn(T) -> i64,
) -> [[i64; K]; D] {
    let mut sums = [[0; K]; D];
    let x = &x[..x.len().min(BLOCK)];
    for (i, &x) in x.iter().enumerate() {
        let x = part(x);
        for d in 0..D {
            for k in 0..K {
                sums[d][k] += x * i64::from(table[d][k][i] as i32);
            }
        }
    }
    sums
}

fn first<const D: usize, const K: usize, T: Entry>(
    x: &[T],
    v: &[[u64; D]],
    part: impl Fn(T) -> i64 + Copy + Sync,
) -> Vec<[u64; D]> {
    let rows = v.len();
    let len = x.len() / rows;
    let (pieces, heights) = (len.div_ceil(COLUMNS), rows.div_ceil(HEIGHT));
    let partial: Vec<Vec<[u64; D]>> = (0..pieces * heights)
        .into_par_iter()
        .map(|task| {
            let (start, top) = (task / heights * COLUMNS, task % heights * HEIGHT);
            let end = len.min(start + COLUMNS);
            let mut out = vec![[0; D]; end - start];
            for top in (top..rows.min(top + HEIGHT)).step_by(BLOCK) {
                let mut sums = [[[0i64; COLUMNS]; K]; D];
                for row in (top..rows.min(top + BLOCK)).step_by(4) {
                    let used = 4.min(rows - row);
                    // Missing rows repeat the first one with zero digits.
                    let x: [&[T]; 4] = std::array::from_fn(|r| {
                        let row = if r < used { row + r } else { row };
                        &x[row * len + start..row * len + end]
                    });
                    let mut table = [[[0i64; 4]; K]; D];
                    for (r, v) in v[row..row + used].iter().enumerate() {
                        for d in 0..D {
                            let digits = digits::<K>(v[d]);
                            (0..K).for_each(|k| table[d][k][r] = digits[k]);
                        }
                    }
                    add_rows(&x, &table, &mut sums, part);
                }
                for (i, out) in out.iter_mut().enumerate() {
                    for d in 0..D {
                        out[d] = add(out[d], join_digits::<K>(std::array::from_fn(|k| sums[d][k][i])));
                    }
                }
            }
            out
        })
        .collect();
    let mut sums = vec![[0; D]; len];
    for (task, partial) in partial.iter().enumerate() {
        for (sum, partial) in sums[task / heights * COLUMNS..].iter_mut().zip(partial) {
            (0..D).for_each(|d| sum[d] = add(sum[d], partial[d]));
        }
    }
    sums
}

/// Adds four rows times their digits.
#[inline(always)]
fn add_rows<const D: usize, const K: usize, T: Entry>(
    x: &[&[T]; 4],
    table: &[[[i64; 4]; K]; D],
    sums: &mut [[[i64; COLUMNS]; K]; D],
    part: impl Fn(T) -> i64,
) {
    let len = x[0].len().min(COLUMNS);
    let [a, b, c, e] = x.map(|row| &row[..len]);
    for i in 0..len {
        let (a, b, c, e) = (part(a[i]), part(b[i]), part(c[i]), part(e[i]));
        for d in 0..D {
            for k in 0..K {
                let [s, t, u, w] = table[d][k].map(|digit| i64::from(digit as i32));
                sums[d][k][i] += a * s + b * t + (c * u + e * w);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::reduce;
    use super::*;
    use crate::TensorData;

    fn check<const D: usize>(rows: usize, len: usize, max: i64) {
        let mut state = (rows * 7919 + len) as u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ (state >> 29)
        };
        let min = -max - 1;
        let values: Vec<i64> = (0..rows * len)
            .map(|i| match i % 5 {
                0 => min,
                1 => max,
                _ => min.wrapping_add(((u128::from(next()) * max as u128) >> 63) as i64),
            })
            .collect();
        let x = TensorData::from_values(&values, min, max);
        let mut field = |i: usize| match i % 4 {
            0 => P / 2 + (i as u64 % 3) - 1,
            1 => P - 1,
            _ => next() % P,
        };
        let along: Vec<[u64; D]> = (0..len).map(|i| std::array::from_fn(|d| field(i + d))).collect();
        let across: Vec<[u64; D]> = (0..rows).map(|r| std::array::from_fn(|d| field(r + d))).collect();
        let mut last = vec![[0; D]; rows];
        let mut first = vec![[0; D]; len];
        for r in 0..rows {
            for i in 0..len {
                let value = reduce(i128::from(values[r * len + i]));
                for d in 0..D {
                    last[r][d] = add(last[r][d], mul(value, along[i][d]));
                    first[i][d] = add(first[i][d], mul(value, across[r][d]));
                }
            }
        }
        assert!(contract_last(x.view(), &along) == last, "last of {rows} x {len} up to {max}");
        assert!(contract_first(x.view(), &across) == first, "first of {rows} x {len} up to {max}");
    }

    #[test]
    fn contractions_agree_with_field_arithmetic() {
        for max in [127, i64::from(i16::MAX), 1 << 20, i64::from(i32::MAX), 1 << 45, i64::MAX] {
            for rows in [1, 2, 3, 5, 70] {
                for len in [1, 2, 10, 255, 257, 513] {
                    check::<2>(rows, len, max);
                }
            }
            check::<1>(3, 40, max);
            check::<3>(6, 300, max);
            check::<2>(2, SPAN + 3, max);
            check::<2>(HEIGHT + BLOCK + 1, 2, max);
        }
    }
}
