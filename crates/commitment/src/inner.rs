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

use p3_dft::TwoAdicSubgroupDft;
use p3_field::{PackedValue, PrimeCharacteristicRing, TwoAdicField};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use veritorch_sumcheck::field::{PackedE, PackedF};
use veritorch_sumcheck::mle::{Mle, pack};
use veritorch_sumcheck::sumcheck::{self, Products, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use crate::error::CommitmentError;
use crate::merge;
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::StackLayout;
use crate::whir::{DFT, Root, Whir, WhirData};

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

/// Where the claims on values at points of a domain lie: the first claim is another one, each of the others is a vector of powers.
pub(crate) struct Positions {
    /// `log2` of the domain's order.
    pub(crate) log_domain: usize,
    /// Exponents of its generator.
    pub(crate) indices: Vec<usize>,
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
    pub(crate) fn open(
        &self,
        transcript: &mut ProverTranscript,
        data: InnerData<E>,
        claims: &[RowClaim<E>],
        positions: &Positions,
    ) -> Result<(), CommitmentError> {
        let lambda: E = transcript.challenge(MERGE);
        let sum = lambda.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();
        let cells = Mle::from_base(data.data.cells());
        let weights = Mle::Packed(self.weights(lambda, claims, positions));
        let mut products = Products { terms: vec![vec![cells, weights]] };
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut products], &[sum]);
        transcript.send_clear(VALUE, &[products.terms[0][0].value()]);
        self.whir.open(transcript, OPENING, data.data, &reduced.point)
    }

    /// `K`. The vectors of powers are added up by transforms: with `g^(k + L j)` the points of a domain of `L` cosets,
    /// `sum_(k, j) w_(k, j) (g^(k + L j))^i = sum_k g^(k i) DFT(w_k)_i`.
    fn weights(&self, lambda: E, claims: &[RowClaim<E>], positions: &Positions) -> Vec<PackedE<E>> {
        const CHUNK: usize = 1 << 10;
        let log_cells = self.layout.shape(0)[1].trailing_zeros() as usize;
        let num_cosets = 1usize << (positions.log_domain - log_cells);
        let width = num_cosets * E::DEGREE;
        let mut spectra = F::zero_vec(width << log_cells);
        for (weight, &index) in lambda.powers().skip(1).zip(&positions.indices) {
            let start = index / num_cosets * width + index % num_cosets * E::DEGREE;
            spectra[start..start + E::DEGREE].iter_mut().zip(weight.as_basis_coefficients_slice()).for_each(|(cell, &limb)| *cell += limb);
        }
        let spectra = DFT.dft_batch(RowMajorMatrix::new(spectra, width)).values;
        let mut vector = claims.first().map_or_else(Vec::new, |claim| claim.vector.vector(1 << log_cells));
        let generator = F::two_adic_generator(positions.log_domain);
        vector.par_chunks_mut(CHUNK).zip(spectra.par_chunks(CHUNK * width)).enumerate().for_each(|(chunk, (cells, rows))| {
            for (coset, shift) in generator.powers().take(num_cosets).enumerate() {
                let powers = shift.shifted_powers(shift.exp_u64((chunk * CHUNK) as u64));
                for ((cell, row), power) in cells.iter_mut().zip(rows.chunks_exact(width)).zip(powers) {
                    *cell += E::from_basis_coefficients_fn(|d| row[coset * E::DEGREE + d]) * power;
                }
            }
        });
        let vector = pack(&vector);
        let mut weights = PackedE::<E>::zero_vec((1 << self.layout.num_vars()) / PackedF::WIDTH);
        for (weights, limb) in weights.chunks_exact_mut(vector.len()).zip(basis::<E>()) {
            let limb = PackedE::<E>::from(limb);
            weights.par_iter_mut().zip(&vector).with_min_len(CHUNK).for_each(|(weight, &value)| *weight = value * limb);
        }
        weights
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
