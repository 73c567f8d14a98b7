//! The commitment to a stack of tensors, opened once.
//!
//! Claims `<form_j, T_j> = v_j` on its tensors are merged by `lambda` into `sum_x C(x) K(x) = sum_j lambda^j v_j` with
//! `K = sum_j lambda^j form_j` on the blocks; a sumcheck ends at `x*`, where `C(x*)` is sent in clear and opened by WHIR
//! and `K(x*)` is evaluated by the verifier. Soundness error beyond WHIR's: `(J - 1) / |E|` for the merging and
//! `2 n / |E|` for the sumcheck.
//!
//! The caller has put the root, the forms (by the challenges that they come from) and the values into the transcript
//! before it opens.

use veritorch_sumcheck::mle::{Mle, log_padded};
use veritorch_sumcheck::sumcheck::{self, Products, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Factor, Form, ProverTranscript, Value, VerifierTranscript};

use crate::error::CommitmentError;
use crate::merge;
use crate::security::{SecurityLevel, SecurityTerm};
use crate::stack::{Cells, StackLayout};
use crate::whir::{Root, Whir, WhirData};

const MERGE: &str = "witness merge";
const SUMCHECK: &str = "witness sumcheck";
const VALUE: &str = "witness value";
const OPENING: &str = "witness opening";

/// `<form, tensor> = value`: on the prover's side with `V = E`, on the verifier's with `V = Value<E>`.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorClaim<E, V = E> {
    /// Index of the tensor in the stack.
    pub tensor: usize,
    /// A form on its real entries.
    pub form: Form<E>,
    /// The value.
    pub value: V,
}

/// The scheme for a stack of given shapes.
pub struct WitnessScheme<E: Ext> {
    layout: StackLayout,
    whir: Whir<E>,
}

/// What the prover keeps of a committed stack. It is opened once.
pub struct WitnessData<E: Ext> {
    data: WhirData<E>,
}

impl<E: Ext> WitnessScheme<E> {
    /// The scheme for stacks of this layout.
    ///
    /// # Errors
    /// If the field is too small for the security level at this size.
    pub fn new(layout: StackLayout, level: SecurityLevel) -> Result<Self, CommitmentError> {
        let whir = Whir::new(layout.num_vars(), level)?;
        Ok(Self { layout, whir })
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &StackLayout {
        &self.layout
    }

    /// The terms of the soundness error of an opening of this many claims.
    #[must_use]
    pub fn security_terms(&self, num_claims: usize) -> Vec<SecurityTerm> {
        let mut terms = vec![SecurityTerm::new(
            format!("witness: sumcheck over {} variables", self.layout.num_vars()),
            E::BITS - (2.0 * self.layout.num_vars() as f64).log2(),
        )];
        if num_claims > 1 {
            let bits = E::BITS - ((num_claims - 1) as f64).log2();
            terms.push(SecurityTerm::new(format!("witness: merging of {num_claims} claims"), bits));
        }
        terms.extend(self.whir.security_terms());
        terms
    }

    /// Commits to tensors. The caller sends the root.
    ///
    /// # Errors
    /// If their number or a number of entries is not that of the layout.
    pub fn commit(&self, tensors: &[&dyn Cells]) -> Result<(Root, WitnessData<E>), CommitmentError> {
        let expected = self.layout.num_tensors();
        if tensors.len() != expected {
            return Err(CommitmentError::Count { what: "tensors of a stack", expected, actual: tensors.len() });
        }
        for (tensor, cells) in tensors.iter().enumerate() {
            let expected = self.layout.shape(tensor).iter().product();
            let actual = cells.num_entries();
            if actual != expected {
                return Err(CommitmentError::Entries { tensor, expected, actual });
            }
        }
        let (root, data) = self.whir.commit(self.layout.fill(tensors))?;
        Ok((root, WitnessData { data }))
    }

    /// Proves the claims.
    ///
    /// # Errors
    /// If a claim does not fit its tensor. A false claim is not an error here: its proof is refused.
    pub fn open(
        &self,
        transcript: &mut ProverTranscript,
        data: WitnessData<E>,
        claims: &[TensorClaim<E>],
    ) -> Result<(), CommitmentError> {
        let forms = self.check_claims(claims)?;
        let lambda: E = transcript.challenge(MERGE);
        let sum = lambda.powers().zip(claims).map(|(power, claim)| power * claim.value).sum();
        let cells = Mle::from_base(data.data.cells());
        let mut products = Products { terms: vec![vec![cells, merge::weights(&self.layout, &forms, lambda)]] };
        let reduced = sumcheck::prove(transcript, SUMCHECK, &mut [&mut products], &[sum]);
        transcript.send(VALUE, &[products.terms[0][0].value()]);
        self.whir.open(transcript, OPENING, data.data, &reduced.point)
    }

    /// Checks the claims.
    ///
    /// # Errors
    /// If the proof does not show all of them.
    pub fn verify(
        &self,
        transcript: &mut VerifierTranscript<'_>,
        root: &Root,
        claims: &[TensorClaim<E, Value<E>>],
    ) -> Result<(), CommitmentError> {
        let forms = self.check_claims(claims)?;
        let lambda: E = transcript.challenge(MERGE);
        let sum = lambda.powers().zip(claims).map(|(power, claim)| &claim.value * power).sum();
        let shape = Shape { num_vars: self.layout.num_vars(), degree: 2 };
        let (reduced, left) = sumcheck::verify(transcript, SUMCHECK, &[shape], &[sum])?;
        let value = match transcript.receive_clear::<E>(VALUE, 1)?.as_slice() {
            &[value] => value,
            other => return Err(CommitmentError::Count { what: VALUE, expected: 1, actual: other.len() }),
        };
        let weight = merge::evaluate(&self.layout, &forms, lambda, &reduced.point);
        transcript.check_zero(SUMCHECK, left - Value::public(weight * value))?;
        self.whir.verify(transcript, OPENING, root, &reduced.point, value)
    }

    /// The forms, if each fits its tensor.
    fn check_claims<'a, V>(
        &self,
        claims: &'a [TensorClaim<E, V>],
    ) -> Result<Vec<(usize, &'a Form<E>)>, CommitmentError> {
        claims
            .iter()
            .enumerate()
            .map(|(index, claim)| {
                let tensor = claim.tensor;
                let misfit = |reason| CommitmentError::Claim { claim: index, tensor, reason };
                if tensor >= self.layout.num_tensors() {
                    return Err(misfit("there is no such tensor"));
                }
                form_fits(&claim.form, self.layout.shape(tensor)).map_err(misfit)?;
                Ok((tensor, &claim.form))
            })
            .collect()
    }
}

/// Whether a form can be applied to a tensor of this shape.
pub(crate) fn form_fits<E: Ext>(form: &Form<E>, shape: &[usize]) -> Result<(), &'static str> {
    if form.factors.iter().map(|(axes, _)| axes).sum::<usize>() != shape.len() {
        return Err("its factors do not span the axes");
    }
    for (span, factor) in form.spans(shape) {
        let len: usize = span.iter().product();
        match factor {
            Factor::Eq(point) if point.len() != log_padded(len) => return Err("a point has another number of variables"),
            Factor::Explicit(values) if values.len() != len => return Err("a vector has another length"),
            Factor::Powers(_) if span.len() != 1 || !len.is_power_of_two() => {
                return Err("powers run over one axis whose extent is a power of two");
            }
            _ => {}
        }
    }
    Ok(())
}
