//! Opening a model commitment, once per proof.
//!
//! 1. `delta` is drawn; one combination of rows `f_g` per group of claims. A sumcheck of `sum_x sum_g f_g(x) z_g(x) = sum_l delta^l v_l`
//!    ends at `x*`; since the `z_g(x*)` are public, what is left speaks of one combination: `f(x*) = left`, `f = sum_g z_g(x*) f_g`.
//! 2. `gamma` is drawn; `f_0 = sum_r eq(gamma, r) row_r` and the prover sends `u_0 = f_0(x*)`; `epsilon` is drawn; `p = f + epsilon f_0`.
//! 3. The caller commits the limbs of `p` and `m` as tensors of the proof's second stack. After proof of work, `t` columns of the encoded
//!    matrix are drawn over the whole domain and sent with their paths.
//! 4. What is left are claims on that tensor and on the combined masks `m`, beside it: `p(x*) = left + epsilon u_0` and, for each column `j`,
//!    `sum_i p_i x_j^i + x_j^C sum_i m_i x_j^i = sum_r coefficient(r) column_j(r)`.
//!
//! If the matrix is not within half the distance of a matrix of codewords, then `p` is not near its combination except
//! with probability `(log2 R + 1) n / |E|` [Ben-Sasson, Carmon, Ishai, Kopparty, Saraf 2020, thm 4.1, chained],
//! and `t` columns miss that with probability `((1 + rate) / 2)^t`.
//!
//! Zero knowledge: all messages of 1 and 2 are padded by the transcript; `p` is committed in a hidden matrix; the columns of all
//! proofs together are at most as many as each row has masks, which makes them uniform; leaves that stay closed are salted.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use veritorch_sumcheck::field::PackedE;
use veritorch_sumcheck::mle::{Mle, eq_table, log_padded, unpack};
use veritorch_sumcheck::sumcheck::{self, Products, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use super::ParamClaim;
use super::encode::ModelProver;
use super::group::{self, Group};
use super::layout::ModelLayout;
use super::reserve::Reservation;
use crate::columns::{self, Source};
use crate::error::CommitmentError;
use crate::inner::basis;
use crate::opening::{Place, TensorClaim};
use crate::security::{SecurityLevel, SecurityTerm};
use crate::tree::SALT;
use crate::whir::Root;

pub(super) const IDENTITY: &str = "model identity";
pub(super) const BATCH: &str = "model claims";
pub(super) const SUMCHECK: &str = "model sumcheck";
pub(super) const PROXIMITY: &str = "model proximity";
pub(super) const COMBINATION: &str = "model combination";
pub(super) const COLUMNS: &str = "model columns";

/// The combined row on the prover's side: a secret.
#[derive(Clone)]
pub struct Combined<E> {
    /// `p`.
    row: Vec<E>,
    /// `m`.
    masks: Vec<E>,
}

/// What step 2 leaves to be shown.
#[derive(Clone, Debug)]
#[must_use = "the claims are shown only by the combined row"]
pub struct Reduction<E> {
    /// Coefficients of the rows in `p`.
    coefficients: Vec<E>,
    /// `x*`.
    point: Vec<E>,
    /// `p(x*)`.
    value: Value<E>,
}

impl<E: Ext> Combined<E> {
    /// The tensors that the caller commits: the limbs of `p` and of `m`, `[limb, coefficient]`.
    #[must_use]
    pub fn tensors(&self) -> Vec<Vec<F>> {
        let limbs = |row: &[E]| (0..E::DEGREE).flat_map(|limb| row.iter().map(move |value| value.as_basis_coefficients_slice()[limb])).collect();
        [&self.row, &self.masks].into_iter().filter(|row| !row.is_empty()).map(|row| limbs(row)).collect()
    }
}

/// The shapes of the tensors that hold the limbs of `p` and of `m`.
#[must_use]
pub fn combined_shapes<E: Ext>(layout: &ModelLayout) -> Vec<Vec<usize>> {
    let lens = [1 << layout.log_columns(), layout.num_masks()];
    lens.into_iter().filter(|&len| len > 0).map(|len| vec![E::DEGREE, len]).collect()
}

/// Weights in `f` of all rows.
fn row_weights<E: Ext>(layout: &ModelLayout, groups: &[Group<E>], values: impl Iterator<Item = E>) -> Vec<E> {
    let mut weights = vec![E::ZERO; layout.num_rows()];
    for (group, value) in groups.iter().zip(values) {
        for (&row, &coefficient) in &group.rows {
            if let Some(sum) = weights.get_mut(row) {
                *sum += value * coefficient;
            }
        }
    }
    weights
}

impl ModelProver {
    /// Steps 1 and 2. The claims' vectors are fixed by the transcript.
    ///
    /// # Errors
    /// If a claim does not fit its param. A false claim is not an error here: its proof is refused.
    pub fn combine<E: Ext>(&self, transcript: &mut ProverTranscript, claims: &[ParamClaim<E>]) -> Result<Combined<E>, CommitmentError> {
        let layout = self.layout();
        group::check_claims(layout, claims)?;
        transcript.absorb(IDENTITY, &layout.identity(&self.root()));
        let delta: E = transcript.challenge(BATCH);
        let groups = group::groups(layout, claims, delta);
        let sum = delta.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();
        let rows: Vec<Vec<PackedE<E>>> = groups.iter().map(|group| self.combine_rows(group.rows.iter().map(|(&row, &weight)| (row, weight)))).collect();
        let tables = groups.iter().map(|group| group.table(layout.log_columns()));
        let terms = rows.iter().zip(tables).map(|(row, table)| vec![Mle::Packed(row.clone()), Mle::Packed(table)]).collect();
        let mut products = Products { terms };
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut products], &[sum]);

        let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
        let proximity = eq_table(&gamma);
        let tested = self.combine_rows(proximity.iter().take(layout.num_rows()).copied().enumerate());
        transcript.send(PROXIMITY, &[Mle::Packed(tested.clone()).evaluate(&reduced.point)]);
        let epsilon: E = transcript.challenge(COMBINATION);
        let values: Vec<E> = products.terms.iter().map(|term| term[1].value()).collect();
        let mut weights = row_weights(layout, &groups, values.iter().copied());
        weights.iter_mut().zip(&proximity).for_each(|(weight, &eq)| *weight += epsilon * eq);
        Ok(Combined { row: unpack::<E>(&add_scaled(tested, epsilon, &rows, &values)), masks: self.masks().combine(&weights) })
    }

    /// Step 3, after the combined row was committed. The columns of a hidden model are revealed here: each call uses up one
    /// opening of its lifetime.
    pub fn show_columns(&self, transcript: &mut ProverTranscript, level: SecurityLevel, _reservation: Reservation) {
        let layout = self.layout();
        let log_domain = layout.log_domain();
        transcript.grind(COLUMNS, level.grinding);
        let indices = columns::draw(transcript, COLUMNS, layout.num_queries(), log_domain);
        let columns = self.columns(&columns::points(log_domain, &indices), &indices);
        columns::send(transcript, COLUMNS, &columns, self.tree(), &indices);
    }
}

/// `scale * row + sum_g values[g] rows[g]`.
fn add_scaled<E: Ext>(mut row: Vec<PackedE<E>>, scale: E, rows: &[Vec<PackedE<E>>], values: &[E]) -> Vec<PackedE<E>> {
    const BLOCK: usize = 1 << 7;
    let scale = PackedE::<E>::from(scale);
    row.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        out.iter_mut().for_each(|cell| *cell *= scale);
        for (row, &value) in rows.iter().zip(values) {
            let value = PackedE::<E>::from(value);
            out.iter_mut().zip(&row[block * BLOCK..]).for_each(|(cell, &other)| *cell += value * other);
        }
    });
    row
}

/// Steps 1 and 2 for the verifier of the model under `root`.
///
/// # Errors
/// If a claim does not fit its param, or the proof is too short.
pub fn verify_combination<E: Ext>(
    layout: &ModelLayout,
    root: &Root,
    transcript: &mut VerifierTranscript<'_>,
    claims: &[ParamClaim<E, Value<E>>],
) -> Result<Reduction<E>, CommitmentError> {
    group::check_claims(layout, claims)?;
    transcript.absorb(IDENTITY, &layout.identity(root));
    let delta: E = transcript.challenge(BATCH);
    let groups = group::groups(layout, claims, delta);
    let sum: Value<E> = delta.powers().zip(claims).map(|(power, claim)| claim.value.clone() * power).sum();
    let shape = Shape { num_vars: layout.log_columns(), degree: 2 };
    let (reduced, left) = sumcheck::verify(transcript, SUMCHECK, &[shape], &[sum])?;

    let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
    let tested = transcript.receive_one::<E>(PROXIMITY)?;
    let epsilon: E = transcript.challenge(COMBINATION);
    let values = groups.iter().map(|group| group.evaluate(&reduced.point));
    let mut coefficients = row_weights(layout, &groups, values);
    coefficients.iter_mut().zip(eq_table(&gamma)).for_each(|(weight, eq)| *weight += epsilon * eq);
    Ok(Reduction { coefficients, point: reduced.point, value: left + tested * epsilon })
}

/// Step 3 for the verifier: the claims on the tensor that holds the limbs of `p`.
///
/// # Errors
/// If the columns are malformed or not those of the root.
pub fn verify_columns<E: Ext>(
    layout: &ModelLayout,
    root: &Root,
    transcript: &mut VerifierTranscript<'_>,
    level: SecurityLevel,
    reduction: Reduction<E>,
    first: Place,
) -> Result<Vec<TensorClaim<E>>, CommitmentError> {
    transcript.check_grinding(COLUMNS, level.grinding)?;
    let log_domain = layout.log_domain();
    let indices = columns::draw(transcript, COLUMNS, layout.num_queries(), log_domain);
    let hidden = layout.num_masks() > 0;
    let source = Source { root, width: layout.num_rows(), salt: if hidden { SALT } else { 0 }, log_domain };
    let columns = columns::receive(transcript, COLUMNS, &source, &indices)?;
    let term = |offset: usize, scale: F, vector: Factor<E>| {
        let place = Place { tensor: first.tensor + offset, ..first };
        let limbs = basis::<E>().into_iter().map(|limb| limb * scale).collect();
        (place, Form::separable(vec![Factor::Explicit(limbs), vector]))
    };
    let mut claims = vec![TensorClaim { terms: vec![term(0, F::ONE, Factor::Eq(reduction.point))], value: reduction.value }];
    for (point, column) in columns::points(log_domain, &indices).into_iter().zip(&columns) {
        let mut terms = vec![term(0, F::ONE, Factor::Powers(point))];
        if hidden {
            terms.push(term(1, point.exp_power_of_2(layout.log_columns()), Factor::Powers(point)));
        }
        let value = reduction.coefficients.iter().zip(column).map(|(&a, &b)| a * b).sum();
        claims.push(TensorClaim { terms, value: Value::public(value) });
    }
    Ok(claims)
}

/// The terms of the soundness error of an opening with this many claims of what is called `name`.
#[must_use]
pub fn security_terms<E: Ext>(layout: &ModelLayout, level: SecurityLevel, num_claims: usize, name: &str) -> Vec<SecurityTerm> {
    let field = |ways: usize| E::BITS - (ways.max(1) as f64).log2();
    let steps = log_padded(layout.num_rows()) + 1;
    vec![
        SecurityTerm::new(format!("{name}: proximity of {} rows", layout.num_rows()), field(steps) - layout.log_domain() as f64),
        SecurityTerm::new(format!("{name}: merging of {num_claims} claims"), field(num_claims)),
        SecurityTerm::new(format!("{name}: sumcheck over {} variables", layout.log_columns()), field(2 * layout.log_columns())),
        SecurityTerm::new(format!("{name}: merging of the combined row"), field(1)),
        SecurityTerm::new(
            format!("{name}: {} columns and {} bits of work", layout.num_queries(), level.grinding),
            layout.code().query_bits() + level.grinding as f64,
        ),
    ]
}

#[cfg(test)]
mod attacks;
