//! Committing to a model, and what the prover needs of it afterwards.
//!
//! Row `r` is the polynomial `sum_i M[r][i] x^i + x^C sum_i mask[r][i] x^i`, evaluated on a subgroup. The encoded matrix is made
//! coset by coset, `128` rows at a time, hashed and dropped; columns that an opening asks for are computed anew from the
//! integers and the masks.

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use veritorch_execute::Params;
use veritorch_execute::kernels::evaluate_columns;
use veritorch_sumcheck::field::PackedE;
use veritorch_sumcheck::{Ext, F};

use super::combine::{combine, combine_packed};
use super::layout::ModelLayout;
use super::masks::{MaskSeed, Masks};
use crate::code::{self, fold_tails};
use crate::error::CommitmentError;
use crate::stack::signed;
use crate::tree::{CHUNK, ColumnTree, leaves};
use crate::whir::{DFT, Root};

/// A committed model on the prover's side: the integer matrix, the masks and the tree.
#[derive(Clone)]
pub struct ModelProver {
    layout: ModelLayout,
    matrix: Vec<i8>,
    masks: Masks,
    tree: ColumnTree,
}

/// Weights, masks and leaves are secrets: none of them is printed.
impl std::fmt::Debug for ModelProver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ModelProver({} rows of 2^{} cells)", self.layout.num_rows(), self.layout.log_columns())
    }
}

impl ModelProver {
    /// Commits to a model. The seed is secret, drawn for this commitment alone; a layout without masks makes no use of it.
    ///
    /// # Errors
    /// If the params are not those of the layout.
    pub fn commit(layout: ModelLayout, params: &Params, seed: MaskSeed) -> Result<Self, CommitmentError> {
        let matrix = fill(&layout, params)?;
        let masks = Masks::new(seed, layout.num_rows(), layout.num_masks(), layout.num_queries());
        let tree = encode(&layout, &matrix, &masks);
        Ok(Self { layout, matrix, masks, tree })
    }

    /// A model that was committed to before, by its seed and its stored tree. Weights that are not those of the tree are not
    /// detected here; proofs made with them are refused.
    ///
    /// # Errors
    /// If the params or the tree are not those of the layout.
    pub fn load(layout: ModelLayout, params: &Params, seed: MaskSeed, tree: ColumnTree) -> Result<Self, CommitmentError> {
        let (expected, actual) = (layout.log_domain(), tree.depth());
        if expected != actual {
            return Err(CommitmentError::Count { what: "levels of a model's tree", expected, actual });
        }
        let matrix = fill(&layout, params)?;
        let masks = Masks::new(seed, layout.num_rows(), layout.num_masks(), layout.num_queries());
        Ok(Self { layout, matrix, masks, tree })
    }

    /// A model whose owner fills the matrix as they like, or whose tree is not that of the matrix.
    #[cfg(test)]
    pub(super) fn hostile(layout: ModelLayout, matrix: Vec<i8>, tree: Option<ColumnTree>) -> Self {
        let masks = Masks::new([7; 32], layout.num_rows(), layout.num_masks(), layout.num_queries());
        let tree = tree.unwrap_or_else(|| encode(&layout, &matrix, &masks));
        Self { layout, matrix, masks, tree }
    }

    /// The integer matrix.
    #[cfg(test)]
    pub(super) fn matrix(&self) -> &[i8] {
        &self.matrix
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &ModelLayout {
        &self.layout
    }

    /// The tree, to be stored.
    #[must_use]
    pub fn tree(&self) -> &ColumnTree {
        &self.tree
    }

    /// The secret that the masks and salts follow from, to be stored where only the prover reads it.
    #[must_use]
    pub fn seed(&self) -> &MaskSeed {
        self.masks.seed()
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Root {
        self.tree.root()
    }

    /// The weights of a row.
    pub(crate) fn row(&self, row: usize) -> &[i8] {
        let len = 1 << self.layout.log_columns();
        &self.matrix[row * len..(row + 1) * len]
    }

    /// `sum_r coefficient_r row_r` of weights.
    pub(crate) fn combine_rows<E: Ext>(&self, coefficients: impl Iterator<Item = (usize, E)>) -> Vec<PackedE<E>> {
        let (rows, weights): (Vec<&[i8]>, Vec<E>) = coefficients.map(|(row, weight)| (self.row(row), weight)).unzip();
        combine_packed(&rows, &weights)
    }

    /// The masks.
    pub(crate) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// The columns at these points, which are powers of the domain's generator with these exponents, with their salts.
    pub(crate) fn columns(&self, points: &[F], indices: &[usize]) -> Vec<(Vec<F>, Vec<F>)> {
        let len = 1usize << self.layout.log_columns();
        let rows: Vec<&[i8]> = self.matrix.chunks_exact(len).collect();
        let words: Vec<u64> = points.iter().map(PrimeField64::as_canonical_u64).collect();
        let values = evaluate_columns(&rows, &words);
        let mut columns: Vec<Vec<F>> = values.into_iter().map(|column| column.into_iter().map(F::from_u64).collect()).collect();
        self.masks.add_columns(&mut columns, points, len);
        columns.into_iter().zip(indices).map(|(column, &index)| (column, self.masks.salt(index))).collect()
    }

    /// `B(k, c) = sum_o output[o] W(k, o, c)`, row-major `[kernel, column]`: a param with its outputs bound.
    ///
    /// # Panics
    /// If there is no such param, or `output` is not as long as its output axis.
    #[must_use]
    pub fn bind_output<E: Ext>(&self, param: usize, output: &[E]) -> Vec<E> {
        let placement = &self.layout.placements()[param];
        let [kernel, outputs, columns] = placement.shape;
        assert_eq!(output.len(), outputs, "one coefficient per output");
        let mut coefficients = Vec::with_capacity(placement.num_planes * outputs);
        for weight in E::from_u64(256).powers().take(placement.num_planes) {
            coefficients.extend(output.iter().map(|&value| weight * value));
        }
        let side_by_side = 1 << placement.log_outputs;
        let mut bound = Vec::with_capacity(kernel * columns);
        for position in 0..kernel {
            let mut rows = Vec::with_capacity(coefficients.len());
            for plane in 0..placement.num_planes {
                for index in 0..outputs {
                    let row = self.row(placement.row(plane, position, index / side_by_side));
                    let start = placement.first_column + ((index % side_by_side) << placement.log_column);
                    rows.push(&row[start..start + columns]);
                }
            }
            bound.extend(combine(&rows, &coefficients));
        }
        bound
    }
}

/// The matrix, zero outside of the params.
fn fill(layout: &ModelLayout, params: &Params) -> Result<Vec<i8>, CommitmentError> {
    let (expected, actual) = (layout.placements().len(), params.len());
    if expected != actual {
        return Err(CommitmentError::Count { what: "params of a model", expected, actual });
    }
    let len = 1 << layout.log_columns();
    let mut matrix = vec![0; layout.num_rows() * len];
    for (param, placement) in layout.placements().iter().enumerate() {
        let info = &params.infos()[param];
        if (info.shape, info.num_planes) != (placement.shape, placement.num_planes) {
            return Err(CommitmentError::Param { param, reason: "its shape is not that of the layout" });
        }
        let [kernel, outputs, columns] = placement.shape;
        for plane in 0..placement.num_planes {
            let entries = params.plane(param, plane);
            for (index, column) in entries.chunks_exact(columns).enumerate().take(kernel * outputs) {
                let (position, output) = (index / outputs, index % outputs);
                let row = placement.row(plane, position, output >> placement.log_outputs);
                let low = output & ((1 << placement.log_outputs) - 1);
                let start = row * len + placement.first_column + (low << placement.log_column);
                matrix[start..start + columns].copy_from_slice(column);
            }
        }
    }
    Ok(matrix)
}

/// The tree over the columns of the encoded matrix, in the order of the subgroup's powers.
fn encode(layout: &ModelLayout, matrix: &[i8], masks: &Masks) -> ColumnTree {
    let len = 1usize << layout.log_columns();
    let generator = F::two_adic_generator(layout.log_domain());
    let num_cosets = 1 << (layout.log_domain() - layout.log_columns());
    let mut all = vec![[0; 32]; len * num_cosets];
    for (coset, shift) in generator.powers().take(num_cosets).enumerate() {
        let pieces = (0..layout.num_rows()).step_by(CHUNK).map(|first| {
            let rows = first..layout.num_rows().min(first + CHUNK);
            let mut coefficients = transpose(&matrix[first * len..rows.end * len], len);
            if layout.num_masks() > 0 {
                let width = rows.len();
                let tails: Vec<F> = rows.flat_map(|row| masks.row(row)).copied().collect();
                let tails = code::transpose(&tails, layout.num_masks(), width);
                fold_tails(&mut coefficients.values, &tails.values, shift.exp_power_of_2(layout.log_columns()));
            }
            DFT.coset_dft_batch(coefficients, shift).to_row_major_matrix().values.into()
        });
        let salts: Vec<F> = (0..len).into_par_iter().flat_map_iter(|row| masks.salt(coset + num_cosets * row)).collect();
        let leaves = leaves(layout.num_rows(), len, pieces, &salts);
        all.par_chunks_mut(num_cosets).zip(leaves).for_each(|(all, leaf)| all[coset] = leaf);
    }
    ColumnTree::new(all)
}

/// Rows of integers as columns of field elements.
fn transpose(rows: &[i8], len: usize) -> RowMajorMatrix<F> {
    let width = rows.len() / len;
    let mut values = F::zero_vec(rows.len());
    // A block of columns is a cache line of each row.
    values.par_chunks_mut(width << 6).enumerate().for_each(|(block, cells)| {
        for (column, cells) in cells.chunks_exact_mut(width).enumerate() {
            let entries = rows.iter().skip((block << 6) + column).step_by(len);
            cells.iter_mut().zip(entries).for_each(|(cell, &entry)| *cell = signed(i64::from(entry)));
        }
    });
    RowMajorMatrix::new(values, width)
}
