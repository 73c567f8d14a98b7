//! The combined row `p` of an opening, `2^c` elements of the extension field, under a WHIR commitment of its limbs.
//!
//! Claims `sum_i v_j(i) p_i = value_j` with public values are merged by `lambda` into `sum_x P(x) K(x) = sum_j lambda^j value_j`; a sumcheck
//! ends at `x*`, where `P(x*)` is sent and opened by WHIR and `K(x*)` is evaluated by the verifier. Nothing here is hidden: the opening
//! takes care that `p` is uniformly random or public. Soundness error beyond WHIR's: `(J - 1) / |E|` for the merging and
//! `2 n / |E|` for the sumcheck.
//!
//! # Transcript
//! The caller sends the root before it draws what the claims depend on, and absorbs or derives the claims. Challenge
//! `lambda`, the sumcheck, `P(x*)`, WHIR.

use p3_field::PrimeCharacteristicRing;
use veritorch_sumcheck::mle::Mle;
use veritorch_sumcheck::sumcheck::{self, Products, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use crate::error::CommitmentError;
use crate::merge;
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::StackLayout;
use crate::whir::{Root, Whir, WhirData};

const MERGE: &str = "combination merge";
const SUMCHECK: &str = "combination sumcheck";
const VALUE: &str = "combination value";
const OPENING: &str = "combination opening";

/// `sum_i vector(i) p_i = value`.
pub(crate) struct RowClaim<E> {
    /// The vector, `2^c` long.
    pub(crate) vector: Factor<E>,
    /// The value.
    pub(crate) value: E,
}

/// The scheme for combined rows of one length.
pub(crate) struct Inner<E: Ext> {
    /// One tensor, `[limb, coefficient]`.
    layout: StackLayout,
    whir: Whir<E>,
}

/// What the prover keeps of a committed row. It is opened once.
pub(crate) struct InnerData<E: Ext> {
    data: WhirData<E>,
}

impl<E: Ext> Inner<E> {
    /// The scheme for rows of `2^log_cells` elements.
    pub(crate) fn new(log_cells: usize, level: SecurityLevel) -> Result<Self, CommitmentError> {
        let layout = StackLayout::new(&[vec![E::DEGREE, 1 << log_cells]]);
        let whir = Whir::new(layout.num_vars(), level)?;
        Ok(Self { layout, whir })
    }

    /// Commits to a row.
    pub(crate) fn commit(&self, row: &[E]) -> Result<(Root, InnerData<E>), CommitmentError> {
        let mut cells = F::zero_vec(1 << self.layout.num_vars());
        for (limb, cells) in cells.chunks_mut(row.len()).take(E::DEGREE).enumerate() {
            cells.iter_mut().zip(row).for_each(|(cell, value)| *cell = value.as_basis_coefficients_slice()[limb]);
        }
        let (root, data) = self.whir.commit(cells)?;
        Ok((root, InnerData { data }))
    }

    fn forms(claims: &[RowClaim<E>]) -> Vec<Form<E>> {
        let basis = Factor::Explicit(basis());
        claims.iter().map(|claim| Form::separable(vec![basis.clone(), claim.vector.clone()])).collect()
    }

    /// Proves the claims. A false claim is not an error here: its proof is refused.
    pub(crate) fn open(&self, transcript: &mut ProverTranscript, data: InnerData<E>, claims: &[RowClaim<E>]) -> Result<(), CommitmentError> {
        let lambda: E = transcript.challenge(MERGE);
        let forms = Self::forms(claims);
        let weighted: Vec<(usize, E, &Form<E>)> = lambda.powers().zip(&forms).map(|(power, form)| (0, power, form)).collect();
        let sum = lambda.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();
        let cells = Mle::from_base(data.data.cells());
        let weights = Mle::Packed(merge::weights(&self.layout, &weighted, 1 << self.layout.num_vars()));
        let mut products = Products { terms: vec![vec![cells, weights]] };
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut products], &[sum]);
        transcript.send_clear(VALUE, &[products.terms[0][0].value()]);
        self.whir.open(transcript, OPENING, data.data, &reduced.point)
    }

    /// Checks the claims.
    pub(crate) fn verify(&self, transcript: &mut VerifierTranscript<'_>, root: &Root, claims: &[RowClaim<E>]) -> Result<(), CommitmentError> {
        let lambda: E = transcript.challenge(MERGE);
        let forms = Self::forms(claims);
        let weighted: Vec<(usize, E, &Form<E>)> = lambda.powers().zip(&forms).map(|(power, form)| (0, power, form)).collect();
        let sum = lambda.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();
        let shape = Shape { num_vars: self.layout.num_vars(), degree: 2 };
        let (reduced, left) = sumcheck::verify(transcript, SUMCHECK, &[shape], &[Value::public(sum)])?;
        let value = match transcript.receive_clear::<E>(VALUE, 1)?.as_slice() {
            &[value] => value,
            other => return Err(CommitmentError::Count { what: VALUE, expected: 1, actual: other.len() }),
        };
        let weight: E = merge::evaluate(&self.layout, &weighted, &reduced.point);
        transcript.check_zero(SUMCHECK, left - Value::public(weight * value))?;
        self.whir.verify(transcript, OPENING, root, &reduced.point, value)
    }

    /// The terms of the soundness error of an opening of this many claims.
    pub(crate) fn security_terms(&self, num_claims: usize) -> Vec<SecurityTerm> {
        let num_vars = self.layout.num_vars();
        let mut terms = vec![
            SecurityTerm::new(format!("combined row: sumcheck over {num_vars} variables"), E::BITS - (2.0 * num_vars as f64).log2()),
            SecurityTerm::new(format!("combined row: merging of {num_claims} claims"), E::BITS - (num_claims.max(1) as f64).log2()),
        ];
        terms.extend(self.whir.security_terms());
        terms
    }
}

/// The basis of the extension over the base field: the vector that puts limbs together.
pub(crate) fn basis<E: Ext>() -> Vec<E> {
    (0..E::DEGREE).map(|limb| E::from_basis_coefficients_fn(|d| if d == limb { F::ONE } else { F::ZERO })).collect()
}
