//! The Reed-Solomon code of a matrix's rows, and the encoding.
//!
//! A row of `2^c` cells and a tail of `T` random coefficients is the polynomial `sum_i cell_i x^i + x^(2^c) sum_i tail_i x^i`,
//! evaluated on the subgroup of `N` points. Any `T` of its values are uniform, whatever the cells are: the points are distinct and not
//! zero, so that the tail alone takes every value on them. With the rate `(2^c + T) / N`, `t` columns miss a word that is further than
//! half the distance from the code with probability `((1 + rate) / 2)^t`; rows that stay hidden through `n` openings have `T = n t`.

use std::borrow::Cow;

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{PackedValue, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use veritorch_sumcheck::F;
use veritorch_sumcheck::field::PackedF;

use crate::matrix::wipe;
use crate::security::SecurityLevel;
use crate::whir::DFT;

/// Columns of a tile in a transposition: a cache line of each row.
const TILE: usize = 1 << 6;

/// `-log2((1 + rate) / 2)`.
fn bits_per_query(num_coefficients: usize, log_domain: usize) -> f64 {
    let domain = (1u64 << log_domain) as f64;
    1.0 - libm::log2(1.0 + num_coefficients as f64 / domain)
}

/// Parameters of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowCode {
    /// `c`.
    pub(crate) log_cells: usize,
    /// `T`.
    pub(crate) tail: usize,
    /// `log2 N`.
    pub(crate) log_domain: usize,
    /// `t`: columns that an opening draws.
    pub(crate) num_queries: usize,
}

impl RowCode {
    /// The code of rows of `2^log_cells` cells that are opened once: rate about 1/2, lower for short rows, whose tails would weigh too
    /// much.
    pub(crate) fn once(log_cells: usize, hidden: bool, level: SecurityLevel) -> Self {
        let log_inv_rate = match log_cells {
            0..=10 => 3,
            11..=12 => 2,
            _ => 1,
        };
        Self::with_domain(log_cells, log_cells + log_inv_rate, usize::from(hidden), level)
    }

    /// The code of rows of `2^log_cells` cells that stay hidden through this many openings: rate about 1/8, and about 1/16 where there are
    /// tails, whose evaluation costs a prover as many steps as the square of the number of columns.
    pub(crate) fn long_lived(log_cells: usize, num_openings: usize, level: SecurityLevel) -> Self {
        let log_inv_rate = if num_openings > 0 { 4 } else { 3 };
        let mut log_domain = log_cells + log_inv_rate;
        loop {
            let code = Self::with_domain(log_cells, log_domain, num_openings, level);
            // The tail makes the rate higher; from a fifth more on a larger domain costs less than more columns.
            if 5 * code.num_coefficients() <= 6 << (log_domain - log_inv_rate) {
                return code;
            }
            log_domain += 1;
        }
    }

    fn with_domain(log_cells: usize, log_domain: usize, num_openings: usize, level: SecurityLevel) -> Self {
        let bits = level.bits.saturating_sub(level.grinding) as f64;
        // A word that is no code at all: a tail as long as the domain stops the search.
        let queries = |tail: usize| match (1usize << log_cells).saturating_add(tail) {
            coefficients if coefficients >= 1 << log_domain => 1usize << log_domain,
            coefficients => (bits / bits_per_query(coefficients, log_domain)).ceil() as usize,
        };
        let mut num_queries = queries(0);
        // A longer tail asks for more columns and these for a longer tail.
        loop {
            let tail = num_queries.saturating_mul(num_openings);
            let more = queries(tail);
            if more <= num_queries || tail >= 1 << log_domain {
                return Self { log_cells, tail, log_domain, num_queries };
            }
            num_queries = more;
        }
    }

    /// Coefficients of a row.
    fn num_coefficients(&self) -> usize {
        (1usize << self.log_cells).saturating_add(self.tail)
    }

    /// `-log2` of the probability that the columns miss a word that is far from the code.
    pub(crate) fn query_bits(&self) -> f64 {
        self.num_queries as f64 * bits_per_query(self.num_coefficients(), self.log_domain)
    }

    /// Rows that hold this many cells: at least one.
    pub(crate) fn num_rows(&self, num_cells: usize) -> usize {
        num_cells.div_ceil(1 << self.log_cells).max(1)
    }

    /// Encodes rows, given one after the other: cells, and tails.
    pub(crate) fn encode(&self, cells: &[F], tails: &[F]) -> Encoded {
        let len = 1 << self.log_cells;
        let num_rows = cells.len() / len;
        // Whole vectors: the transform works on a column's rows side by side.
        let width = num_rows.next_multiple_of(PackedF::WIDTH);
        let coefficients = transpose(cells, len, width);
        let tails = if self.tail > 0 { transpose(tails, self.tail, width).values } else { Vec::new() };
        let generator = F::two_adic_generator(self.log_domain);
        let num_cosets = 1 << (self.log_domain - self.log_cells);
        let cosets = generator
            .powers()
            .take(num_cosets)
            .map(|shift| {
                let mut folded = coefficients.clone();
                fold_tails(&mut folded.values, &tails, shift.exp_power_of_2(self.log_cells));
                DFT.coset_dft_batch(folded, shift).to_row_major_matrix()
            })
            .collect();
        Encoded { cosets, num_rows }
    }
}

/// Adds tails to cells, both as columns: on a coset, `x^(2^c)` is the constant `weight`.
pub(crate) fn fold_tails(cells: &mut [F], tails: &[F], weight: F) {
    for (tails, power) in tails.chunks(cells.len()).zip(weight.powers().skip(1)) {
        cells.par_iter_mut().zip(tails).with_min_len(1 << 12).for_each(|(cell, &tail)| *cell += power * tail);
    }
}

/// Rows, given one after the other, as columns, filled up with zeros to this width.
pub(crate) fn transpose(rows: &[F], len: usize, width: usize) -> RowMajorMatrix<F> {
    let mut values = F::zero_vec(width * len);
    values.par_chunks_mut(width * TILE).enumerate().for_each(|(tile, cells)| {
        for (column, cells) in cells.chunks_exact_mut(width).enumerate() {
            let entries = rows.iter().skip(tile * TILE + column).step_by(len);
            cells.iter_mut().zip(entries).for_each(|(cell, &entry)| *cell = entry);
        }
    });
    RowMajorMatrix::new(values, width)
}

/// The encoded rows, coset by coset: point `k + L j` of the domain is row `j` of coset `k` of `L`. Of each, the first `num_rows` elements
/// count.
pub(crate) struct Encoded {
    cosets: Vec<RowMajorMatrix<F>>,
    num_rows: usize,
}

impl Encoded {
    /// All rows' values at a point of the domain.
    pub(crate) fn column(&self, index: usize) -> Vec<F> {
        let num_cosets = self.cosets.len();
        let coset = &self.cosets[index % num_cosets];
        let width = coset.width();
        coset.values[index / num_cosets * width..][..self.num_rows].to_vec()
    }

    /// Overwrites the words.
    pub(crate) fn wipe(&mut self) {
        self.cosets.iter_mut().for_each(|coset| wipe(&mut coset.values));
    }

    /// The columns of a coset, cut into pieces of at most `piece` elements; if there is one, it has whole vectors to a row.
    pub(crate) fn pieces(&self, coset: usize, piece: usize) -> impl Iterator<Item = Cow<'_, [F]>> {
        let coset = &self.cosets[coset];
        let width = coset.width();
        (0..self.num_rows).step_by(piece).map(move |start| {
            let end = self.num_rows.min(start + piece);
            if end - start == self.num_rows {
                return Cow::Borrowed(coset.values.as_slice());
            }
            coset.values.par_chunks_exact(width).flat_map_iter(|row| row[start..end].iter().copied()).collect::<Vec<F>>().into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns;

    #[test]
    fn tails_cover_every_opening_and_columns_reach_the_level() {
        let level = SecurityLevel::default();
        for log_cells in 9..22 {
            for num_openings in [0, 2, 65, 1000] {
                for code in [RowCode::once(log_cells, num_openings > 0, level), RowCode::long_lived(log_cells, num_openings, level)] {
                    let openings = if code == RowCode::once(log_cells, num_openings > 0, level) { num_openings.min(1) } else { num_openings };
                    assert_eq!(code.tail, openings * code.num_queries);
                    assert!(code.query_bits() >= (level.bits - level.grinding) as f64);
                    assert!(code.num_coefficients() * 3 <= 2 << code.log_domain, "{code:?}");
                }
            }
        }
    }

    #[test]
    fn columns_are_values_of_the_rows() {
        let level = SecurityLevel::default();
        for code in [RowCode::once(9, true, level), RowCode::once(11, true, level), RowCode::once(13, false, level), RowCode::long_lived(9, 20, level)] {
            let log_cells = code.log_cells;
            let cells: Vec<F> = (0..3u64 << log_cells).map(|i| F::from_u64(i * i + 1)).collect();
            let tails: Vec<F> = (0..3 * code.tail as u64).map(|i| F::from_u64(i * i * i + 7)).collect();
            let encoded = code.encode(&cells, &tails);
            for index in [0, 1, 2, 77, (1 << code.log_domain) - 1] {
                let x = columns::points(code.log_domain, &[index])[0];
                let value = |coefficients: &[F]| coefficients.iter().rev().fold(F::ZERO, |sum, &c| sum * x + c);
                let expected: Vec<F> = (0..3)
                    .map(|row| {
                        let cells = &cells[row << log_cells..(row + 1) << log_cells];
                        let tail = &tails[row * code.tail..(row + 1) * code.tail];
                        value(cells) + x.exp_u64(1 << log_cells) * value(tail)
                    })
                    .collect();
                assert_eq!(encoded.column(index), expected);
            }
        }
    }
}
