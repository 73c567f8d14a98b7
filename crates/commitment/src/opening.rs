//! The last step of a proof: all claims on its committed stacks at once.
//!
//! The stacks are matrices under one code ([`code`](crate::code)), committed at different times of the proof. Claims
//! `<form_j, T_j> = v_j` have values that are linear in the pads of the transcript, `v_j = a_j + <b_j, P>` with the tensor `P` of pads in
//! the first stack; relations between pads, `a_m + <b_m, P> = 0`, join them. With the powers of `lambda`,
//!
//! `sum_rows sum_x row(x) K_row(x) = S`,     `K = sum_j lambda^j (form_j - b_j on P) + sum_m lambda^(J + m) b_m on P`,
//!
//! `S` public. A hidden opening has three mask rows `g_a, g_b, g_q`, uniform over the extension field, in the first matrix:
//!
//! 1. points `tau_a, tau_b`; the prover sends `s = g_a(tau_a) + g_b(tau_b)`; challenge `rho`;
//! 2. a sumcheck over the column variables of `sum_rows row(x) K_row(x) + rho (eq(tau_a, x) g_a(x) + eq(tau_b, x) g_b(x))`, which is
//!    `S + rho s`. At its end `x*`, what is left speaks of one combination `f = sum_rows K_row(x*) row + rho (eq(tau_a, x*) g_a + ..)`
//!    with public coefficients: `f(x*) = left`;
//! 3. `gamma`, `zeta`: `q = g_q + zeta sum_r eq(gamma, r) row_r`, all rows, `g_a` and `g_b` among them; the prover sends `u = q(x*)`;
//! 4. `epsilon`: the prover commits `p = f + epsilon q` in the clear ([`inner`](crate::inner)) and sends its tail;
//! 5. proof of work; `t` columns of every matrix at the same points; `p(x*) = left + epsilon u` and, for each point,
//!    `p^(y) = sum_r coefficient(r) column_y(r)`.
//!
//! Soundness error: `(J + M) / |E|` for `lambda`, `2 c / |E|` for the sumcheck, `1 / |E|` for `rho`, `zeta` and `epsilon` each as merging challenges,
//! `(log2 R + 2) N / |E|` for chained correlated agreement within half the distance [Ben-Sasson, Carmon, Ishai, Kopparty, Saraf 2020,
//! thm 4.1], `((1 + rate) / 2)^t` after work for the columns, and the terms of the inner commitment.
//!
//! Zero knowledge: `docs/security.md` has the simulator. `p` is uniform because `g_q` is; the sumcheck's messages are uniform given what
//! they must sum to, because a round's part of `g_a`, `eq(tau_a, X) (X - tau_a)` times a fresh uniform slope, and that of `g_b` span all
//! quadratics that sum to zero; columns are uniform because of the tails, and leaves that stay closed are salted.

use p3_field::{BasedVectorSpace, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::field::{PackedE, PackedF};
use veritorch_sumcheck::mle::{Mle, eq, eq_packed, inner_product, log_padded, unpack};
use veritorch_sumcheck::products::PadLayout;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::sumcheck::{self, Reduced, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use crate::code::RowCode;
use crate::columns::{self, Source};
use crate::error::CommitmentError;
use crate::inner::{Inner, Positions, RowClaim};
use crate::matrix::MatrixData;
use crate::merge;
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::{Cells, StackLayout};
use crate::tree::SALT;
use crate::whir::Root;

#[cfg(test)]
mod attacks;
mod combination;
#[cfg(test)]
mod hiding;
mod merged;
mod rows;
#[cfg(test)]
mod setting;

use self::combination::Combination;
use self::merged::Merged;
use self::rows::Rows;

const MERGE: &str = "opening merge";
const MASK_POINT: &str = "mask point";
const MASK_SUM: &str = "mask sum";
const SUMCHECK: &str = "opening sumcheck";
const PROXIMITY: &str = "opening proximity";
const COMBINATION: &str = "opening combination";
const TAIL: &str = "opening tail";
/// Columns of each stack.
const COLUMNS: [&str; 2] = ["witness columns", "combination columns"];

/// `log2` of the shortest row: what the smallest inner commitment needs.
const MIN_LOG_CELLS: usize = 9;
/// `log2` of the longest row.
const MAX_LOG_CELLS: usize = 24;

/// A tensor of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The stack: 0 for the witness, 1 for the combined rows of long-lived matrices.
    pub stack: usize,
    /// Index of the tensor in the stack.
    pub tensor: usize,
}

/// `sum_i <form_i, tensor_i> = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorClaim<E> {
    /// Forms on the tensors' real entries; one, mostly.
    pub terms: Vec<(Place, Form<E>)>,
    /// The value.
    pub value: Value<E>,
}

/// What an opening shows.
#[derive(Clone, Debug)]
pub struct Relations<E> {
    /// Claims on tensors.
    pub claims: Vec<TensorClaim<E>>,
    /// Values that are zero, with the names of the checks that they come from.
    pub checks: Vec<(&'static str, Value<E>)>,
    /// The tensor of pads in the first stack, if the transcript is masked, and where in it each pad lies.
    pub pads: Option<(usize, PadLayout)>,
}

/// The scheme for stacks of given shapes.
pub struct Opening<E: Ext> {
    stacks: Vec<StackLayout>,
    code: RowCode,
    inner: Inner<E>,
    hidden: bool,
    level: SecurityLevel,
}

/// Where steps 1 to 4 end on the prover's side.
struct Combined<E> {
    /// The cells of `p`.
    row: Vec<E>,
    /// Its tail.
    tail: Vec<E>,
    /// Coefficients of each matrix' rows in `p`.
    coefficients: Vec<Vec<E>>,
    /// `x*`.
    point: Vec<E>,
    /// `p(x*)`.
    value: E,
}

impl<E: Ext> Opening<E> {
    /// The scheme for stacks of tensors of these shapes: one stack or two.
    ///
    /// # Errors
    /// If the field is too small for the security level at this size.
    pub fn new(stacks: &[Vec<Vec<usize>>], hidden: bool, level: SecurityLevel) -> Result<Self, CommitmentError> {
        let stacks: Vec<StackLayout> = stacks.iter().map(|shapes| StackLayout::new(shapes)).collect();
        let masks = if hidden { 3 * E::DEGREE } else { 0 };
        // Columns in bytes, against cells of the combined row.
        let cost = |log_cells: usize| {
            let code = RowCode::once(log_cells, hidden, level);
            let rows: usize = stacks.iter().map(|stack| code.num_rows(stack.num_cells())).sum();
            8 * code.num_queries * (rows + masks) + (1 << log_cells)
        };
        let log_cells = (MIN_LOG_CELLS..=MAX_LOG_CELLS).min_by_key(|&log_cells| cost(log_cells)).unwrap_or(MIN_LOG_CELLS);
        let inner = Inner::new(log_cells, level)?;
        Ok(Self { stacks, code: RowCode::once(log_cells, hidden, level), inner, hidden, level })
    }

    /// The layout of a stack.
    ///
    /// # Panics
    /// If there is no such stack.
    #[must_use]
    pub fn layout(&self, stack: usize) -> &StackLayout {
        &self.stacks[stack]
    }

    /// Rows of base-field elements that the masks take in the first matrix.
    fn num_mask_rows(&self, stack: usize) -> usize {
        if self.hidden && stack == 0 { 3 * E::DEGREE } else { 0 }
    }

    /// Rows of a stack, without masks.
    fn num_rows(&self, stack: usize) -> usize {
        self.code.num_rows(self.stacks.get(stack).map_or(0, StackLayout::num_cells))
    }

    /// Rows that are tested for proximity: those of all stacks, `g_a` and `g_b`.
    fn num_tested(&self) -> usize {
        (0..self.stacks.len()).map(|stack| self.num_rows(stack)).sum::<usize>() + if self.hidden { 2 } else { 0 }
    }

    /// Commits to the tensors of a stack. The caller sends the root. `rng` gives tails, salts and masks, if the opening is hidden.
    ///
    /// # Errors
    /// If their number or a number of entries is not that of the layout.
    ///
    /// # Panics
    /// If there is no such stack, or the opening is hidden and there is no generator.
    pub fn commit(&self, stack: usize, tensors: &[&dyn Cells], rng: Option<&mut SecretRng>) -> Result<(Root, MatrixData), CommitmentError> {
        let layout = &self.stacks[stack];
        let expected = layout.num_tensors();
        if tensors.len() != expected {
            return Err(CommitmentError::Count { what: "tensors of a stack", expected, actual: tensors.len() });
        }
        for (tensor, cells) in tensors.iter().enumerate() {
            let expected = layout.shape(tensor).iter().product();
            let actual = cells.num_entries();
            if actual != expected {
                return Err(CommitmentError::Entries { tensor, expected, actual });
            }
        }
        let (num_rows, masks) = (self.num_rows(stack), self.num_mask_rows(stack));
        let mut cells = layout.fill(tensors, (num_rows + masks) << self.code.log_cells);
        let mut rng = rng.filter(|_| self.hidden);
        assert_eq!(rng.is_some(), self.hidden, "a hidden opening needs randomness");
        if let Some(rng) = rng.as_deref_mut() {
            rng.fill_bases(&mut cells[num_rows << self.code.log_cells..]);
        }
        Ok(MatrixData::commit(&self.code, cells, rng))
    }

    /// Proves the relations. The matrices are used up: their masks hide one opening.
    ///
    /// # Errors
    /// If a claim does not fit its tensor. A false claim is not an error here: its proof is refused.
    ///
    /// # Panics
    /// If the number of matrices is not that of the stacks.
    pub fn open(&self, transcript: &mut ProverTranscript, matrices: Vec<MatrixData>, relations: &Relations<E>) -> Result<(), CommitmentError> {
        let combined = self.combine(transcript, &matrices, relations)?;
        let (root, data) = self.inner.commit(&combined.row)?;
        transcript.send_bytes(COMBINATION, &root);
        transcript.send_clear(TAIL, &combined.tail);
        transcript.grind(COMBINATION, self.level.grinding);
        let (indices, claims) = self.show_columns(transcript, &matrices, combined);
        drop(matrices);
        self.inner.open(transcript, data, &claims, &Positions { log_domain: self.code.log_domain, indices })
    }

    /// Steps 1 to 4 of the protocol, without the commitment to `p`.
    fn combine(&self, transcript: &mut ProverTranscript, matrices: &[MatrixData], relations: &Relations<E>) -> Result<Combined<E>, CommitmentError> {
        assert_eq!(matrices.len(), self.stacks.len(), "one matrix to a stack");
        let merged = Merged::draw(self, transcript, relations)?;
        let len = 1usize << self.code.log_cells;
        let mut further = Vec::new();
        let mut sum = merged.sum;
        let masks = if self.hidden { self.masks(&matrices[0]) } else { Vec::new() };
        if let [a, b, _] = masks.as_slice() {
            let points = (0..2).map(|_| transcript.challenges::<E>(MASK_POINT, self.code.log_cells));
            let tables: Vec<Vec<PackedE<E>>> = points.map(|point| eq_packed(&point)).collect();
            let own: E = [a, b].into_iter().zip(&tables).map(|(mask, eq)| inner_product::<E>(mask, eq)).sum();
            transcript.send_clear(MASK_SUM, &[own]);
            let rho: E = transcript.challenge(MASK_SUM);
            sum += rho * own;
            let rho = PackedE::<E>::from(rho);
            for (mask, mut eq) in [a, b].into_iter().zip(tables) {
                eq.par_iter_mut().with_min_len(1 << 10).for_each(|value| *value *= rho);
                further.push(vec![Mle::Packed(mask.clone()), Mle::Packed(eq)]);
            }
        }
        let num_data = self.num_tested() - further.len();
        let (reduced, ends) = self.sumcheck(transcript, matrices, |stack| merged.on_stack(relations, stack), further, sum);

        let combination = Combination::draw(transcript, self, num_data);
        let mut u: E = combination.proximity.iter().zip(&ends).map(|(&weight, end)| weight * end[0]).sum();
        if let [_, _, mask] = masks.as_slice() {
            u += inner_product::<E>(mask, &eq_packed(&reduced.point));
        }
        transcript.send_clear(PROXIMITY, &[u]);
        let epsilon: E = transcript.challenge(COMBINATION);
        let values: Vec<E> = ends.iter().map(|end| end[1]).collect();
        let coefficients = combination.coefficients(self, &values, epsilon);
        let mut row = vec![PackedE::<E>::ZERO; len / PackedF::WIDTH];
        let mut tail = vec![E::ZERO; self.code.tail];
        for (matrix, coefficients) in matrices.iter().zip(&coefficients) {
            add_rows(&mut row, &matrix.cells, coefficients);
            for (tails, &coefficient) in matrix.tails.chunks_exact(self.code.tail.max(1)).zip(coefficients) {
                tail.iter_mut().zip(tails).for_each(|(sum, &cell)| *sum += coefficient * cell);
            }
        }
        let left: E = ends.iter().map(|[row, weight]| *row * *weight).sum();
        Ok(Combined { row: unpack::<E>(&row), tail, coefficients, point: reduced.point, value: left + epsilon * u })
    }

    /// Step 2 of rows and further terms: where it ends, and the values of each row with its weights there.
    fn sumcheck<'a>(
        &self,
        transcript: &mut ProverTranscript,
        matrices: impl IntoIterator<Item = &'a MatrixData>,
        forms: impl Fn(usize) -> Vec<(usize, E, &'a Form<E>)>,
        further: Vec<Vec<Mle<E>>>,
        sum: E,
    ) -> (Reduced<E>, Vec<[E; 2]>) {
        let stacks = self.stacks.iter().zip(matrices).enumerate().map(|(stack, (layout, matrix))| {
            let num_cells = self.num_rows(stack) << self.code.log_cells;
            (&matrix.cells[..num_cells], merge::weights(layout, &forms(stack), num_cells))
        });
        let mut rows = Rows::new(stacks.collect(), 1 << self.code.log_cells, further);
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut rows], &[sum]);
        let ends = rows.ends();
        (reduced, ends)
    }

    /// Step 5: the columns, where they lie, and what is to be shown of `p`.
    fn show_columns(&self, transcript: &mut ProverTranscript, matrices: &[MatrixData], combined: Combined<E>) -> (Vec<usize>, Vec<RowClaim<E>>) {
        let indices = columns::draw(transcript, COMBINATION, self.code.num_queries, self.code.log_domain);
        let mut sums = vec![E::ZERO; indices.len()];
        for ((matrix, coefficients), label) in matrices.iter().zip(&combined.coefficients).zip(COLUMNS) {
            let columns: Vec<(Vec<F>, Vec<F>)> = indices.iter().map(|&index| matrix.column(index)).collect();
            columns::send(transcript, label, &columns, &matrix.tree, &indices);
            add_columns(&mut sums, columns.iter().map(|(column, _)| column.as_slice()), coefficients);
        }
        let claims = self.row_claims(&indices, combined.point, combined.value, &sums, &combined.tail);
        (indices, claims)
    }

    /// Checks the relations.
    ///
    /// # Errors
    /// If the proof does not show all of them.
    pub fn verify(&self, transcript: &mut VerifierTranscript<'_>, roots: &[Root], relations: &Relations<E>) -> Result<(), CommitmentError> {
        if roots.len() != self.stacks.len() {
            return Err(CommitmentError::Count { what: "roots of an opening", expected: self.stacks.len(), actual: roots.len() });
        }
        let (coefficients, point, value) = self.verify_combination(transcript, relations)?;
        let root: Root = transcript.receive_bytes(COMBINATION)?;
        let tail = transcript.receive_clear::<E>(TAIL, self.code.tail)?;
        transcript.check_grinding(COMBINATION, self.level.grinding)?;
        let indices = columns::draw(transcript, COMBINATION, self.code.num_queries, self.code.log_domain);
        let mut sums = vec![E::ZERO; indices.len()];
        for (stack, ((root, coefficients), label)) in roots.iter().zip(&coefficients).zip(COLUMNS).enumerate() {
            let width = self.num_rows(stack) + self.num_mask_rows(stack);
            let source = Source { root, width, salt: if self.hidden { SALT } else { 0 }, log_domain: self.code.log_domain };
            let columns = columns::receive(transcript, label, &source, &indices)?;
            add_columns(&mut sums, columns.iter().map(Vec::as_slice), coefficients);
        }
        let claims = self.row_claims(&indices, point, value, &sums, &tail);
        self.inner.verify(transcript, &root, &claims)
    }

    /// Steps 1 to 4 for the verifier: the coefficients of each matrix' rows in `p`, the point `x*` and `p(x*)`.
    #[expect(clippy::type_complexity, reason = "three parts that are used where they are returned")]
    fn verify_combination(
        &self,
        transcript: &mut VerifierTranscript<'_>,
        relations: &Relations<E>,
    ) -> Result<(Vec<Vec<E>>, Vec<E>, E), CommitmentError> {
        let merged = Merged::draw(self, transcript, relations)?;
        let mut sum = merged.sum;
        let mut masks = Vec::new();
        if self.hidden {
            let points: Vec<Vec<E>> = (0..2).map(|_| transcript.challenges(MASK_POINT, self.code.log_cells)).collect();
            let own = one(transcript.receive_clear::<E>(MASK_SUM, 1)?, MASK_SUM)?;
            let rho: E = transcript.challenge(MASK_SUM);
            sum += rho * own;
            masks = points.into_iter().map(|point| (rho, point)).collect();
        }
        let shape = Shape { num_vars: self.code.log_cells, degree: 2 };
        let (reduced, left) = sumcheck::verify(transcript, SUMCHECK, &[shape], &[Value::public(sum)])?;
        let mut values: Vec<E> = Vec::with_capacity(self.num_tested());
        for (stack, layout) in self.stacks.iter().enumerate() {
            values.extend(merge::evaluate_rows(layout, &merged.on_stack(relations, stack), self.num_rows(stack), &reduced.point));
        }
        let num_data = values.len();
        values.extend(masks.iter().map(|(rho, point)| *rho * eq(point, &reduced.point)));

        let combination = Combination::draw(transcript, self, num_data);
        let u = one(transcript.receive_clear::<E>(PROXIMITY, 1)?, PROXIMITY)?;
        let epsilon: E = transcript.challenge(COMBINATION);
        Ok((combination.coefficients(self, &values, epsilon), reduced.point, left.constant() + epsilon * u))
    }

    /// `g_a`, `g_b` and `g_q`.
    fn masks(&self, matrix: &MatrixData) -> Vec<Vec<PackedE<E>>> {
        let len = (1usize << self.code.log_cells) / PackedF::WIDTH;
        let limbs = &PackedF::pack_slice(&matrix.cells)[self.num_rows(0) * len..];
        let mask = |limbs: &[PackedF]| (0..len).map(|i| PackedE::<E>::from_basis_coefficients_fn(|d| limbs[d * len + i])).collect();
        limbs.chunks_exact(E::DEGREE * len).map(mask).collect()
    }

    /// What the combined row has to fulfil: its value at the sumcheck's point and at each column's.
    fn row_claims(&self, indices: &[usize], point: Vec<E>, value: E, sums: &[E], tail: &[E]) -> Vec<RowClaim<E>> {
        let mut claims = vec![RowClaim { vector: Factor::Eq(point), value }];
        for (y, &sum) in columns::points(self.code.log_domain, indices).into_iter().zip(sums) {
            let tail = tail.iter().rev().fold(E::ZERO, |value, &cell| value * y + cell);
            let value = sum - tail * y.exp_power_of_2(self.code.log_cells);
            claims.push(RowClaim { vector: Factor::Powers(y), value });
        }
        claims
    }

    /// The terms of the soundness error of an opening of at most this many claims and checks.
    #[must_use]
    pub fn security_terms(&self, num_claims: usize) -> Vec<SecurityTerm> {
        let field = |ways: usize| E::BITS - (ways.max(1) as f64).log2();
        let steps = log_padded(self.num_tested()) + 2;
        let queries = self.code.num_queries;
        let mut terms = vec![
            SecurityTerm::new(format!("opening: merging of {num_claims} claims"), field(num_claims)),
            SecurityTerm::new(format!("opening: sumcheck over {} variables", self.code.log_cells), field(2 * self.code.log_cells + 1)),
            SecurityTerm::new(
                format!("opening: proximity of {} rows", self.num_tested()),
                field(steps) - self.code.log_domain as f64,
            ),
            SecurityTerm::new("opening: merging of the combined row", field(2)),
            SecurityTerm::new(
                format!("opening: {queries} columns and {} bits of work", self.level.grinding),
                self.code.query_bits() + self.level.grinding as f64,
            ),
        ];
        terms.extend(self.inner.security_terms(queries + 1));
        terms
    }
}

/// The only element.
fn one<E: Ext>(values: Vec<E>, what: &'static str) -> Result<E, CommitmentError> {
    match values.as_slice() {
        &[value] => Ok(value),
        other => Err(CommitmentError::Count { what, expected: 1, actual: other.len() }),
    }
}

/// Adds `sum_r coefficients[r] rows[r]`.
fn add_rows<E: Ext>(sum: &mut [PackedE<E>], rows: &[F], coefficients: &[E]) {
    const BLOCK: usize = 1 << 9;
    let len = sum.len();
    let rows = PackedF::pack_slice(rows);
    sum.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sum)| {
        for (row, &coefficient) in rows.chunks_exact(len).zip(coefficients) {
            let coefficient = PackedE::<E>::from(coefficient);
            sum.iter_mut().zip(&row[block * BLOCK..]).for_each(|(sum, &cell)| *sum += coefficient * cell);
        }
    });
}

/// Adds each column's combination.
fn add_columns<'a, E: Ext>(sums: &mut [E], columns: impl Iterator<Item = &'a [F]>, coefficients: &[E]) {
    for (sum, column) in sums.iter_mut().zip(columns) {
        *sum += coefficients.iter().zip(column).map(|(&coefficient, &cell)| coefficient * cell).sum::<E>();
    }
}
