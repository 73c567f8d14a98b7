//! Claims on params as sums over the matrix: `sum_x f_g(x) z_g(x) = sum_l delta^l v_l`, the algebra of both sides.
//!
//! A claim's output vector `eq(point, o)` splits as `eq(hi, o_hi) eq(lo, o_lo)`. Rows enter `f` with coefficient
//! `delta^l 256^plane kernel[k] eq(hi, o_hi)`; `z = eq(lo, .) (x) column` on the param's block, zero elsewhere. Outputs
//! beyond the real ones, in the last row of a block, are left out by a form of their own. Claims with the same form on
//! the same block make one group.

use std::collections::BTreeMap;

use veritorch_sumcheck::mle::{eq_table, log_padded};
use veritorch_sumcheck::form::kronecker;
use veritorch_sumcheck::{Ext, Factor, Form};

use super::ParamClaim;
use super::layout::{ModelLayout, Placement};
use crate::error::CommitmentError;
use crate::witness::form_fits;

/// One combination of rows and the form that it is summed against.
pub(crate) struct Group<E> {
    /// First column and `log2` of the width of the block.
    first_column: usize,
    log_width: usize,
    /// Extents of the block's two axes, outputs and columns.
    shape: [usize; 2],
    form: Form<E>,
    /// Coefficients of rows.
    pub(crate) rows: BTreeMap<usize, E>,
}

impl<E: Ext> Group<E> {
    /// `z_g` on the cube of all columns.
    pub(crate) fn table(&self, log_columns: usize) -> Vec<E> {
        let mut table = vec![E::ZERO; 1 << log_columns];
        let (head, tail) = self.form.padded_split(&self.shape, 1);
        let block = kronecker([head, tail].into_iter());
        table.iter_mut().skip(self.first_column).zip(block).for_each(|(cell, value)| *cell = value);
        table
    }

    /// `z_g(x)`.
    pub(crate) fn evaluate(&self, point: &[E]) -> E {
        let (head, tail) = point.split_at(point.len() - self.log_width);
        let prefix = self.first_column >> self.log_width;
        let selector: E =
            head.iter().rev().enumerate().map(|(bit, &x)| if prefix >> bit & 1 == 1 { x } else { E::ONE - x }).product();
        selector * self.form.evaluate(&self.shape, tail)
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
    for (weight, claim) in delta.powers().zip(claims) {
        let placement = &layout.placements()[claim.param];
        let (high, low) = claim.output_point.split_at(claim.output_point.len() - placement.log_outputs);
        let high = eq_table(high);
        let side_by_side = 1 << placement.log_outputs;
        let num_full = placement.shape[1] / side_by_side;
        let remainder = placement.shape[1] % side_by_side;
        if num_full > 0 {
            let group = find(&mut groups, placement, Factor::Eq(low.to_vec()), &claim.column);
            add_rows(group, placement, &claim.kernel, weight, high.iter().copied().enumerate().take(num_full));
        }
        if remainder > 0 {
            let mut real = eq_table(low);
            real.iter_mut().skip(remainder).for_each(|value| *value = E::ZERO);
            let group = find(&mut groups, placement, Factor::Explicit(real), &claim.column);
            add_rows(group, placement, &claim.kernel, weight, high.iter().copied().enumerate().skip(num_full).take(1));
        }
    }
    groups
}

/// The group with this form on this block.
fn find<'a, E: Ext>(
    groups: &'a mut Vec<Group<E>>,
    placement: &Placement,
    low: Factor<E>,
    column: &Factor<E>,
) -> &'a mut Group<E> {
    let shape = [1 << placement.log_outputs, placement.shape[2]];
    let form = Form { factors: vec![(1, low), (1, column.clone())] };
    let known = groups
        .iter()
        .position(|group| group.first_column == placement.first_column && group.shape == shape && group.form == form);
    let index = known.unwrap_or_else(|| {
        groups.push(Group {
            first_column: placement.first_column,
            log_width: placement.log_width(),
            shape,
            form,
            rows: BTreeMap::new(),
        });
        groups.len() - 1
    });
    &mut groups[index]
}

fn add_rows<E: Ext>(
    group: &mut Group<E>,
    placement: &Placement,
    kernel: &[E],
    weight: E,
    outputs: impl Iterator<Item = (usize, E)> + Clone,
) {
    for (plane, plane_weight) in E::from_u64(256).shifted_powers(weight).enumerate().take(placement.num_planes) {
        for (position, &kernel_weight) in kernel.iter().enumerate() {
            for (output_row, output_weight) in outputs.clone() {
                let row = placement.row(plane, position, output_row);
                *group.rows.entry(row).or_insert(E::ZERO) += plane_weight * kernel_weight * output_weight;
            }
        }
    }
}
