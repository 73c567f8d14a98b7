//! Renewal: a new table with fresh masks, shown to hold the same weights as an old one.
//!
//! Both tables have one layout, `R` rows of `2^C` cells and `r` masks. The statement is the two roots; the verifier derives all else.
//!
//! 1. `gamma`: `D = sum_row eq(gamma, row) (old_row - new_row)` is zero on all cells, so that it is `x^(2^C)` times a polynomial of `r`
//!    coefficients;
//! 2. `gamma'`: `p = sum_row eq(gamma', row) row` over the rows of both tables;
//! 3. the limbs of `p`, of its masks and of `D`'s masks are committed as one hidden stack;
//! 4. proof of work; `t` columns of both tables at the same points `x_j`, and there
//!    `p^(x_j) = sum_row eq(gamma', row) column_j(row)` and `x_j^(2^C) D^(x_j) = sum_row eq(gamma, row) (old_j(row) - new_j(row))`,
//!    shown by the opening of the stack.
//!
//! Soundness error: `(log2(2 R) + 1) n / |E|` for both tables being near codewords on common positions [Ben-Sasson, Carmon, Ishai,
//! Kopparty, Saraf 2020, thm 4.1, chained], so that each is one matrix by unique decoding, fixed before `gamma`;
//! `((1 + rate) / 2)^t` after work for `p` and `D` being its combinations; `log2 R / |E|` for two matrices with different cells whose
//! combinations by `gamma` agree; and the terms of the opening.
//!
//! Zero knowledge: `p` and `D` stay in a hidden matrix; the columns are one opening of each table.

use p3_field::PrimeCharacteristicRing;
use veritorch_sumcheck::mle::{eq_table, log_padded, unpack};
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use super::encode::ModelProver;
use super::layout::ModelLayout;
use super::reserve::Reservation;
use crate::columns::{self, Source};
use crate::error::CommitmentError;
use crate::inner::basis;
use crate::opening::{Opening, Place, Relations, TensorClaim};
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::Cells;
use crate::tree::SALT;
use crate::whir::Root;

const DOMAIN: &str = "veritorch 2026 renewal v1";
const TABLES: [&str; 2] = ["old table", "new table"];
const DIFFERENCE: &str = "renewal difference";
const PROXIMITY: &str = "renewal proximity";
const COMBINATIONS: &str = "renewal combinations";
const COLUMNS: [&str; 2] = ["old columns", "new columns"];

/// Tensors of the stack.
const ROW: usize = 0;
const ROW_MASKS: usize = 1;
const DIFFERENCE_MASKS: usize = 2;

/// The scheme for tables of one layout.
pub struct Renewal<'a, E: Ext> {
    layout: &'a ModelLayout,
    level: SecurityLevel,
    opening: Opening<E>,
}

/// The challenges that put rows together.
struct Weights<E> {
    /// `eq(gamma, row)`.
    difference: Vec<E>,
    /// `eq(gamma', row)` for the rows of each table.
    proximity: [Vec<E>; 2],
}

impl<'a, E: Ext> Renewal<'a, E> {
    /// The scheme for tables of this layout.
    ///
    /// # Errors
    /// If the tables have no masks, or the field is too small for the security level.
    pub fn new(layout: &'a ModelLayout, level: SecurityLevel) -> Result<Self, CommitmentError> {
        if layout.num_masks() == 0 {
            return Err(CommitmentError::NoMasks);
        }
        let lens = [1 << layout.log_columns(), layout.num_masks(), layout.num_masks()];
        let shapes = lens.map(|len| vec![E::DEGREE, len]).to_vec();
        Ok(Self { layout, level, opening: Opening::new(&[shapes], true, level)? })
    }

    /// Proves that both tables hold the same weights; uses up one opening of each.
    ///
    /// # Errors
    /// If a table has another layout. Other weights are not an error here: the proof is refused.
    pub fn prove(
        &self,
        tables: [&ModelProver; 2],
        _reservations: [Reservation; 2],
        rng: &mut SecretRng,
    ) -> Result<Vec<u8>, CommitmentError> {
        if tables.iter().any(|table| table.layout() != self.layout) {
            return Err(CommitmentError::OtherLayout);
        }
        let [old, new] = tables;
        let mut transcript = ProverTranscript::new(DOMAIN);
        let weights = self.draw(&mut transcript, &[old.root(), new.root()]);
        let zipped = |a: Vec<E>, b: Vec<E>, sign: E| a.into_iter().zip(b).map(|(a, b)| a + sign * b).collect::<Vec<E>>();
        let rows = |which: usize| unpack::<E>(&tables[which].combine_rows(weights.proximity[which].iter().copied().enumerate()));
        let masks = |which: usize, weights: &[E]| tables[which].masks().combine(weights);
        let stack = [
            limbs(&zipped(rows(0), rows(1), E::ONE)),
            limbs(&zipped(masks(0, &weights.proximity[0]), masks(1, &weights.proximity[1]), E::ONE)),
            limbs(&zipped(masks(0, &weights.difference), masks(1, &weights.difference), -E::ONE)),
        ];
        let cells: Vec<&dyn Cells> = stack.iter().map(|tensor| tensor as &dyn Cells).collect();
        let (root, data) = self.opening.commit(0, &cells, Some(rng))?;
        transcript.send_bytes(COMBINATIONS, &root);

        transcript.grind(COMBINATIONS, self.level.grinding);
        let indices = columns::draw(&mut transcript, COMBINATIONS, self.layout.num_queries(), self.layout.log_domain());
        let points = columns::points(self.layout.log_domain(), &indices);
        let mut shown = Vec::with_capacity(2);
        for (table, label) in tables.into_iter().zip(COLUMNS) {
            let columns = table.columns(&points, &indices);
            columns::send(&mut transcript, label, &columns, table.tree(), &indices);
            shown.push(columns.into_iter().map(|(column, _)| column).collect::<Vec<_>>());
        }
        let relations = self.relations(&weights, &points, &shown);
        self.opening.open(&mut transcript, vec![data], &relations)?;
        Ok(transcript.into_proof())
    }

    /// Checks that the tables under these roots hold the same weights. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// The check that failed.
    pub fn verify(&self, roots: &[Root; 2], proof: &[u8]) -> Result<(), CommitmentError> {
        let mut transcript = VerifierTranscript::new(DOMAIN, proof);
        let weights = self.draw(&mut transcript, roots);
        let root: Root = transcript.receive_bytes(COMBINATIONS)?;

        transcript.check_grinding(COMBINATIONS, self.level.grinding)?;
        let indices = columns::draw(&mut transcript, COMBINATIONS, self.layout.num_queries(), self.layout.log_domain());
        let points = columns::points(self.layout.log_domain(), &indices);
        let mut shown = Vec::with_capacity(2);
        for (root, label) in roots.iter().zip(COLUMNS) {
            let source = Source { root, width: self.layout.num_rows(), salt: SALT, log_domain: self.layout.log_domain() };
            shown.push(columns::receive(&mut transcript, label, &source, &indices)?);
        }
        let relations = self.relations(&weights, &points, &shown);
        self.opening.verify(&mut transcript, &[root], &relations)?;
        Ok(transcript.finish()?)
    }

    /// Absorbs the statement and draws the challenges of steps 1 and 2.
    fn draw(&self, transcript: &mut impl Transcript, roots: &[Root; 2]) -> Weights<E> {
        for (label, root) in TABLES.into_iter().zip(roots) {
            transcript.absorb(label, &self.layout.identity(root));
        }
        let num_rows = self.layout.num_rows();
        let gamma: Vec<E> = transcript.challenges(DIFFERENCE, log_padded(num_rows));
        let mut difference = eq_table(&gamma);
        difference.truncate(num_rows);
        let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(2 * num_rows));
        let mut old = eq_table(&gamma);
        old.truncate(2 * num_rows);
        let new = old.split_off(num_rows.min(old.len()));
        Weights { difference, proximity: [old, new] }
    }

    /// What the stack has to be opened to, from the columns of both tables.
    fn relations(&self, weights: &Weights<E>, points: &[F], shown: &[Vec<Vec<F>>]) -> Relations<E> {
        let term = |tensor: usize, scale: F, point: F| {
            let limbs = basis::<E>().into_iter().map(|limb| limb * scale).collect();
            (Place { stack: 0, tensor }, Form::separable(vec![Factor::Explicit(limbs), Factor::Powers(point)]))
        };
        let sum = |weights: &[E], column: &[F]| weights.iter().zip(column).map(|(&weight, &cell)| weight * cell).sum::<E>();
        let mut claims = Vec::with_capacity(2 * points.len());
        if let [old, new] = shown {
            for ((&point, old), new) in points.iter().zip(old).zip(new) {
                let shift = point.exp_power_of_2(self.layout.log_columns());
                let [first, second] = &weights.proximity;
                let combined = sum(first, old) + sum(second, new);
                let difference = sum(&weights.difference, old) - sum(&weights.difference, new);
                claims.push(TensorClaim {
                    terms: vec![term(ROW, F::ONE, point), term(ROW_MASKS, shift, point)],
                    value: Value::public(combined),
                });
                claims.push(TensorClaim { terms: vec![term(DIFFERENCE_MASKS, shift, point)], value: Value::public(difference) });
            }
        }
        Relations { claims, checks: Vec::new(), pads: None }
    }

    /// The terms of the soundness error of one renewal.
    #[must_use]
    pub fn security_terms(&self) -> Vec<SecurityTerm> {
        let field = |ways: usize| E::BITS - (ways.max(1) as f64).log2();
        let (rows, queries) = (self.layout.num_rows(), self.layout.num_queries());
        let steps = log_padded(2 * rows) + 1;
        let mut terms = vec![
            SecurityTerm::new(format!("proximity of {} rows", 2 * rows), field(steps) - self.layout.log_domain() as f64),
            SecurityTerm::new("difference of the tables", field(log_padded(rows))),
            SecurityTerm::new(
                format!("{queries} columns and {} bits of work", self.level.grinding),
                self.layout.code().query_bits() + self.level.grinding as f64,
            ),
        ];
        terms.extend(self.opening.security_terms(2 * queries));
        terms
    }
}

/// The limbs of a row, `[limb, coefficient]`.
fn limbs<E: Ext>(row: &[E]) -> Vec<F> {
    (0..E::DEGREE).flat_map(|limb| row.iter().map(move |value| value.as_basis_coefficients_slice()[limb])).collect()
}

#[cfg(test)]
mod tests;
