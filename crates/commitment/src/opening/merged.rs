//! All relations of an opening as one: `sum_rows sum_x row(x) K_row(x) = S`.
//!
//! With the powers of `lambda`, claims `<form_j, T_j> = a_j + <b_j, P>` first, then checks `a_m + <b_m, P> = 0`:
//! `K = sum_j lambda^j (form_j - b_j on P) + sum_m lambda^(J + m) b_m on P` and `S = sum_j lambda^j a_j - sum_m lambda^(J + m) a_m`.

use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Factor, Form};

use super::{MERGE, Opening, Relations, TensorClaim};
use crate::error::CommitmentError;
use crate::inner::basis;
use crate::stack::{StackLayout, form_fits};

/// A relation whose terms are put together: `sum_j weights[j] <form_j, T_j> + <hidden, P> = sum`.
pub(super) struct Merged<E> {
    /// `S`.
    pub(super) sum: E,
    weights: Vec<E>,
    hidden: Option<(usize, Form<E>)>,
}

impl<E: Ext> Merged<E> {
    /// Draws `lambda` and merges all relations.
    pub(super) fn draw(opening: &Opening<E>, transcript: &mut impl Transcript, relations: &Relations<E>) -> Result<Self, CommitmentError> {
        check_claims(&opening.stacks, &relations.claims)?;
        let lambda: E = transcript.challenge(MERGE);
        let weights: Vec<E> = lambda.powers().take(relations.claims.len() + relations.checks.len()).collect();
        let mut sum = E::ZERO;
        let mut hidden = vec![E::ZERO; relations.pads.as_ref().map_or(0, |(_, pads)| pads.len())];
        let claims = relations.claims.iter().map(|claim| (&claim.value, -E::ONE));
        let checks = relations.checks.iter().map(|(_, value)| (value, E::ONE));
        for (&weight, (value, sign)) in weights.iter().zip(claims.chain(checks)) {
            sum -= sign * weight * value.constant();
            for &(key, coefficient) in value.hidden() {
                let position = relations.pads.as_ref().and_then(|(_, pads)| pads.position(key));
                let cell = position.and_then(|position| hidden.get_mut(position)).ok_or(CommitmentError::Pad)?;
                *cell += sign * weight * coefficient;
            }
        }
        let hidden = relations.pads.as_ref().map(|(tensor, _)| {
            (*tensor, Form::separable(vec![Factor::Explicit(basis()), Factor::Explicit(hidden)]))
        });
        if let Some((tensor, form)) = &hidden {
            let fits = opening.stacks.first().is_some_and(|stack| *tensor < stack.num_tensors() && form_fits(form, stack.shape(*tensor)).is_ok());
            if !fits {
                return Err(CommitmentError::Pad);
            }
        }
        Ok(Self { sum, weights, hidden })
    }

    /// The weighted forms on the tensors of a stack.
    pub(super) fn on_stack<'a>(&'a self, relations: &'a Relations<E>, stack: usize) -> Vec<(usize, E, &'a Form<E>)> {
        let claims = relations.claims.iter().zip(&self.weights);
        let terms = claims.flat_map(|(claim, &weight)| claim.terms.iter().map(move |(place, form)| (place, weight, form)));
        let hidden = self.hidden.iter().filter(|_| stack == 0).map(|(tensor, form)| (*tensor, E::ONE, form));
        let own = terms.filter(|(place, ..)| place.stack == stack).map(|(place, weight, form)| (place.tensor, weight, form));
        own.chain(hidden).collect()
    }
}

/// Whether each form fits its tensor.
fn check_claims<E: Ext>(stacks: &[StackLayout], claims: &[TensorClaim<E>]) -> Result<(), CommitmentError> {
    for (index, claim) in claims.iter().enumerate() {
        for (place, form) in &claim.terms {
            let misfit = |reason| CommitmentError::Claim { claim: index, tensor: place.tensor, reason };
            let stack = stacks.get(place.stack).ok_or(misfit("there is no such stack"))?;
            if place.tensor >= stack.num_tensors() {
                return Err(misfit("there is no such tensor"));
            }
            form_fits(form, stack.shape(place.tensor)).map_err(misfit)?;
        }
    }
    Ok(())
}
