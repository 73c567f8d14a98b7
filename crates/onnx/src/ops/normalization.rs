//! What the normalisations share: the operator, and scale and bias behind it.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::average_pool::reciprocal;
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

/// `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` over ascending axes; without the mean where it is not centred.
pub(super) fn normalize(
    l: &mut Lowering<'_>,
    x: &Operand,
    axes: &[usize],
    epsilon: f32,
    centred: bool,
) -> Result<Operand, Stop> {
    require_float(x, "the input")?;
    // without epsilon, lines of zeros stay zero
    let epsilon = if epsilon == 0.0 { f32::MIN_POSITIVE } else { epsilon };
    let op = ModelOp::Normalize { axes: axes.to_vec(), epsilon, centred };
    l.emit("normalize", op, &[x], x.shape.clone())
}

/// `y * scale + bias`, each constant or not, broadcast to `y` without enlarging it.
pub(super) fn scale_and_bias(
    l: &mut Lowering<'_>,
    y: &Operand,
    scale: Option<&Operand>,
    bias: Option<&Operand>,
) -> Result<Operand, Stop> {
    let mut out = y.clone();
    for (part, op, operand) in [("scale", ModelOp::Mul, scale), ("bias", ModelOp::Add, bias)] {
        let Some(operand) = operand else { continue };
        require_float(operand, part)?;
        out = l.binary(part, op, &out, operand)?;
        if out.shape != y.shape {
            return Err(Stop::invalid(format!("{part} {:?} does not broadcast to {:?}", operand.shape, y.shape)));
        }
    }
    Ok(out)
}

/// A parameter with one entry for each channel, along axis 1 of a tensor of this rank.
pub(super) fn per_channel(l: &mut Lowering<'_>, part: &str, x: &Operand, rank: usize) -> Result<Operand, Stop> {
    let [channels] = x.shape[..] else {
        return Err(Stop::invalid(format!("{part} is {:?}, expected one axis", x.shape)));
    };
    let mut shape = vec![1; rank];
    shape[1] = channels;
    l.reshape(part, x, shape)
}

/// The mean over axes, and `1 / sqrt(variance + epsilon)`: the second and third result of LayerNormalization.
pub(super) fn statistics(
    l: &mut Lowering<'_>,
    x: &Operand,
    axes: &[usize],
    epsilon: f32,
) -> Result<(Operand, Operand), Stop> {
    let kept: Vec<usize> = (0..x.shape.len()).map(|k| if axes.contains(&k) { 1 } else { x.shape[k] }).collect();
    let count: usize = axes.iter().map(|&k| x.shape[k]).product();
    let sum = |l: &mut Lowering<'_>, x: &Operand| -> Result<Operand, Stop> {
        let sum = l.emit("sum", ModelOp::ReduceSum { axes: axes.to_vec() }, &[x], kept.clone())?;
        l.scale("mean", &sum, reciprocal(count))
    };
    let mean = sum(l, x)?;
    let distance = l.binary("distance", ModelOp::Sub, x, &mean)?;
    let square = l.binary("square", ModelOp::Mul, &distance, &distance)?;
    let variance = sum(l, &square)?;
    let epsilon = l.scalar("epsilon", epsilon)?;
    let shifted = l.binary("variance", ModelOp::Add, &variance, &epsilon)?;
    let op = ModelOp::Unary(UnaryFn::Pow { exponent: -0.5 });
    let inverse = l.emit("inverse", op, &[&shifted], kept)?;
    Ok((mean, inverse))
}
