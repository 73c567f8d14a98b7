//! Operators of models that are quantised already: exact on whole numbers, as far as single precision holds them.

use super::Operand;
use crate::model::FixedPoint;

#[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type; the range is small")]
pub(super) fn quantize(x: &[f32], scale: f32, [min, max]: [i32; 2]) -> Vec<f32> {
    let (min, max) = (f64::from(min), f64::from(max));
    x.iter().map(|&x| (f64::from(x) / f64::from(scale)).round().clamp(min, max) as f32).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "whole numbers; casts saturate")]
pub(super) fn fixed_point(x: Operand<'_>, rule: &FixedPoint) -> Vec<f32> {
    let inner: usize = x.shape.iter().skip(rule.axis + 1).product();
    let channel = |at: usize| if rule.multipliers.len() == 1 { 0 } else { at / inner % rule.multipliers.len() };
    x.data.iter().enumerate().map(|(at, &x)| rule.apply(x.round() as i64, channel(at)) as f32).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "whole numbers; casts saturate")]
pub(super) fn table(x: &[f32], min: i32, values: &[i32]) -> Vec<f32> {
    let last = i64::try_from(values.len()).unwrap_or(i64::MAX) - 1;
    let row = |x: f32| usize::try_from((x.round() as i64).saturating_sub(min.into()).clamp(0, last)).unwrap_or(0);
    x.iter().map(|&x| values.get(row(x)).map_or(0.0, |&y| y as f32)).collect()
}
