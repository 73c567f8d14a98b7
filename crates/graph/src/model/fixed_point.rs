//! Integers times a real number in fixed point, as quantised models define it: by a mantissa of 31 bits and a power of two, rounded once
//! or twice.

/// How a product in fixed point is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, halves upwards.
    Once,
    /// To the nearest multiple of `2^e` where `e` bits are dropped behind the mantissa's, halves upwards; then without these bits, halves away from zero.
    Twice,
}

/// `y = clamp(x * m / 2^31 * 2^shift, min, max)` for whole numbers `x`, with `l = max(shift, 0)` and `e = max(-shift, 0)`:
/// `floor((x 2^l m + 2^(30+e)) / 2^(31+e))`, or with two roundings `round(floor((x 2^l m + 2^30) / 2^31) / 2^e)`.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedPoint {
    /// Axis along which multipliers differ, where there are several.
    pub axis: usize,
    /// Mantissas `m`, from 0 up; one for all, or one for each index of the axis.
    pub multipliers: Vec<i32>,
    /// Shifts, one for each multiplier.
    pub shifts: Vec<i32>,
    /// How products are rounded.
    pub rounding: Rounding,
    /// Least result.
    pub min: i32,
    /// Greatest result.
    pub max: i32,
}

impl FixedPoint {
    /// The bits that the second rounding drops of the multiplier at `k`.
    #[must_use]
    pub fn dropped(&self, k: usize) -> u32 {
        (-self.shifts[k]).max(0).unsigned_abs()
    }

    /// The bits by which numbers are shifted up before the multiplier at `k`.
    #[must_use]
    pub fn raised(&self, k: usize) -> u32 {
        self.shifts[k].max(0).unsigned_abs()
    }

    /// The result for `x` with the multiplier at `k`, before it is clamped.
    #[must_use]
    pub fn rescaled(&self, x: i64, k: usize) -> i64 {
        let product = (i128::from(x) << self.raised(k)) * i128::from(self.multipliers[k]);
        let dropped = self.dropped(k);
        let first = (product + (1 << 30)) >> 31;
        let rounded = if self.rounding == Rounding::Once {
            (product + (1 << (30 + dropped))) >> (31 + dropped)
        } else if dropped == 0 { first } else { (first + (1 << (dropped - 1)) - i128::from(first < 0)) >> dropped };
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }

    /// The result for `x` with the multiplier at `k`.
    #[must_use]
    pub fn apply(&self, x: i64, k: usize) -> i64 {
        self.rescaled(x, k).clamp(self.min.into(), self.max.into())
    }

    /// Mantissa and shift of a real number: `real = mantissa / 2^31 * 2^shift`, the mantissa rounded to the nearest.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a rounded number of at most 31 bits")]
    pub fn multiplier(real: f64) -> Option<(i32, i32)> {
        if !(real.is_finite() && real >= 0.0) {
            return None;
        }
        let (fraction, mut shift) = libm::frexp(real);
        let mut mantissa = (fraction * 2_147_483_648.0).round() as i64;
        if mantissa == 1 << 31 {
            (mantissa, shift) = (1 << 30, shift + 1);
        }
        if shift < -31 {
            return Some((0, 0));
        }
        (shift <= 30).then_some((i32::try_from(mantissa).ok()?, shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(multiplier: i32, shift: i32) -> FixedPoint {
        FixedPoint { axis: 0, multipliers: vec![multiplier], shifts: vec![shift], rounding: Rounding::Twice, min: -128, max: 127 }
    }

    #[test]
    fn halves_are_rounded_away_from_zero_last() {
        // one half of one quarter: the first rounding is exact
        let half = with(1 << 30, -1);
        let results: Vec<i64> = [-10, -6, -2, 0, 2, 6, 10].map(|x| half.rescaled(x, 0)).into();
        assert_eq!(results, [-3, -2, -1, 0, 1, 2, 3]);
        let at_once = FixedPoint { rounding: Rounding::Once, ..half };
        let results: Vec<i64> = [-10, -6, -2, 0, 2, 6, 10].map(|x| at_once.rescaled(x, 0)).into();
        assert_eq!(results, [-2, -1, 0, 0, 1, 2, 3]);
        // the first rounding takes halves upwards
        let once = with(1 << 30, 0);
        assert_eq!([-3, -1, 1, 3].map(|x| once.rescaled(x, 0)), [-1, 0, 1, 2]);
    }

    #[test]
    fn multipliers_are_mantissas() {
        assert_eq!(FixedPoint::multiplier(0.5), Some((1 << 30, 0)));
        assert_eq!(FixedPoint::multiplier(0.75 / 256.0), Some((3 << 29, -8)));
        assert_eq!(FixedPoint::multiplier(1.0 - 1e-12), Some((1 << 30, 1)));
        assert_eq!(FixedPoint::multiplier(1e-12), Some((0, 0)));
        assert_eq!(FixedPoint::multiplier(f64::NAN), None);
    }
}
