//! Pads, and what a protocol asks of them.

use std::fmt;

use p3_field::PrimeCharacteristicRing;
use zeroize::Zeroizing;

use super::{Hidden, Value};
use crate::field::{Ext, F};

/// What masking a protocol takes: public, and known before it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masking {
    /// Elements that are sent under a pad.
    pub num_pads: usize,
    /// For each product of two pads that the checks need, the pads' numbers.
    pub products: Vec<(u32, u32)>,
}

impl Masking {
    /// Counts one more pad; its number.
    pub(super) fn next_pad(&mut self) -> Option<u32> {
        let pad = u32::try_from(self.num_pads).ok()?;
        self.num_pads += 1;
        Some(pad)
    }

    /// Records one more product; its number.
    pub(super) fn next_product(&mut self, p: u32, q: u32) -> Option<u32> {
        let product = u32::try_from(self.products.len()).ok()?;
        self.products.push((p, q));
        Some(product)
    }
}

/// Uniform elements that are added to messages, each to one; wiped when dropped.
#[derive(Clone)]
pub struct Pads {
    limbs: Zeroizing<Vec<u64>>,
    used: usize,
    degree: usize,
}

impl fmt::Debug for Pads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pads").field("num_left", &self.num_left()).finish_non_exhaustive()
    }
}

impl Pads {
    /// Pads from the coefficients of elements of an extension field of this degree, element by element.
    pub(crate) fn from_limbs(limbs: Zeroizing<Vec<u64>>, degree: usize) -> Self {
        Self { limbs, used: 0, degree }
    }

    /// How many are left.
    #[must_use]
    pub fn num_left(&self) -> usize {
        self.limbs.len() / self.degree - self.used
    }

    /// The next one.
    ///
    /// # Panics
    /// If none is left, or they are of another field.
    pub(super) fn take<E: Ext>(&mut self) -> E {
        assert_eq!(self.degree, E::DEGREE, "the pads are of another field");
        assert!(self.num_left() > 0, "no pad is left");
        let start = self.used * E::DEGREE;
        self.used += 1;
        E::from_limbs(&self.limbs[start..start + E::DEGREE])
    }
}

/// A recorded check. Its field is not part of the transcript's type, so that coefficients are kept in the base field.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    check: &'static str,
    constant: Vec<F>,
    hidden: Vec<(Hidden, Vec<F>)>,
}

impl Recorded {
    pub(super) fn new<E: Ext>(check: &'static str, value: &Value<E>) -> Self {
        let limbs = |element: &E| element.as_basis_coefficients_slice().to_vec();
        let hidden = value.hidden().iter().map(|(key, coefficient)| (*key, limbs(coefficient))).collect();
        Self { check, constant: limbs(&value.constant()), hidden }
    }

    pub(super) fn name(&self) -> &'static str {
        self.check
    }

    pub(super) fn check<E: Ext>(self) -> (&'static str, Value<E>) {
        let element = |limbs: &[F]| E::from_basis_coefficients_fn(|d| limbs.get(d).copied().unwrap_or(F::ZERO));
        let hidden = self.hidden.iter().map(|(key, limbs)| (*key, element(limbs)));
        (self.check, Value::linear(element(&self.constant), hidden))
    }
}
