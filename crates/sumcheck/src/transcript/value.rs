//! A message as the verifier holds it: a linear form in what it does not know.
//!
//! `value = constant + sum_i c_i hidden_i`, where the hidden elements are the pads under which messages were sent, and products of
//! two pads. A message that was sent as `m^ = m + p_i` is `m^ - p_i`. Linear equations of messages are linear equations of
//! hidden elements; a product of two messages is one as well, with the product of their pads as a further hidden element. Without
//! masking nothing is hidden, and a value is its constant. [Frigo and shelat 2024, sec. 4]

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use crate::field::Ext;

/// An element that the prover has committed to and the verifier does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hidden {
    /// The pad of a message, in the order in which messages are sent.
    Pad(u32),
    /// A factor of a dummy product.
    Dummy(u32),
    /// The product of two pads, in the order in which they are asked for; dummy products come last.
    Product(u32),
}

/// A message, or a combination of messages: opaque, but linear. Products are asked from the transcript.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Value<E> {
    constant: E,
    /// Coefficients by ascending key, each key once.
    hidden: Vec<(Hidden, E)>,
}

impl<E: Ext> Value<E> {
    /// A public number.
    pub fn public(value: E) -> Self {
        Self { constant: value, hidden: Vec::new() }
    }

    /// Zero.
    pub fn zero() -> Self {
        Self::public(E::ZERO)
    }

    /// A hidden element.
    pub fn hidden_element(key: Hidden) -> Self {
        Self { constant: E::ZERO, hidden: vec![(key, E::ONE)] }
    }

    /// `constant + sum coefficient * hidden`, from coefficients in any order.
    pub fn linear(constant: E, coefficients: impl IntoIterator<Item = (Hidden, E)>) -> Self {
        let mut hidden: Vec<(Hidden, E)> = coefficients.into_iter().collect();
        hidden.sort_by_key(|&(key, _)| key);
        hidden.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Self { constant, hidden }
    }

    /// The part that is known.
    #[must_use]
    pub fn constant(&self) -> E {
        self.constant
    }

    /// Coefficients of the hidden elements, by ascending key. None is left out for being zero: which keys there are
    /// depends on the protocol alone.
    #[must_use]
    pub fn hidden(&self) -> &[(Hidden, E)] {
        &self.hidden
    }

    /// The pad of a single message, as it was received.
    pub(crate) fn single_pad(&self) -> Option<u32> {
        match self.hidden.as_slice() {
            &[(Hidden::Pad(pad), coefficient)] if coefficient == E::NEG_ONE => Some(pad),
            _ => None,
        }
    }
}

/// `left + right`, both by ascending key.
fn merge<E: Ext>(left: Vec<(Hidden, E)>, right: Vec<(Hidden, E)>) -> Vec<(Hidden, E)> {
    if left.is_empty() {
        return right;
    }
    if right.is_empty() {
        return left;
    }
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(&(a, x)), Some(&(b, y))) = (left.peek(), right.peek()) {
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
        merged.push(match a.cmp(&b) {
            std::cmp::Ordering::Less => (a, x),
            std::cmp::Ordering::Equal => (a, x + y),
            std::cmp::Ordering::Greater => (b, y),
        });
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

impl<E: Ext> Add for Value<E> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { constant: self.constant + other.constant, hidden: merge(self.hidden, other.hidden) }
    }
}

impl<E: Ext> AddAssign for Value<E> {
    fn add_assign(&mut self, other: Self) {
        self.constant += other.constant;
        self.hidden = merge(std::mem::take(&mut self.hidden), other.hidden);
    }
}

impl<E: Ext> Sub for Value<E> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<E: Ext> Neg for Value<E> {
    type Output = Self;
    fn neg(self) -> Self {
        self * E::NEG_ONE
    }
}

impl<E: Ext> Mul<E> for Value<E> {
    type Output = Self;
    fn mul(mut self, factor: E) -> Self {
        self.constant *= factor;
        self.hidden.iter_mut().for_each(|(_, coefficient)| *coefficient *= factor);
        self
    }
}

impl<E: Ext> Mul<E> for &Value<E> {
    type Output = Value<E>;
    fn mul(self, factor: E) -> Value<E> {
        self.clone() * factor
    }
}

impl<E: Ext> Sum for Value<E> {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        let (mut constant, mut hidden) = (E::ZERO, Vec::new());
        for value in values {
            constant += value.constant;
            hidden.extend(value.hidden);
        }
        Self::linear(constant, hidden)
    }
}

impl<'a, E: Ext> Sum<&'a Self> for Value<E> {
    fn sum<I: Iterator<Item = &'a Self>>(values: I) -> Self {
        values.cloned().sum()
    }
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;

    use super::*;
    use crate::field::E2;
    use crate::random::SecretRng;

    fn key(index: u32) -> Hidden {
        match index % 3 {
            0 => Hidden::Pad(index / 3),
            1 => Hidden::Dummy(index / 3),
            _ => Hidden::Product(index / 3),
        }
    }

    /// With every hidden element replaced by a number.
    fn resolve(value: &Value<E2>, numbers: &[(Hidden, E2)]) -> E2 {
        let number = |key| numbers.iter().find(|(known, _)| *known == key).unwrap().1;
        value.constant() + value.hidden().iter().map(|&(key, c)| c * number(key)).sum::<E2>()
    }

    #[test]
    fn values_are_linear_and_sorted() {
        let mut rng = SecretRng::from_seed(&[7; 32]);
        let numbers: Vec<(Hidden, E2)> = (0..12).map(|index| (key(index), rng.extension())).collect();
        let mut random = || {
            let coefficients: Vec<(Hidden, E2)> = (0..20)
                .filter_map(|_| {
                    let [word, keep]: [u64; 2] = rng.extension::<E2>().limbs().try_into().unwrap();
                    (keep % 3 == 0).then(|| (key((word % 12) as u32), rng.extension()))
                })
                .collect();
            Value::linear(rng.extension(), coefficients)
        };
        for _ in 0..50 {
            let values: Vec<Value<E2>> = (0..4).map(|_| random()).collect();
            let [a, b, c, d]: [E2; 4] = values.iter().map(|value| resolve(value, &numbers)).collect::<Vec<_>>().try_into().unwrap();
            let factor = E2::from_int(-7);
            let [va, vb, vc, vd]: [Value<E2>; 4] = values.clone().try_into().unwrap();
            let mut combined = (va - vb.clone()) * factor + -vc;
            combined += &vd * factor;
            assert_eq!(resolve(&combined, &numbers), (a - b) * factor - c + d * factor);
            assert!(combined.hidden().is_sorted_by(|(a, _), (b, _)| a < b));
            let sum: Value<E2> = values.iter().sum();
            assert_eq!(resolve(&sum, &numbers), a + b + c + d);
            assert_eq!(sum, values.into_iter().fold(Value::zero(), Add::add));
        }
    }

    #[test]
    fn nothing_hidden_costs_nothing() {
        let value = Value::public(E2::TWO) + Value::public(E2::ONE) * E2::TWO - Value::zero();
        assert_eq!((value.constant(), value.hidden.capacity()), (E2::from_int(4), 0));
    }
}
