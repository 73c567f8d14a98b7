//! MEAN: the sum over axes times one multiplier, whose mantissa is divided by the number of entries; a table of the sum.

use veritorch_graph::model::{FixedPoint, ModelOp, Rounding};
use veritorch_graph::model::index::element_count;
use veritorch_onnx::building::Stop;

use super::tabulated;
use crate::lowering::{Lowering, axis};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    let keep = l.flag(0)?;
    let x = l.input(0)?;
    let rank = x.shape.len();
    let mut axes = l.ints(1, "the axes")?.into_iter().map(|named| axis(named, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    let kept: Vec<usize> = (0..rank).map(|k| if axes.contains(&k) { 1 } else { x.shape[k] }).collect();
    let reduced: Vec<usize> = axes.iter().map(|&k| x.shape[k]).collect();
    let count = element_count(&reduced).and_then(|count| i64::try_from(count).ok()).unwrap_or(i64::MAX);
    let sums = l.emit("sum", ModelOp::ReduceSum { axes: axes.clone() }, &[&x], kept)?;
    let rule = divided(f64::from(input.scale) / f64::from(output.scale), count, [output.min, output.max])?;
    let range = [i64::from(input.min).saturating_mul(count), i64::from(input.max).saturating_mul(count)];
    let y = tabulated(l, "mean", &sums, range, |sum| rule.apply(sum, 0))?;
    let shape: Vec<usize> = (0..rank).filter(|k| keep || !axes.contains(k)).map(|k| y.shape[k]).collect();
    let y = l.reshape(&y, &shape)?;
    l.set(0, y);
    Ok(())
}

/// `real / count` with the mantissa of `real` shifted up as far as the count reaches, divided and cut.
fn divided(real: f64, count: i64, [min, max]: [i32; 2]) -> Result<FixedPoint, Stop> {
    let fail = || Stop::invalid(format!("a mean of {count} entries times {real}"));
    let (multiplier, shift) = FixedPoint::multiplier(real).ok_or_else(fail)?;
    let log = count.checked_ilog2().and_then(|log| i32::try_from(log).ok()).ok_or_else(fail)?;
    let up = log.min(32).min(31 + shift).max(0);
    let multiplier = i32::try_from((i64::from(multiplier) << up) / count).map_err(|_| fail())?;
    Ok(FixedPoint { axis: 0, multipliers: vec![multiplier], shifts: vec![shift - up], rounding: Rounding::Twice, min, max })
}
