//! Sums over a segment of the last axis: `sums[j] += factor * x[j * stride]` and its relatives, modulo `2^32` or
//! `2^64`, which a result's static range makes exact.

use crate::data::Entry;

/// `i32` for results of at most 32 bits, else `i64`.
pub(super) trait Accumulator: Entry + PartialEq {
    /// The value.
    fn value(self) -> i64;
    /// `self + x`, wrapping.
    fn plus(self, x: Self) -> Self;
    /// `self - x`, wrapping.
    fn minus(self, x: Self) -> Self;
    /// `self * x`, wrapping.
    fn times(self, x: Self) -> Self;
    /// Whether [`Accumulator::times_small`] may be used.
    fn is_small(self) -> bool;
    /// `self * x` where both fit 32 bits.
    fn times_small(self, x: Self) -> Self;

    /// `sums[j] += factor * x[j * stride]`.
    #[inline]
    fn add_scaled<S: Entry>(sums: &mut [Self], x: &[S], stride: usize, factor: Self) {
        if factor == Self::wrap(1) {
            each(sums, x, stride, |sum: Self, x| sum.plus(x));
        } else if factor == Self::wrap(-1) {
            each(sums, x, stride, |sum: Self, x| sum.minus(x));
        } else if factor.is_small() && size_of::<S>() <= 4 {
            each(sums, x, stride, |sum: Self, x| sum.plus(factor.times_small(x)));
        } else {
            each(sums, x, stride, |sum: Self, x| sum.plus(factor.times(x)));
        }
    }

    /// `sums[j] += factor * weights[j] * x[j * stride]`.
    #[inline]
    fn add_weighted<S: Entry>(sums: &mut [Self], x: &[S], stride: usize, weights: &[i64], factor: Self) {
        let values = x.iter().step_by(stride.max(1));
        if stride == 0 {
            let value = factor.times(Self::wrap(x[0].wide()));
            sums.iter_mut().zip(weights).for_each(|(sum, &w)| *sum = sum.plus(value.times(Self::wrap(w))));
        } else if stride == 1 {
            for ((sum, x), &w) in sums.iter_mut().zip(x).zip(weights) {
                *sum = sum.plus(factor.times(Self::wrap(w)).times(Self::wrap(x.wide())));
            }
        } else {
            for ((sum, x), &w) in sums.iter_mut().zip(values).zip(weights) {
                *sum = sum.plus(factor.times(Self::wrap(w)).times(Self::wrap(x.wide())));
            }
        }
    }
}

#[inline(always)]
fn each<A: Accumulator, S: Entry>(sums: &mut [A], x: &[S], stride: usize, f: impl Fn(A, A) -> A) {
    match stride {
        0 => {
            let value = A::wrap(x[0].wide());
            sums.iter_mut().for_each(|sum| *sum = f(*sum, value));
        }
        1 => sums.iter_mut().zip(x).for_each(|(sum, x)| *sum = f(*sum, A::wrap(x.wide()))),
        2 => {
            let Some((last, sums)) = sums.split_last_mut() else { return };
            *last = f(*last, A::wrap(x[2 * sums.len()].wide()));
            for (sum, pair) in sums.iter_mut().zip(x.chunks_exact(2)) {
                *sum = f(*sum, A::wrap(pair[0].wide()));
            }
        }
        _ => sums.iter_mut().zip(x.iter().step_by(stride)).for_each(|(sum, x)| *sum = f(*sum, A::wrap(x.wide()))),
    }
}

impl Accumulator for i32 {
    #[inline(always)]
    fn value(self) -> i64 {
        i64::from(self)
    }
    #[inline(always)]
    fn plus(self, x: Self) -> Self {
        self.wrapping_add(x)
    }
    #[inline(always)]
    fn minus(self, x: Self) -> Self {
        self.wrapping_sub(x)
    }
    #[inline(always)]
    fn times(self, x: Self) -> Self {
        self.wrapping_mul(x)
    }
    #[inline(always)]
    fn is_small(self) -> bool {
        true
    }
    #[inline(always)]
    fn times_small(self, x: Self) -> Self {
        self.wrapping_mul(x)
    }
}

impl Accumulator for i64 {
    #[inline(always)]
    fn value(self) -> i64 {
        self
    }
    #[inline(always)]
    fn plus(self, x: Self) -> Self {
        self.wrapping_add(x)
    }
    #[inline(always)]
    fn minus(self, x: Self) -> Self {
        self.wrapping_sub(x)
    }
    #[inline(always)]
    fn times(self, x: Self) -> Self {
        self.wrapping_mul(x)
    }
    #[inline(always)]
    fn is_small(self) -> bool {
        i32::try_from(self).is_ok()
    }
    #[inline(always)]
    fn times_small(self, x: Self) -> Self {
        // One 32 x 32 -> 64 bit multiplication instead of three.
        i64::from(self as i32) * i64::from(x as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<A: Accumulator, S: Entry>(x: &[S], factors: &[i64]) {
        for stride in 0..4 {
            for &factor in factors {
                for len in [0, 1, 2, 5, 9] {
                    let start: Vec<A> = (0..len).map(|j| A::wrap(j as i64 * 1_000_003)).collect();
                    let (mut scaled, mut weighted) = (start.clone(), start.clone());
                    let weights: Vec<i64> = (0..len).map(|j| j as i64 * 77 - 200).collect();
                    A::add_scaled(&mut scaled, x, stride, A::wrap(factor));
                    A::add_weighted(&mut weighted, x, stride, &weights, A::wrap(factor));
                    for j in 0..len {
                        let x = x[j * stride].wide().wrapping_mul(factor);
                        assert!(scaled[j] == A::wrap(start[j].value().wrapping_add(x)));
                        assert!(weighted[j] == A::wrap(start[j].value().wrapping_add(x.wrapping_mul(weights[j]))));
                    }
                }
            }
        }
    }

    #[test]
    fn segments_agree_with_the_definition() {
        let values: Vec<i64> = (0..40i64).map(|i| (i - 20).wrapping_mul(0x1234_5678_9abc_def1)).collect();
        let factors = [1, -1, 3, -70_000, 1 << 31, -(1 << 31), (1 << 40) + 5];
        let narrow: Vec<i16> = values.iter().map(|&v| v as i16).collect();
        let middle: Vec<i32> = values.iter().map(|&v| v as i32).collect();
        check::<i32, _>(&narrow, &factors);
        check::<i64, _>(&narrow, &factors);
        check::<i32, _>(&middle, &factors);
        check::<i64, _>(&middle, &factors);
        check::<i32, _>(&values, &factors);
        check::<i64, _>(&values, &factors);
    }
}
