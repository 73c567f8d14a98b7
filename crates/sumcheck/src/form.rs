//! Rank-one linear forms on tensors: what a claim says about a tensor is `sum_i v(i) T(i) = value` with
//! `v = v_0 (x) v_1 (x) ..`, one public vector per axis (or per run of neighbouring axes).
//!
//! Vectors have the axis' *real* extent, so padding never enters a sum. A point of the multilinear extension is the
//! special case of `eq` vectors. Public maps that act on each axis separately rewrite the vectors and nothing else.

use p3_field::PrimeCharacteristicRing;

use crate::field::{Ext, F};
use crate::mle::{eq, eq_table, log_padded};

/// A public vector along one axis, or along a run of axes in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Factor<E> {
    /// `v(i) = eq(point, i)`; the point has the axis' padded number of variables.
    Eq(Vec<E>),
    /// These values.
    Explicit(Vec<E>),
    /// `v(i) = base^i`.
    Powers(F),
    /// `v_0 (x) v_1 (x) ..` for vectors of these lengths, where they and the axes are cut at different places.
    Joint(Vec<(usize, Factor<E>)>),
}

impl<E: Ext> Factor<E> {
    /// `v(i) = 1`.
    #[must_use]
    pub fn ones() -> Self {
        Self::Powers(F::ONE)
    }

    /// The vector of an axis with `len` real entries.
    #[must_use]
    pub fn vector(&self, len: usize) -> Vec<E> {
        match self {
            Self::Eq(point) => {
                let mut table = eq_table(point);
                table.truncate(len);
                table
            }
            Self::Explicit(values) => values.clone(),
            Self::Powers(base) => {
                let mut power = F::ONE;
                let mut values = Vec::with_capacity(len);
                for _ in 0..len {
                    values.push(E::from(power));
                    power *= *base;
                }
                values
            }
            Self::Joint(parts) => kronecker(parts.iter().map(|(len, factor)| factor.vector(*len))),
        }
    }

    /// The vector as `high (x) low` with a `low` of `len` entries, a power of two that divides its length:
    /// `eq((a, b), len i + j) = eq(a, i) eq(b, j)`, `x^(len i + j) = (x^len)^i x^j`. `None` where it is no such product.
    fn split(&self, len: usize) -> Option<(Self, Self)> {
        match self {
            Self::Eq(point) => {
                let (high, low) = point.split_at_checked(point.len().checked_sub(log_padded(len))?)?;
                Some((Self::Eq(high.to_vec()), Self::Eq(low.to_vec())))
            }
            Self::Powers(base) => Some((Self::Powers(base.exp_u64(len as u64)), self.clone())),
            Self::Explicit(_) | Self::Joint(_) => None,
        }
    }

    /// The multilinear extension, at `point`, of the vector over axes of these extents, each padded with zeros.
    #[must_use]
    pub fn evaluate(&self, shape: &[usize], point: &[E]) -> E {
        let len: usize = shape.iter().product();
        match self {
            Self::Eq(own) if shape.len() == 1 && len.is_power_of_two() => eq(own, point),
            Self::Eq(own) if shape.len() == 1 => {
                let pairs = own.iter().zip(point).rev().map(|(&x, &y)| ((E::ONE - x) * (E::ONE - y), x * y));
                first_terms(len, pairs)
            }
            Self::Powers(base) if shape.len() == 1 => {
                let powers = std::iter::successors(Some(*base), |power| Some(*power * *power));
                first_terms(len, point.iter().rev().zip(powers).map(|(&y, power)| (E::ONE - y, y * power)))
            }
            Self::Joint(parts) => joint_at(parts, shape, point),
            _ => {
                let weights = padded_eq(shape, point);
                self.vector(len).into_iter().zip(weights).map(|(a, b)| a * b).sum()
            }
        }
    }

    /// The vector over axes of these extents, each padded with zeros to a power of two.
    #[must_use]
    pub fn padded(&self, shape: &[usize]) -> Vec<E> {
        let len: usize = shape.iter().product();
        let values = self.vector(len);
        let padded_len: usize = shape.iter().map(|n| n.next_power_of_two()).product();
        if padded_len == len {
            return values;
        }
        let mut padded = vec![E::ZERO; padded_len];
        for (index, value) in values.into_iter().enumerate() {
            padded[padded_index(shape, index)] = value;
        }
        padded
    }
}

/// The multilinear extension of `v_0 (x) v_1 (x) ..` over axes of these extents. From the last entry on, vectors and axes that end at
/// the same place are split off, and so are powers of two of a point or of powers ([`Factor::split`]). What cannot be split is summed up.
fn joint_at<E: Ext>(parts: &[(usize, Factor<E>)], shape: &[usize], mut point: &[E]) -> E {
    let (mut parts, mut shape) = (parts.to_vec(), shape.to_vec());
    let mut value = E::ONE;
    while let (Some(&axis), Some((len, factor))) = (shape.last(), parts.last()) {
        if axis == 1 {
            shape.pop();
            continue;
        }
        if *len == 1 {
            value *= factor.vector(1).into_iter().product::<E>();
            parts.pop();
            continue;
        }
        let cut = if axis.is_power_of_two() && len.is_multiple_of(axis) { axis } else { *len };
        let whole = axis == *len;
        let Some((high, low)) = factor.split(cut).filter(|_| !whole && cut.is_power_of_two() && axis.is_multiple_of(cut)) else {
            if !whole {
                break;
            }
            let (rest, own) = point.split_at(point.len() - log_padded(axis));
            value *= factor.evaluate(&[axis], own);
            point = rest;
            parts.pop();
            shape.pop();
            continue;
        };
        let (rest, own) = point.split_at(point.len() - log_padded(cut));
        value *= low.evaluate(&[cut], own);
        point = rest;
        let left = (len / cut, high);
        parts.pop();
        parts.push(left);
        shape.pop();
        shape.push(axis / cut);
    }
    let vector = kronecker(parts.iter().map(|(len, factor)| factor.vector(*len)));
    value * vector.into_iter().zip(padded_eq(&shape, point)).map(|(a, b)| a * b).sum::<E>()
}

/// `sum_{i < len} prod_b w_b(bit b of i)` for pairs `(w_b(0), w_b(1))`, from the lowest bit on: `whole` runs over all indices of the bits
/// so far, `part` over those below the low bits of `len`.
fn first_terms<E: Ext>(len: usize, pairs: impl Iterator<Item = (E, E)>) -> E {
    let (mut whole, mut part, mut rest) = (E::ONE, E::ZERO, len);
    for (zero, one) in pairs {
        part = if rest & 1 == 1 { zero * whole + one * part } else { zero * part };
        whole *= zero + one;
        rest >>= 1;
    }
    if rest & 1 == 1 { whole } else { part }
}

/// Position, in the tensor whose axes are padded to powers of two, of entry `index` of the real tensor.
#[must_use]
pub fn padded_index(shape: &[usize], mut index: usize) -> usize {
    let mut shift = 0;
    let mut padded = 0;
    for &len in shape.iter().rev() {
        padded |= (index % len) << shift;
        index /= len;
        shift += log_padded(len);
    }
    padded
}

/// Variables of a tensor whose axes are padded to powers of two.
#[must_use]
pub fn padded_vars(shape: &[usize]) -> usize {
    shape.iter().map(|&len| log_padded(len)).sum()
}

/// `eq(point, padded_index(i))` for the real entries of axes with these extents.
fn padded_eq<E: Ext>(shape: &[usize], point: &[E]) -> Vec<E> {
    let mut table = vec![E::ONE];
    let mut rest = point;
    for &len in shape {
        let (own, tail) = rest.split_at(log_padded(len));
        rest = tail;
        let axis = Factor::Eq(own.to_vec()).vector(len);
        table = table.iter().flat_map(|&a| axis.iter().map(move |&b| a * b)).collect();
    }
    table
}

/// A rank-one form on a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Form<E> {
    /// Factors in the order of the axes, each with the number of axes that it spans.
    pub factors: Vec<(usize, Factor<E>)>,
}

impl<E: Ext> Form<E> {
    /// Evaluation of the multilinear extension of a tensor of this shape at a point.
    ///
    /// # Panics
    /// If the point's length is not the tensor's number of variables.
    #[must_use]
    pub fn at_point(shape: &[usize], point: &[E]) -> Self {
        assert_eq!(padded_vars(shape), point.len(), "a point has one coordinate per variable");
        let mut rest = point;
        let factors = shape
            .iter()
            .map(|&len| {
                let (own, tail) = rest.split_at(log_padded(len));
                rest = tail;
                (1, Factor::Eq(own.to_vec()))
            })
            .collect();
        Self { factors }
    }

    /// One vector per axis.
    #[must_use]
    pub fn separable(factors: Vec<Factor<E>>) -> Self {
        Self { factors: factors.into_iter().map(|factor| (1, factor)).collect() }
    }

    /// One vector over all axes of a tensor of this rank.
    #[must_use]
    pub fn joint(rank: usize, vector: Vec<E>) -> Self {
        Self { factors: vec![(rank, Factor::Explicit(vector))] }
    }

    /// Whether each factor spans one axis.
    #[must_use]
    pub fn is_separable(&self) -> bool {
        self.factors.iter().all(|(axes, _)| *axes == 1)
    }

    /// The factors with the extents that they span.
    pub fn spans<'a>(&'a self, shape: &'a [usize]) -> impl Iterator<Item = (&'a [usize], &'a Factor<E>)> {
        let mut start = 0;
        self.factors.iter().map(move |(axes, factor)| {
            let span = &shape[start..start + axes];
            start += axes;
            (span, factor)
        })
    }

    /// The multilinear extension of the form, as a tensor with zero padding, at a point.
    #[must_use]
    pub fn evaluate(&self, shape: &[usize], point: &[E]) -> E {
        let mut rest = point;
        self.spans(shape)
            .map(|(span, factor)| {
                let (own, tail) = rest.split_at(padded_vars(span));
                rest = tail;
                factor.evaluate(span, own)
            })
            .product()
    }

    /// The form as a vector over the real entries of a tensor of this shape.
    #[must_use]
    pub fn vector(&self, shape: &[usize]) -> Vec<E> {
        kronecker(self.spans(shape).map(|(span, factor)| factor.vector(span.iter().product())))
    }

    /// The form as a vector over the real entries, written as `head (x) tail`, where `tail` is at least `min_tail` long
    /// unless the whole is shorter.
    #[must_use]
    pub fn split(&self, shape: &[usize], min_tail: usize) -> (Vec<E>, Vec<E>) {
        split(self.spans(shape).map(|(span, factor)| factor.vector(span.iter().product())).collect(), min_tail)
    }

    /// As [`Self::split`], over the tensor whose axes are padded with zeros to powers of two.
    #[must_use]
    pub fn padded_split(&self, shape: &[usize], min_tail: usize) -> (Vec<E>, Vec<E>) {
        split(self.spans(shape).map(|(span, factor)| factor.padded(span)).collect(), min_tail)
    }
}

fn split<E: Ext>(parts: Vec<Vec<E>>, min_tail: usize) -> (Vec<E>, Vec<E>) {
    let mut len = 1;
    let mut cut = parts.len();
    while cut > 0 && len < min_tail {
        cut -= 1;
        len *= parts[cut].len();
    }
    let mut parts = parts.into_iter();
    let head = kronecker(parts.by_ref().take(cut));
    (head, kronecker(parts))
}

/// The Kronecker product of vectors, first vector outermost.
pub fn kronecker<E: Ext>(vectors: impl Iterator<Item = Vec<E>>) -> Vec<E> {
    let mut product: Option<Vec<E>> = None;
    for vector in vectors {
        product = Some(match product {
            None => vector,
            Some(outer) if outer.len() == 1 => vector.into_iter().map(|value| value * outer[0]).collect(),
            Some(outer) => outer.iter().flat_map(|&a| vector.iter().map(move |&b| a * b)).collect(),
        });
    }
    product.unwrap_or_else(|| vec![E::ONE])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::E2;
    use crate::mle::Mle;

    fn ext(a: u64) -> E2 {
        E2::from_limbs(&[a.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2, a.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) >> 1])
    }

    #[test]
    fn evaluation_is_that_of_the_padded_tensor() {
        let shape = [3, 4, 5];
        let form = Form {
            factors: vec![
                (1, Factor::Explicit((0..3).map(ext).collect())),
                (2, Factor::Explicit((10..30).map(ext).collect())),
            ],
        };
        let point: Vec<E2> = (40..47).map(ext).collect();
        let (head, tail) = form.padded_split(&shape, 1);
        let padded = kronecker([head, tail].into_iter());
        assert_eq!(form.evaluate(&shape, &point), Mle::new(padded).evaluate(&point));

        let form = Form::separable(vec![Factor::Eq((0..2).map(ext).collect()), Factor::Powers(F::from_u64(7))]);
        let point: Vec<E2> = (50..55).map(ext).collect();
        let (head, tail) = form.padded_split(&[3, 8], 16);
        assert_eq!(form.evaluate(&[3, 8], &point), Mle::new(kronecker([head, tail].into_iter())).evaluate(&point));

        let eq_of = |len: usize, seed: u64| (len, Factor::Eq((seed..seed + log_padded(len) as u64).map(ext).collect::<Vec<E2>>()));
        let explicit = |len: usize| (len, Factor::Explicit((90..90 + len as u64).map(ext).collect::<Vec<E2>>()));
        for (shape, parts) in [
            (vec![24, 8, 4], vec![eq_of(8, 1), eq_of(3 * 32, 9)]),
            (vec![8, 96], vec![eq_of(24, 3), eq_of(8, 11), eq_of(4, 30)]),
            (vec![8, 96], vec![explicit(24), eq_of(8, 11), eq_of(4, 30)]),
            (vec![6, 10], vec![explicit(4), eq_of(15, 3)]),
            (vec![6, 1, 16], vec![eq_of(2, 4), explicit(1), eq_of(48, 3), eq_of(1, 0)]),
            (vec![96], vec![eq_of(3, 4), explicit(32)]),
            (vec![96], vec![(24, Factor::Powers(F::from_u64(3))), eq_of(4, 2)]),
            (vec![24, 8, 4], vec![eq_of(8, 1), (96, Factor::Powers(F::from_u64(3)))]),
            (vec![8, 96], vec![explicit(24), (32, Factor::Powers(F::ONE))]),
            (vec![4, 24], vec![explicit(96)]),
        ] {
            let len = shape.iter().product::<usize>();
            assert_eq!(len, parts.iter().map(|(len, _)| len).product::<usize>());
            let point: Vec<E2> = (200..200 + padded_vars(&shape) as u64).map(ext).collect();
            let joint = Factor::Joint(parts);
            assert_eq!(joint.evaluate(&shape, &point), Factor::Explicit(joint.vector(len)).evaluate(&shape, &point), "{shape:?}");
        }

        for len in 1..40usize {
            let own = (80..80 + log_padded(len) as u64).map(ext).collect();
            for factor in [Factor::<E2>::Powers(F::from_u64(7)), Factor::Eq(own)] {
                let point: Vec<E2> = (60..60 + log_padded(len) as u64).map(ext).collect();
                assert_eq!(factor.evaluate(&[len], &point), Mle::new(factor.padded(&[len])).evaluate(&point), "{len}");
            }
        }
    }
}
