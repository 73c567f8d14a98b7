//! Claims on params as sums over the matrix: `sum_x f_g(x) z_g(x) = sum_l delta^l v_l`, the algebra of both sides.
//!
//! A claim's output vector `eq(point, o)` splits as `eq(hi, o_hi) eq(lo, o_lo)`. Rows enter `f` with coefficient
//! `256^plane kernel[k] eq(hi, o_hi)`; `z` is `delta^l eq(lo, .) (x) column` on the param's block, zero elsewhere. Outputs
//! beyond the real ones, in the last row of a block, are left out by a form of their own. Claims that combine the same
//! rows in the same way (biases, side by side) make one group with the sum of their forms.

use std::collections::BTreeMap;
use std::ops::Range;

use p3_field::{PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use veritorch_sumcheck::field::{PackedE, PackedF};
use veritorch_sumcheck::mle::{eq_table, log_padded};
use veritorch_sumcheck::{Ext, Factor, Form};

use super::ParamClaim;
use super::layout::{ModelLayout, Placement};
use crate::error::CommitmentError;
use crate::merge;
use crate::stack::form_fits;

/// One combination of rows and the forms that it is summed against.
pub(crate) struct Group<E> {
    /// Coefficients of rows.
    pub(crate) rows: BTreeMap<usize, E>,
    blocks: Vec<Block<E>>,
}

/// A weighted form on a block of columns.
struct Block<E> {
    weight: E,
    first_column: usize,
    log_width: usize,
    /// Extents of the block's two axes, outputs and columns.
    shape: [usize; 2],
    form: Form<E>,
}

impl<E: Ext> Group<E> {
    /// `z_g` on the cube of all columns.
    pub(crate) fn table(&self, log_columns: usize) -> Vec<PackedE<E>> {
        let width = PackedF::WIDTH;
        let mut table = vec![PackedE::<E>::ZERO; (1 << log_columns) / width];
        let (wide, narrow): (Vec<&Block<E>>, Vec<&Block<E>>) = self.blocks.iter().partition(|block| 1 << block.log_width >= width);
        for block in wide {
            let cells = &mut table[block.first_column / width..][..(1 << block.log_width) / width];
            merge::add_claims(&block.shape, &[(block.weight, &block.form)], cells);
        }
        for block in narrow {
            let (_, values) = block.form.padded_split(&block.shape, usize::MAX);
            let first = block.first_column % width;
            let lane = |lane: usize| lane.checked_sub(first).and_then(|index| values.get(index)).map_or(E::ZERO, |&value| block.weight * value);
            table[block.first_column / width] += PackedE::<E>::from_ext_fn(lane);
        }
        table
    }

    /// `z_g(x)`.
    pub(crate) fn evaluate(&self, point: &[E]) -> E {
        self.blocks
            .iter()
            .map(|block| {
                let (head, tail) = point.split_at(point.len() - block.log_width);
                let prefix = block.first_column >> block.log_width;
                let selector: E = head
                    .iter()
                    .rev()
                    .enumerate()
                    .map(|(bit, &x)| if prefix >> bit & 1 == 1 { x } else { E::ONE - x })
                    .product();
                block.weight * selector * block.form.evaluate(&block.shape, tail)
            })
            .sum()
    }
}

/// Whether each claim fits its param.
pub(crate) fn check_claims<E: Ext, V>(layout: &ModelLayout, claims: &[ParamClaim<E, V>]) -> Result<(), CommitmentError> {
    for (index, claim) in claims.iter().enumerate() {
        let misfit = |reason| CommitmentError::ParamClaim { claim: index, param: claim.param, reason };
        let placement = layout.placements().get(claim.param).ok_or(misfit("there is no such param"))?;
        let [kernel, outputs, columns] = placement.shape;
        if claim.kernel.len() != kernel {
            return Err(misfit("its kernel vector has another length"));
        }
        if claim.output_point.len() != log_padded(outputs) {
            return Err(misfit("its output point has another number of coordinates"));
        }
        form_fits(&Form { factors: vec![(1, claim.column.clone())] }, &[columns]).map_err(misfit)?;
    }
    Ok(())
}

/// The groups of claims that fit, weighted with the powers of `delta`.
pub(crate) fn groups<E: Ext, V>(layout: &ModelLayout, claims: &[ParamClaim<E, V>], delta: E) -> Vec<Group<E>> {
    let mut groups: Vec<Group<E>> = Vec::new();
    let mut push = |rows: BTreeMap<usize, E>, block: Block<E>| match groups.iter_mut().find(|group| group.rows == rows) {
        Some(group) => group.blocks.push(block),
        None => groups.push(Group { rows, blocks: vec![block] }),
    };
    for (weight, claim) in delta.powers().zip(claims) {
        let placement = &layout.placements()[claim.param];
        let (high, low) = claim.output_point.split_at(claim.output_point.len() - placement.log_outputs);
        let high = eq_table(high);
        let side_by_side = 1 << placement.log_outputs;
        let num_full = placement.shape[1] / side_by_side;
        let remainder = placement.shape[1] % side_by_side;
        let block = |low| Block {
            weight,
            first_column: placement.first_column,
            log_width: placement.log_width(),
            shape: [side_by_side, placement.shape[2]],
            form: Form { factors: vec![(1, low), (1, claim.column.clone())] },
        };
        if num_full > 0 {
            push(rows(placement, &claim.kernel, &high, 0..num_full), block(Factor::Eq(low.to_vec())));
        }
        if remainder > 0 {
            let mut real = eq_table(low);
            real.iter_mut().skip(remainder).for_each(|value| *value = E::ZERO);
            push(rows(placement, &claim.kernel, &high, num_full..num_full + 1), block(Factor::Explicit(real)));
        }
    }
    groups
}

/// `256^plane kernel[k] eq(hi, o_hi)` for these `o_hi`.
fn rows<E: Ext>(placement: &Placement, kernel: &[E], high: &[E], output_rows: Range<usize>) -> BTreeMap<usize, E> {
    let mut rows = BTreeMap::new();
    for (plane, plane_weight) in E::from_u64(256).powers().enumerate().take(placement.num_planes) {
        for (position, &kernel_weight) in kernel.iter().enumerate() {
            for (output_row, &output_weight) in high.iter().enumerate().take(output_rows.end).skip(output_rows.start) {
                rows.insert(placement.row(plane, position, output_row), plane_weight * kernel_weight * output_weight);
            }
        }
    }
    rows
}
