//! Opening a model commitment, once per proof.
//!
//! 1. `gamma`, `delta` are drawn; `f_0 = sum_r eq(gamma, r) row_r` and one `f_g` per group of claims.
//! 2. A sumcheck of `sum_x sum_g f_g(x) z_g(x) = sum_l delta^l v_l` ends at `x*`; the prover sends `u_g = f_g(x*)`, `u_0`
//!    included, and the verifier checks `sum_g u_g z_g(x*)`.
//! 3. `epsilon` is drawn; `p = sum_g epsilon^g f_g` is committed as base-field limbs. After proof of work, `t` columns of
//!    the encoded matrix are drawn over the whole domain and sent with their paths.
//! 4. One opening of the limbs shows `p(x*) = sum_g epsilon^g u_g` and, for each column `j`,
//!    `sum_i p_i x_j^i = sum_r coefficient(r) column_j(r)`.
//!
//! If the matrix is not within half the distance of a matrix of codewords, then `p` is not near its combination except
//! with probability `(log2 R + G) n / |E|` [Ben-Sasson, Carmon, Ishai, Kopparty, Saraf 2020, thm 4.1 and 1.6, chained],
//! and `t` columns miss that with probability `((1 + rate) / 2)^t`.

use p3_field::{PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use p3_whir::SecurityAssumption;
use veritorch_execute::kernels::evaluate_columns;
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::mle::{Mle, eq_table, log_padded};
use veritorch_sumcheck::sumcheck::{self, Products, Shape};
use veritorch_sumcheck::transcript::{Transcript, TranscriptError};
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use super::ParamClaim;
use super::combine::combine;
use super::encode::ModelProver;
use super::group::{self, Group};
use super::layout::{LOG_INV_RATE, ModelLayout};
use super::tree::{self, Digest};
use crate::error::CommitmentError;
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::StackLayout;
use crate::whir::Root;
use crate::witness::{TensorClaim, WitnessScheme};

pub(super) const IDENTITY: &str = "model identity";
pub(super) const PROXIMITY: &str = "model proximity";
pub(super) const BATCH: &str = "model claims";
pub(super) const SUMCHECK: &str = "model sumcheck";
pub(super) const EVALUATIONS: &str = "model evaluations";
pub(super) const COMBINATION: &str = "model combination";
pub(super) const COLUMNS: &str = "model columns";

/// Columns that an opening reads.
#[must_use]
pub fn num_queries(level: SecurityLevel) -> usize {
    SecurityAssumption::UniqueDecoding.queries(level.bits.saturating_sub(level.grinding), LOG_INV_RATE)
}

/// The scheme under which the combined row is committed: `[limb, coefficient]`.
pub(super) fn inner_scheme<E: Ext>(layout: &ModelLayout, level: SecurityLevel) -> Result<WitnessScheme<E>, CommitmentError> {
    WitnessScheme::new(StackLayout::new(&[vec![E::DEGREE, 1 << layout.log_columns()]]), level)
}

/// Coefficients of the rows in `p`.
pub(super) fn row_coefficients<E: Ext>(gamma: &[E], groups: &[Group<E>], epsilon: E, num_rows: usize) -> Vec<E> {
    let mut coefficients = eq_table(gamma);
    coefficients.truncate(num_rows);
    for (power, group) in epsilon.powers().skip(1).zip(groups) {
        for (&row, &coefficient) in &group.rows {
            if let Some(sum) = coefficients.get_mut(row) {
                *sum += power * coefficient;
            }
        }
    }
    coefficients
}

/// The claim that a vector against the combined row has this value.
pub(super) fn row_claim<E: Ext, V>(vector: Factor<E>, value: V) -> TensorClaim<E, V> {
    let basis = (0..E::DEGREE).map(|limb| E::from_basis_coefficients_fn(|d| if d == limb { F::ONE } else { F::ZERO }));
    TensorClaim { tensor: 0, form: Form::separable(vec![Factor::Explicit(basis.collect()), vector]), value }
}

/// Distinct columns in rising order.
pub(super) fn draw_columns(transcript: &mut impl Transcript, layout: &ModelLayout, level: SecurityLevel) -> Vec<usize> {
    let mut indices = transcript.indices(COLUMNS, num_queries(level), layout.log_domain());
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// The points at which these columns are the rows' values.
pub(super) fn column_points(layout: &ModelLayout, indices: &[usize]) -> Vec<F> {
    let generator = F::two_adic_generator(layout.log_domain());
    indices.iter().map(|&index| generator.exp_u64(index as u64)).collect()
}

impl ModelProver {
    /// Proves claims on params. Their vectors and values are fixed by the transcript. Without claims nothing is sent.
    ///
    /// # Errors
    /// If a claim does not fit its param, or the level cannot be reached. A false claim is not an error here: its proof
    /// is refused.
    pub fn open<E: Ext>(
        &self,
        transcript: &mut ProverTranscript,
        level: SecurityLevel,
        claims: &[ParamClaim<E>],
    ) -> Result<(), CommitmentError> {
        let layout = self.layout();
        group::check_claims(layout, claims)?;
        if claims.is_empty() {
            return Ok(());
        }
        transcript.absorb(IDENTITY, &layout.identity(&self.root()));
        let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
        let delta: E = transcript.challenge(BATCH);
        let groups = group::groups(layout, claims, delta);
        let sum = delta.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();

        let rows = self.rows();
        let proximity = combine(&rows, &eq_table(&gamma)[..rows.len()]);
        let terms = groups
            .iter()
            .map(|group| {
                let (rows, coefficients): (Vec<&[i8]>, Vec<E>) =
                    group.rows.iter().map(|(&row, &coefficient)| (self.row(row), coefficient)).unzip();
                vec![Mle::new(combine(&rows, &coefficients)), Mle::new(group.table(layout.log_columns()))]
            })
            .collect();
        let mut products = Products { terms };
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut products], &[sum]);
        let mut evaluations = vec![Mle::new(proximity).evaluate(&reduced.point)];
        evaluations.extend(products.terms.iter().map(|term| term[0].value()));
        transcript.send(EVALUATIONS, &evaluations);

        let epsilon: E = transcript.challenge(COMBINATION);
        let coefficients = row_coefficients(&gamma, &groups, epsilon, rows.len());
        let combination = combine(&rows, &coefficients);
        let limbs: Vec<F> = (0..E::DEGREE)
            .flat_map(|limb| combination.iter().map(move |value| value.as_basis_coefficients_slice()[limb]))
            .collect();
        let scheme = inner_scheme::<E>(layout, level)?;
        let (root, data) = scheme.commit(&[&limbs])?;
        transcript.send_bytes(COMBINATION, &root);

        transcript.grind(COLUMNS, level.grinding);
        let indices = draw_columns(transcript, layout, level);
        let points = column_points(layout, &indices);
        let columns = evaluate_columns(&rows, &points.iter().map(PrimeField64::as_canonical_u64).collect::<Vec<_>>());
        let mut bytes: Vec<u8> = columns.iter().flat_map(|column| tree::column_bytes(column)).collect();
        bytes.extend(self.tree().siblings(&indices).iter().flatten());
        transcript.send_embedded(COLUMNS, &bytes);
        transcript.absorb(COLUMNS, blake3::hash(&bytes).as_bytes());

        let value = epsilon.powers().zip(&evaluations).map(|(power, &u)| power * u).sum();
        let mut claims = vec![row_claim(Factor::Eq(reduced.point), value)];
        for (&point, column) in points.iter().zip(&columns) {
            let value = coefficients.iter().zip(column).map(|(&a, &b)| a * F::from_u64(b)).sum();
            claims.push(row_claim(Factor::Powers(point), value));
        }
        scheme.open(transcript, data, &claims)
    }
}

/// Checks claims on the params of the model under `root`.
///
/// # Errors
/// If the proof does not show all of them.
pub fn verify<E: Ext>(
    layout: &ModelLayout,
    root: &Root,
    transcript: &mut VerifierTranscript<'_>,
    level: SecurityLevel,
    claims: &[ParamClaim<E, Value<E>>],
) -> Result<(), CommitmentError> {
    group::check_claims(layout, claims)?;
    if claims.is_empty() {
        return Ok(());
    }
    transcript.absorb(IDENTITY, &layout.identity(root));
    let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
    let delta: E = transcript.challenge(BATCH);
    let groups = group::groups(layout, claims, delta);
    let sum = delta.powers().zip(claims).map(|(power, claim)| &claim.value * power).sum();

    let shape = Shape { num_vars: layout.log_columns(), degree: 2 };
    let (reduced, left) = sumcheck::verify(transcript, SUMCHECK, &[shape], &[sum])?;
    let evaluations: Vec<Value<E>> = transcript.receive(EVALUATIONS, groups.len() + 1)?;
    let expected =
        evaluations.iter().skip(1).zip(&groups).map(|(u, group)| u * group.evaluate(&reduced.point)).sum::<Value<E>>();
    transcript.check_zero(SUMCHECK, left - expected)?;

    let epsilon: E = transcript.challenge(COMBINATION);
    let coefficients = row_coefficients(&gamma, &groups, epsilon, layout.num_rows());
    let scheme = inner_scheme::<E>(layout, level)?;
    let inner_root: Root = transcript.receive_bytes(COMBINATION)?;

    transcript.check_grinding(COLUMNS, level.grinding)?;
    let indices = draw_columns(transcript, layout, level);
    let points = column_points(layout, &indices);
    let columns = receive_columns(transcript, layout, root, &indices)?;

    let value = epsilon.powers().zip(&evaluations).map(|(power, u)| u * power).sum();
    let mut claims = vec![row_claim(Factor::Eq(reduced.point), value)];
    for (&point, column) in points.iter().zip(&columns) {
        let value = coefficients.iter().zip(column).map(|(&a, &b)| a * b).sum();
        claims.push(row_claim(Factor::Powers(point), Value::public(value)));
    }
    scheme.verify(transcript, &inner_root, &claims)
}

/// Reads columns and the nodes of their paths, and checks them against the root. How many bytes there are follows from
/// the indices.
fn receive_columns(
    transcript: &mut VerifierTranscript<'_>,
    layout: &ModelLayout,
    root: &Root,
    indices: &[usize],
) -> Result<Vec<Vec<F>>, CommitmentError> {
    let malformed = |reason: String| TranscriptError::Malformed { label: COLUMNS, reason };
    let column_len = layout.num_rows() * 8;
    let num_siblings = tree::num_siblings(layout.log_domain(), indices);
    let len = indices.len() * column_len + num_siblings * 32;
    let bytes = transcript.receive_embedded(COLUMNS, len)?;
    if bytes.len() != len {
        return Err(malformed(format!("it has {} bytes instead of {len}", bytes.len())).into());
    }
    transcript.absorb(COLUMNS, blake3::hash(bytes).as_bytes());
    let (cells, nodes) = bytes.split_at(indices.len() * column_len);
    let mut columns = Vec::with_capacity(indices.len());
    let mut leaves: Vec<(usize, Digest)> = Vec::with_capacity(indices.len());
    for (&index, column) in indices.iter().zip(cells.chunks_exact(column_len)) {
        leaves.push((index, tree::column_leaf(column)));
        let (words, _) = column.as_chunks::<8>();
        let elements = words.iter().enumerate().map(|(index, word)| match u64::from_le_bytes(*word) {
            word if word < P => Ok(F::from_u64(word)),
            _ => Err(TranscriptError::NonCanonical { label: COLUMNS, index }),
        });
        columns.push(elements.collect::<Result<_, _>>()?);
    }
    let (nodes, _) = nodes.as_chunks::<32>();
    if tree::root_of(layout.log_domain(), &leaves, nodes).as_ref() != Some(root) {
        return Err(CommitmentError::Opening { label: COLUMNS, reason: "its paths do not lead to the root".to_owned() });
    }
    Ok(columns)
}

/// The terms of the soundness error of an opening with one claim on each of these params (repetitions allowed).
///
/// # Errors
/// If there is no such param, or the level cannot be reached.
pub fn security_terms<E: Ext>(
    layout: &ModelLayout,
    level: SecurityLevel,
    params: &[usize],
) -> Result<Vec<SecurityTerm>, CommitmentError> {
    let mut num_groups = 0usize;
    for &param in params {
        let placement = layout
            .placements()
            .get(param)
            .ok_or(CommitmentError::Param { param, reason: "there is no such param" })?;
        let side_by_side = 1 << placement.log_outputs;
        let outputs = placement.shape[1];
        num_groups += usize::from(outputs >= side_by_side) + usize::from(outputs % side_by_side > 0);
    }
    let field = |ways: usize| E::BITS - (ways.max(1) as f64).log2();
    let queries = num_queries(level);
    let steps = log_padded(layout.num_rows()) + num_groups;
    let mut terms = vec![
        SecurityTerm::new(
            format!("model: proximity of {} rows in {num_groups} groups", layout.num_rows()),
            field(steps) - layout.log_domain() as f64,
        ),
        SecurityTerm::new(format!("model: merging of {} claims", params.len()), field(params.len())),
        SecurityTerm::new(format!("model: sumcheck over {} variables", layout.log_columns()), field(2 * layout.log_columns())),
        SecurityTerm::new("model: combination of evaluations", field(num_groups)),
        SecurityTerm::new(
            format!("model: {queries} columns and {} bits of work", level.grinding),
            SecurityAssumption::UniqueDecoding.queries_error(LOG_INV_RATE, queries) + level.grinding as f64,
        ),
    ];
    let inner = inner_scheme::<E>(layout, level)?.security_terms(queries + 1);
    terms.extend(inner.into_iter().map(|term| SecurityTerm::new(format!("model combination, {}", term.name), term.bits)));
    Ok(terms)
}
