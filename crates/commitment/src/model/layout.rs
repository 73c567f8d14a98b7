//! Where each weight lies in the matrix: a pure function of the params' shapes.
//!
//! A param `[K, O, C_p]` with columns padded to `2^k` is cut along its outputs, `o = (o_hi, o_lo)`, so that
//! `(o_lo, c)` fills an aligned block of `2^(l + k) <= C` columns; its rows are `(plane, kernel, o_hi)`. Blocks are placed
//! by falling width, then height, each where the matrix is lowest, so that narrow params share rows side by side.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use veritorch_graph::circuit::ParamInfo;
use veritorch_sumcheck::mle::log_padded;

use crate::code::RowCode;
use crate::error::CommitmentError;
use crate::security::SecurityLevel;
use crate::whir::Root;

/// `log2` of the smallest number of columns: what the commitment to one combined row needs.
const MIN_LOG_COLUMNS: usize = 9;
/// `log2` of the largest number of columns: the code's domain stays far below the field's two-adic subgroup.
const MAX_LOG_COLUMNS: usize = 26;
/// Rows of the largest matrix: a column has 8 MiB.
const MAX_ROWS: usize = 1 << 20;
/// Byte planes of a param at most: any sum of them is a 64-bit integer.
const MAX_PLANES: usize = 7;
/// Openings that masks are made for at most.
const MAX_OPENINGS: usize = 1 << 20;

/// Position of a param.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// `[kernel, output, column]`.
    pub shape: [usize; 3],
    /// Byte planes.
    pub num_planes: usize,
    /// `l`: outputs `2^l` lie side by side in a row.
    pub log_outputs: usize,
    /// `k`: a column axis takes `2^k` cells.
    pub log_column: usize,
    /// First row of the block.
    pub first_row: usize,
    /// First column of the block, a multiple of its width.
    pub first_column: usize,
}

impl Placement {
    /// `log2` of the block's width.
    #[must_use]
    pub fn log_width(&self) -> usize {
        self.log_outputs + self.log_column
    }

    /// Number of values of `o_hi`.
    #[must_use]
    pub fn num_output_rows(&self) -> usize {
        self.shape[1].div_ceil(1 << self.log_outputs)
    }

    /// Rows of the block.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.num_planes * self.shape[0] * self.num_output_rows()
    }

    /// Row of a plane, kernel position and `o_hi`.
    #[must_use]
    pub fn row(&self, plane: usize, kernel: usize, output_row: usize) -> usize {
        self.first_row + (plane * self.shape[0] + kernel) * self.num_output_rows() + output_row
    }
}

/// Positions of all params in the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelLayout {
    code: RowCode,
    num_rows: usize,
    placements: Vec<Placement>,
}

/// How high the matrix is over its columns, as aligned runs of `2^k`: `(height, first column, k)`, the lowest and leftmost first. Their
/// number grows with that of the blocks and not of the columns: what is laid out may come from a stranger.
struct Runs {
    lowest: BinaryHeap<Reverse<(usize, usize, usize)>>,
}

impl Runs {
    fn new(log_columns: usize) -> Self {
        Self { lowest: BinaryHeap::from([Reverse((0, 0, log_columns))]) }
    }

    /// Puts a block, no wider than those before, where it lies lowest; its first row and first column.
    fn place(&mut self, log_width: usize, height: usize) -> (usize, usize) {
        let Some(Reverse((row, first, mut k))) = self.lowest.pop() else { return (0, 0) };
        while k > log_width {
            k -= 1;
            self.lowest.push(Reverse((row, first + (1 << k), k)));
        }
        self.lowest.push(Reverse((row + height, first, k)));
        (row, first)
    }
}

impl ModelLayout {
    /// The layout of these params, in the shape that is cheapest to open. Rows stay hidden through `num_openings` openings; with none
    /// the weights are public.
    ///
    /// # Errors
    /// If a param is empty, has no plane or more than seven, or has a column that is longer than a row can be; if there are more
    /// openings than a row can have masks for, or more than 2^20 rows.
    pub fn new(params: &[ParamInfo], num_openings: usize, level: SecurityLevel) -> Result<Self, CommitmentError> {
        for (param, info) in params.iter().enumerate() {
            let fits = info.shape.iter().all(|&len| len > 0) && (1..=MAX_PLANES).contains(&info.num_planes);
            if !fits || log_padded(info.shape[2]) > MAX_LOG_COLUMNS {
                return Err(CommitmentError::Param { param, reason: "its shape or number of planes is impossible" });
            }
        }
        if num_openings > MAX_OPENINGS {
            return Err(CommitmentError::Openings { num_openings, possible: MAX_OPENINGS });
        }
        let least = params.iter().map(|info| log_padded(info.shape[2])).fold(MIN_LOG_COLUMNS, usize::max);
        let with_columns = |log_columns| Self::with_columns(params, RowCode::long_lived(log_columns, num_openings, level));
        let mut best = with_columns(least);
        for log_columns in least + 1..=MAX_LOG_COLUMNS {
            // The combined row alone costs more from here on.
            if 2 * 85 << log_columns >= best.cost() {
                break;
            }
            let layout = with_columns(log_columns);
            if layout.cost() < best.cost() {
                best = layout;
            }
        }
        if best.num_rows > MAX_ROWS {
            let tallest = best.placements.iter().enumerate().max_by_key(|(_, placement)| placement.num_rows());
            let param = tallest.map_or(0, |(param, _)| param);
            return Err(CommitmentError::Param { param, reason: "the matrix of all weights has too many rows" });
        }
        Ok(best)
    }

    /// What an opening costs, in nanoseconds measured on one core: masks to evaluate, cells of each param's combination, cells of the
    /// combined row to commit; a byte of a column counts as 200.
    fn cost(&self) -> usize {
        let columns = self.num_rows.saturating_mul(8 * self.code.num_queries);
        let masks = self.num_rows.saturating_mul(self.code.tail);
        let row = (2 * 85 + 40 * self.placements.len()) << self.code.log_cells;
        columns.saturating_mul(200).saturating_add(row).saturating_add(masks.saturating_mul(50))
    }

    /// Packs the blocks into rows of `2^log_columns` cells.
    fn with_columns(params: &[ParamInfo], code: RowCode) -> Self {
        let log_columns = code.log_cells;
        let mut placements: Vec<Placement> = params
            .iter()
            .map(|info| {
                let log_column = log_padded(info.shape[2]);
                Placement {
                    shape: info.shape,
                    num_planes: info.num_planes,
                    log_outputs: log_padded(info.shape[1]).min(log_columns - log_column),
                    log_column,
                    first_row: 0,
                    first_column: 0,
                }
            })
            .collect();
        let mut order: Vec<usize> = (0..placements.len()).collect();
        order.sort_by_key(|&param| {
            let placement = &placements[param];
            (Reverse((placement.log_width(), placement.num_rows())), param)
        });
        let mut runs = Runs::new(log_columns);
        let mut num_rows = 1;
        for &param in &order {
            let placement = &mut placements[param];
            let height = placement.num_rows();
            (placement.first_row, placement.first_column) = runs.place(placement.log_width(), height);
            num_rows = num_rows.max(placement.first_row + height);
        }
        Self { code, num_rows, placements }
    }

    /// Rows of the matrix.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Random coefficients behind each row: one for every column of every opening.
    #[must_use]
    pub fn num_masks(&self) -> usize {
        self.code.tail
    }

    /// Columns that an opening reads.
    #[must_use]
    pub fn num_queries(&self) -> usize {
        self.code.num_queries
    }

    /// The code of the rows.
    pub(crate) fn code(&self) -> &RowCode {
        &self.code
    }

    /// `log2` of the columns of the matrix, before encoding.
    #[must_use]
    pub fn log_columns(&self) -> usize {
        self.code.log_cells
    }

    /// `log2` of the length of an encoded row.
    #[must_use]
    pub fn log_domain(&self) -> usize {
        self.code.log_domain
    }

    /// Position of each param.
    #[must_use]
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// What names a committed model: a hash of the layout and of the tree's root.
    #[must_use]
    pub fn identity(&self, root: &Root) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("veritorch 2026 model identity");
        let mut number = |number: usize| {
            hasher.update(&(number as u64).to_le_bytes());
        };
        number(self.code.log_domain);
        number(self.code.log_cells);
        number(self.code.tail);
        number(self.num_rows);
        number(self.placements.len());
        for placement in &self.placements {
            placement.shape.into_iter().for_each(&mut number);
            number(placement.num_planes);
            number(placement.log_outputs);
            number(placement.first_row);
            number(placement.first_column);
        }
        hasher.update(root);
        hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(shape: [usize; 3], num_planes: usize) -> ParamInfo {
        ParamInfo { name: String::new(), shape, num_planes }
    }

    #[test]
    fn blocks_do_not_overlap() {
        let params = [
            info([9, 64, 3], 1),
            info([9, 64, 64], 1),
            info([1, 1, 64], 4),
            info([1, 10, 512], 2),
            info([1, 1000, 100], 1),
            info([3, 7, 1], 3),
        ];
        for log_columns in 9..14 {
            let layout = ModelLayout::with_columns(&params, RowCode::long_lived(log_columns, 0, SecurityLevel::default()));
            let mut used = vec![false; layout.num_rows << log_columns];
            for placement in &layout.placements {
                let width = 1 << placement.log_width();
                assert_eq!(placement.first_column % width, 0);
                for row in placement.first_row..placement.first_row + placement.num_rows() {
                    for column in placement.first_column..placement.first_column + width {
                        let cell = &mut used[(row << log_columns) + column];
                        assert!(!*cell);
                        *cell = true;
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_lie_where_the_matrix_is_lowest() {
        // The same by trying every aligned run of columns.
        let shapes = [[1, 1, 100], [9, 64, 3], [1, 1000, 10], [1, 1, 1], [4, 4, 4], [1, 21, 60], [2, 2, 2], [1, 1, 3], [1, 1, 7], [25, 6, 1]];
        let params: Vec<ParamInfo> = shapes.iter().cycle().take(60).enumerate().map(|(i, &shape)| info(shape, 1 + i % 4)).collect();
        for log_columns in [9, 10, 11] {
            let layout = ModelLayout::with_columns(&params, RowCode::long_lived(log_columns, 0, SecurityLevel::default()));
            let mut order: Vec<&Placement> = layout.placements.iter().collect();
            order.sort_by_key(|placement| Reverse((placement.log_width(), placement.num_rows())));
            let mut heights = vec![0; 1 << log_columns];
            for placement in order {
                let runs = heights.chunks_exact(1 << placement.log_width()).map(|run| *run.iter().max().unwrap());
                let (run, row) = runs.enumerate().min_by_key(|&(run, height)| (height, run)).unwrap();
                assert_eq!((placement.first_row, placement.first_column), (row, run << placement.log_width()));
                heights[placement.first_column..][..1 << placement.log_width()].fill(row + placement.num_rows());
            }
            assert_eq!(layout.num_rows, heights.into_iter().max().unwrap());
        }
    }

    #[test]
    fn hostile_sizes_end_at_once() {
        let level = SecurityLevel::default();
        let mut many = vec![info([1, 1, 1], 4); 1 << 12];
        many.push(info([1, 1, 1 << 26], 1));
        for num_openings in [0, 1, 1 << 10, 1 << 20] {
            let layout = ModelLayout::new(&many, num_openings, level).unwrap();
            assert!(layout.num_rows() <= 1 << 14 && layout.log_domain() <= 32, "{} {}", layout.num_rows(), layout.log_domain());
        }
        for num_openings in [(1 << 20) + 1, usize::MAX] {
            assert!(matches!(ModelLayout::new(&many, num_openings, level), Err(CommitmentError::Openings { .. })));
        }
        let tall = [info([1, 3, 5], 1), info([1 << 32, 1, 1], 4)];
        assert!(matches!(ModelLayout::new(&tall, 0, level), Err(CommitmentError::Param { param: 1, .. })));
    }

    #[test]
    fn vgg_16_has_rows_of_65536() {
        let channels = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
        let mut params: Vec<ParamInfo> = channels.windows(2).map(|pair| info([9, pair[1], pair[0]], 1)).collect();
        params.extend([info([1, 512, 512], 1), info([1, 10, 512], 1)]);
        let layout = ModelLayout::new(&params, 0, SecurityLevel::default()).unwrap();
        assert_eq!(layout.log_columns(), 16);
        assert!(layout.num_rows() < 240, "{}", layout.num_rows());
    }

    #[test]
    fn impossible_params_are_refused() {
        for bad in [info([0, 1, 1], 1), info([1, 1, 1], 0), info([1, 1, 1], 8), info([1, 1, 1 << 27], 1)] {
            assert!(matches!(ModelLayout::new(&[bad], 0, SecurityLevel::default()), Err(CommitmentError::Param { param: 0, .. })));
        }
    }

    #[test]
    fn identity_depends_on_the_layout_and_the_root() {
        let one = ModelLayout::new(&[info([1, 3, 5], 1)], 0, SecurityLevel::default()).unwrap();
        let other = ModelLayout::new(&[info([1, 5, 3], 1)], 0, SecurityLevel::default()).unwrap();
        assert_ne!(one.identity(&[0; 32]), other.identity(&[0; 32]));
        assert_ne!(one.identity(&[0; 32]), one.identity(&[1; 32]));
    }
}
