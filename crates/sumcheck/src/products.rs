//! Committed elements that are products of committed elements.
//!
//! Statement. The checks of a masked protocol are linear in its pads `p_i` and in some products of two pads. Pads and products are committed
//! to before the protocol runs. Product `k` is claimed to be `C(k) = A(k) B(k)` with `A(k) = p_i` and `B(k) = p_j`, for `k` in `2^kappa` slots;
//! unused slots are zero. With a random `tau`,
//!
//! `sum_k eq(tau, k) (A(k) B(k) - C(k)) = 0`
//!
//! is a sumcheck, whose messages are sent under pads of their own and which ends in `a = A(r)`, `b = B(r)`, `c = C(r)`. They are sent in clear.
//! What is left are linear equations of committed elements, recorded as the others are: that the last claim is
//! `eq(tau, r) (a b - c)`, and `a = sum_k eq(r, k) A(k)`, and so on for `b` and `c`. [Frigo and shelat 2024, sec. 4, where a quadratic
//! test of the commitment does this; Thaler 2022, sec. 13]
//!
//! Soundness. The commitment fixes `A, B, C`, and with what is sent all messages. If some `A(k) B(k) != C(k)`, the sum is a non-zero multilinear
//! polynomial in `tau`: it is zero with probability at most `kappa / |E|`. If it is not zero, all recorded checks hold with
//! probability at most `3 kappa / |E|`.
//!
//! Zero knowledge. Rounds are sent under uniform pads of their own. For `a, b, c`, four slots hold dummies: uniform `x_d, y_d` and their product, which
//! nothing else uses. With `e_d = eq(r, slot of d)`, they add `(sum e_d x_d, sum e_d y_d, sum e_d x_d y_d)` to `(a, b, c)`, and
//!
//! **if `m >= 2` of the `e_d` are not zero, these three sums are within `|E|^(1 - m)` of uniform in statistical distance.**
//!
//! Proof. Take only those `d`, write `X_d = e_d x_d`, and fix `X`. The last two sums, `sum e_d y_d` and `sum X_d y_d`, are a linear map of the uniform `y`. If
//! the vectors `e` and `X` are linearly independent, it is onto and the two sums are uniform on `E^2`, whatever `sum X_d` is. So the three sums, with `X` uniform
//! among all vectors, differ from uniform only where `X` is a multiple of `e`: `|E|` vectors of `|E|^m`. ∎
//!
//! No `e_d` is zero unless a coordinate of `r` is 0 or 1. Dummies lie in the first two and the last two slots, two pairs with complementary numbers, so that
//! one such coordinate leaves two of them. In all, `(a, b, c)` is within `2 kappa^2 / |E|^2 + |E|^-3` of uniform, given everything
//! else that the verifier sees: `r` follows from what was sent, which is independent of the dummies because of its pads, and the values of
//! the recorded equations follow from what was sent and from `a, b, c`.
//!
//! # Transcript
//! Challenges `tau`; the rounds of the sumcheck, masked, each followed by a challenge; `a, b, c` in clear.

use std::fmt;
use std::marker::PhantomData;

use p3_field::PrimeCharacteristicRing;
use zeroize::Zeroizing;

use crate::field::{Ext, F};
use crate::mle::{Mle, eq, eq_table, log_padded};
use crate::random::SecretRng;
use crate::sumcheck::{self, Products, Shape};
use crate::transcript::{Hidden, Masking, Pads, ProverTranscript, Transcript, TranscriptError, Value, VerifierTranscript};

/// Slots with dummies.
pub const NUM_DUMMIES: usize = 4;
/// Checks that the argument records.
pub const NUM_CHECKS: usize = 4;
/// Elements of one round's message.
const DEGREE: usize = 3;

const POINT: &str = "products: point";
const ROUNDS: &str = "products: rounds";
const ENDS: &str = "products: ends";
/// One relation for each end.
const RELATIONS: [&str; 3] = ["products: left factors", "products: right factors", "products: products"];

/// Which hidden elements there are, and where they lie in the committed tensor: the pads of the protocol's messages, then those of this argument;
/// the dummies' left factors, their right factors; the products, then those of dummies. Public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PadLayout {
    messages: Masking,
}

impl PadLayout {
    /// For a protocol that asks for these pads and products. It runs before this argument, and nothing is masked after.
    #[must_use]
    pub fn new(messages: Masking) -> Self {
        Self { messages }
    }

    /// What the protocol asks for, without this argument.
    #[must_use]
    pub fn messages(&self) -> &Masking {
        &self.messages
    }

    /// `kappa`: the logarithm of the number of slots; zero without products.
    #[must_use]
    pub fn log_slots(&self) -> usize {
        if self.is_plain() { 0 } else { log_padded(self.messages.products.len().saturating_add(NUM_DUMMIES)) }
    }

    /// Elements that are sent under pads, those of this argument included.
    #[must_use]
    pub fn num_pads(&self) -> usize {
        self.messages.num_pads + DEGREE * self.log_slots()
    }

    /// Committed elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.num_pads() + 2 * self.num_dummies() + self.num_products()
    }

    /// Whether there is nothing to commit to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where an element lies; `None` if there is no such element.
    #[must_use]
    pub fn position(&self, key: Hidden) -> Option<usize> {
        let (index, start, len) = match key {
            Hidden::Pad(index) => (index, 0, self.num_pads()),
            Hidden::Dummy(index) => (index, self.num_pads(), 2 * self.num_dummies()),
            Hidden::Product(index) => (index, self.num_pads() + 2 * self.num_dummies(), self.num_products()),
        };
        let index = usize::try_from(index).ok()?;
        (index < len).then_some(start + index)
    }

    /// The terms of the soundness error, as `-log2` of probabilities.
    #[must_use]
    pub fn security_terms<E: Ext>(&self) -> Vec<(&'static str, f64)> {
        if self.is_plain() {
            return Vec::new();
        }
        let ways = |count: usize| E::BITS - (count as f64).log2();
        vec![("products of pads: point", ways(self.log_slots())), ("products of pads: sumcheck", ways(DEGREE * self.log_slots()))]
    }

    /// Without products there is no argument, and there are no dummies.
    fn is_plain(&self) -> bool {
        self.messages.products.is_empty()
    }

    fn num_dummies(&self) -> usize {
        if self.is_plain() { 0 } else { NUM_DUMMIES }
    }

    fn num_products(&self) -> usize {
        self.messages.products.len() + self.num_dummies()
    }

    /// Slots in use, each with its two factors and their product.
    fn slots(&self) -> impl Iterator<Item = (usize, [Hidden; 3])> {
        let num_slots = 1usize << self.log_slots();
        let real = (2..).zip(&self.messages.products).map(|(slot, &(p, q))| (slot, [Hidden::Pad(p), Hidden::Pad(q)]));
        let dummy_slots = [0, 1, num_slots.saturating_sub(2), num_slots.saturating_sub(1)];
        let dummies = dummy_slots.into_iter().take(self.num_dummies()).zip((0u32..).zip(4u32..));
        let dummies = dummies.map(|(slot, (left, right))| (slot, [Hidden::Dummy(left), Hidden::Dummy(right)]));
        real.chain(dummies).zip(0u32..).map(|((slot, [left, right]), product)| (slot, [left, right, Hidden::Product(product)]))
    }
}

/// The hidden elements: pads and dummies, uniform, and their products. For one proof; wiped when dropped.
pub struct PadSecrets<E> {
    layout: PadLayout,
    /// Coefficients, element by element.
    limbs: Zeroizing<Vec<u64>>,
    field: PhantomData<E>,
}

impl<E> fmt::Debug for PadSecrets<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PadSecrets").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl<E: Ext> PadSecrets<E> {
    /// Draws pads and dummies.
    #[must_use]
    pub fn random(layout: &PadLayout, rng: &mut SecretRng) -> Self {
        let limbs = Zeroizing::new(vec![0; layout.len() * E::DEGREE]);
        let mut secrets = Self { layout: layout.clone(), limbs, field: PhantomData };
        for position in 0..layout.num_pads() + 2 * layout.num_dummies() {
            secrets.set(position, rng.extension());
        }
        for (_, [left, right, product]) in layout.slots() {
            secrets.set(secrets.position(product), secrets.element(left) * secrets.element(right));
        }
        secrets
    }

    /// What is committed: shape `[E::DEGREE, layout.len()]`, the first coefficients of all elements, then the second ones, and so on.
    #[must_use]
    pub fn cells(&self) -> Vec<F> {
        (0..E::DEGREE).flat_map(|d| self.limbs.iter().skip(d).step_by(E::DEGREE).map(|&limb| F::from_u64(limb))).collect()
    }

    /// The pads for [`ProverTranscript::mask`].
    #[must_use]
    pub fn pads(&self) -> Pads {
        Pads::from_limbs(Zeroizing::new(self.limbs[..self.layout.num_pads() * E::DEGREE].to_vec()), E::DEGREE)
    }

    /// What a value of the verifier comes to: zero for every check of an honest proof.
    ///
    /// # Panics
    /// If it has an element that is not there.
    #[must_use]
    pub fn reveal(&self, value: &Value<E>) -> E {
        value.constant() + value.hidden().iter().map(|&(key, coefficient)| coefficient * self.element(key)).sum::<E>()
    }

    fn position(&self, key: Hidden) -> usize {
        self.layout.position(key).expect("the layout has the elements that the protocol asks for")
    }

    fn element(&self, key: Hidden) -> E {
        let start = self.position(key) * E::DEGREE;
        E::from_limbs(&self.limbs[start..start + E::DEGREE])
    }

    fn set(&mut self, position: usize, element: E) {
        let start = position * E::DEGREE;
        self.limbs[start..start + E::DEGREE].copy_from_slice(&element.limbs());
    }
}

/// Proves that the products are products. The transcript is masked with the pads of these secrets, and this is the last that is masked.
///
/// # Panics
/// If the pads are not those that are left of the secrets'.
pub fn prove<E: Ext>(transcript: &mut ProverTranscript, layout: &PadLayout, secrets: &PadSecrets<E>) {
    if layout.is_plain() {
        return;
    }
    let tau: Vec<E> = transcript.challenges(POINT, layout.log_slots());
    let weights = eq_table(&tau);
    let minus = weights.iter().map(|&weight| -weight).collect();
    let [left, right, product] = [0, 1, 2].map(|column: usize| {
        let mut table = vec![E::ZERO; weights.len()];
        for (slot, keys) in layout.slots() {
            table[slot] = secrets.element(keys[column]);
        }
        Mle::new(table)
    });
    let ones = Mle::new(vec![E::ONE; weights.len()]);
    let mut products = Products { terms: vec![vec![Mle::new(weights), left, right], vec![Mle::new(minus), product, ones]] };
    sumcheck::prove(transcript, ROUNDS, &mut [&mut products], &[E::ZERO]);
    let [own, others] = [0, 1].map(|term: usize| &products.terms[term]);
    transcript.send_clear(ENDS, &[own[1].value(), own[2].value(), others[1].value()]);
}

/// Records the checks that show that the products are products.
///
/// # Errors
/// If the proof is too short, or the protocol before did not ask for what the layout is made for.
pub fn verify<E: Ext>(transcript: &mut VerifierTranscript<'_>, layout: &PadLayout) -> Result<(), TranscriptError> {
    check_rehearsed(&transcript.masking(), &layout.messages)?;
    if layout.is_plain() {
        return Ok(());
    }
    let tau: Vec<E> = transcript.challenges(POINT, layout.log_slots());
    let shape = Shape { num_vars: layout.log_slots(), degree: DEGREE };
    let (reduced, left) = sumcheck::verify(transcript, ROUNDS, &[shape], &[Value::zero()])?;
    let all = Masking { num_pads: layout.num_pads(), products: layout.messages.products.clone() };
    check_rehearsed(&transcript.masking(), &all)?;
    let ends = transcript.receive_clear::<E>(ENDS, 3)?;
    let &[a, b, c] = ends.as_slice() else { return Err(TranscriptError::Truncated { label: ENDS, needed: 3, left: ends.len() }) };
    transcript.check_zero(ROUNDS, left - Value::public(eq(&tau, &reduced.point) * (a * b - c)))?;
    let weights = eq_table(&reduced.point);
    let mut relations = [a, b, c].map(|end| (-end, Vec::new()));
    for (slot, keys) in layout.slots() {
        for ((_, coefficients), key) in relations.iter_mut().zip(keys) {
            coefficients.extend(weights.get(slot).map(|&weight| (key, weight)));
        }
    }
    for (relation, (constant, coefficients)) in RELATIONS.into_iter().zip(relations) {
        transcript.check_zero(relation, Value::linear(constant, coefficients))?;
    }
    Ok(())
}

/// Whether a protocol asked for what was rehearsed.
fn check_rehearsed(used: &Masking, expected: &Masking) -> Result<(), TranscriptError> {
    if used == expected {
        return Ok(());
    }
    Err(TranscriptError::Rehearsal {
        pads: used.num_pads,
        products: used.products.len(),
        expected_pads: expected.num_pads,
        expected_products: expected.products.len(),
    })
}

#[cfg(test)]
mod tests;
