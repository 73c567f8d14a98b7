//! The combined row of an opening, `p = f + epsilon q` with `q = g_q + zeta sum_r eq(gamma, r) row_r`, by the coefficients of rows.

use veritorch_sumcheck::Ext;
use veritorch_sumcheck::mle::{eq_table, log_padded};
use veritorch_sumcheck::transcript::Transcript;

use super::{Opening, PROXIMITY};
use crate::inner::basis;

/// The challenges that put rows together.
pub(super) struct Combination<E> {
    /// Weights in `q` of the rows of all stacks, then of `g_a` and `g_b`.
    pub(super) proximity: Vec<E>,
    num_data: usize,
}

impl<E: Ext> Combination<E> {
    /// Draws `gamma` and, where there are masks, `zeta`; `num_data` rows are those of stacks.
    pub(super) fn draw(transcript: &mut impl Transcript, opening: &Opening<E>, num_data: usize) -> Self {
        let num_tested = opening.num_tested();
        let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(num_tested));
        let mut proximity = eq_table(&gamma);
        proximity.truncate(num_tested);
        if opening.hidden {
            let zeta: E = transcript.challenge(PROXIMITY);
            proximity.iter_mut().for_each(|weight| *weight *= zeta);
        }
        Self { proximity, num_data }
    }

    /// Coefficients in `p` of each matrix' rows of base-field elements, from the rows' weights in `f`.
    pub(super) fn coefficients(&self, opening: &Opening<E>, values: &[E], epsilon: E) -> Vec<Vec<E>> {
        let mut weights: Vec<E> = values.iter().zip(&self.proximity).map(|(&f, &q)| f + epsilon * q).collect();
        let masks = weights.split_off(self.num_data.min(weights.len()));
        let mut weights = weights.into_iter();
        let mut matrices: Vec<Vec<E>> =
            (0..opening.stacks.len()).map(|stack| weights.by_ref().take(opening.num_rows(stack)).collect()).collect();
        if let (true, Some(first)) = (opening.hidden, matrices.first_mut()) {
            let limbs = basis::<E>();
            let masks = masks.into_iter().chain([epsilon]);
            first.extend(masks.flat_map(|weight| limbs.iter().map(move |&limb| weight * limb)));
        }
        matrices
    }
}
