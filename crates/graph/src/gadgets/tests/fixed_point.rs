//! Rescaling in fixed point: right for every operand, and no second answer for any field value.

use super::*;
use crate::gadgets::fixed_point::with_mantissas;
use crate::model::{FixedPoint, Rounding};

/// The definition, with mantissas of `bits` bits.
fn defined(x: i64, rule: &FixedPoint, k: usize, bits: u32) -> i64 {
    let product = (x << rule.raised(k)) * i64::from(rule.multipliers[k]);
    let first = (product + (1 << (bits - 1))).div_euclid(1 << bits);
    let e = rule.dropped(k);
    if rule.rounding == Rounding::Once {
        let rounded = (product + (1 << (bits - 1 + e))).div_euclid(1 << (bits + e));
        return rounded.clamp(rule.min.into(), rule.max.into());
    }
    // halves away from zero
    let second = if e == 0 { first } else { (first.abs() + (1 << (e - 1))) / (1 << e) * first.signum() };
    second.clamp(rule.min.into(), rule.max.into())
}

#[test]
fn fixed_point_is_unique_and_right() {
    let rounding = Rounding::Twice;
    let twice = [
        FixedPoint { axis: 1, multipliers: vec![9, 8, 15], shifts: vec![-2, -1, -3], rounding, min: -3, max: 4 },
        FixedPoint { axis: 1, multipliers: vec![8, 11, 13], shifts: vec![0, 1, -2], rounding, min: -6, max: 6 },
        FixedPoint { axis: 0, multipliers: vec![8], shifts: vec![-1], rounding, min: -20, max: 20 },
        FixedPoint { axis: 0, multipliers: vec![8], shifts: vec![0], rounding, min: 0, max: 7 },
    ];
    let once = twice.clone().map(|rule| FixedPoint { rounding: Rounding::Once, ..rule });
    for rule in twice.into_iter().chain(once) {
        let channels = rule.multipliers.len();
        let mut b = builder(Visibility::Public);
        let x = free(&mut b, &[1, channels], 6);
        let y = with_mantissas(&mut b, "y", x, &rule, 4).unwrap();
        let circuit = finish(b, y);
        for v in -64..64i64 {
            let expected = (0..channels).map(|k| defined(v, &rule, k, 4)).collect();
            assert_eq!(unique(&circuit, &vec![to_field(v); channels]), Some(expected), "{rule:?} at {v}");
        }
        for v in hostile() {
            unique(&circuit, &vec![v; channels]);
        }
    }
}

#[test]
fn definition_is_that_of_the_model_graph() {
    for shift in [-9, -1, 0, 2] {
        for multiplier in [1 << 30, (1 << 30) + 1, 1_618_033_988, i32::MAX] {
            for rounding in [Rounding::Once, Rounding::Twice] {
                let rule = FixedPoint { axis: 0, multipliers: vec![multiplier], shifts: vec![shift], rounding, min: -1 << 20, max: 1 << 20 };
                for x in (-3000..3000).chain([-70_000, 70_001]) {
                    assert_eq!(rule.apply(x, 0), defined(x, &rule, 0, 31), "{rule:?} at {x}");
                }
            }
        }
    }
}

#[test]
fn what_wraps_around_or_overflows_is_refused() {
    let rounding = Rounding::Twice;
    let rule = |multiplier, shift| FixedPoint { axis: 0, multipliers: vec![multiplier], shifts: vec![shift], rounding, min: -128, max: 127 };
    for (bits, rule, reason) in [(33, rule(1 << 30, -8), "leave 32 bits"), (30, rule(1 << 30, 3), "leave 32 bits"), (29, rule(1 << 30, -2), "before clamping")] {
        let mut b = builder(Visibility::Public);
        let x = input(&mut b, "x", &[1], (-(1 << bits), bits + 1), 1.0).unwrap();
        let error = fixed_point(&mut b, "y", x, &rule).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
