//! NegativeLogLikelihoodLoss: `-weight[t] * x[.., t, ..]` at constant classes t, as they are, summed, or averaged by weight.

use veritorch_graph::model::ModelOp;

use super::scatter_nd::pick;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let y = loss(l, &x)?;
    l.set(0, y);
    Ok(())
}

/// The loss of `x [N, C, ..]` with the node's classes, weights and attributes.
#[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
pub(super) fn loss(l: &mut Lowering<'_>, x: &Operand) -> Result<Operand, Stop> {
    let reduction = l.string("reduction", "mean")?;
    let ignored = l.optional_int("ignore_index")?;
    let target = l.input(1)?;
    let classes = l.ints_input(1, "the classes")?;
    let weights = l.optional(2);
    let &[batch, count, ref rest @ ..] = x.shape.as_slice() else { return Err(Stop::invalid(format!("an input {:?}", x.shape))) };
    let shape = [&[batch], rest].concat();
    if target.shape != shape {
        return Err(Stop::invalid(format!("classes {:?}, expected {shape:?}", target.shape)));
    }
    let by_class = match &weights {
        None => vec![1.0; count],
        Some(weights) => match weights.floats() {
            Some(weights) if weights.len() == count => weights.to_vec(),
            _ => return Err(Stop::unsupported("weights that are no constants, one for each class")),
        },
    };
    let inner: usize = rest.iter().product();
    l.charge(classes.len().saturating_mul(2))?;
    let (mut places, mut factors) = (Vec::with_capacity(classes.len()), Vec::with_capacity(classes.len()));
    for (k, &class) in classes.iter().enumerate() {
        let is_ignored = Some(class) == ignored;
        let class = if is_ignored { 0 } else { axis(class, count)? };
        places.push((k / inner * count + class) * inner + k % inner);
        factors.push(if is_ignored { 0.0 } else { -by_class[class] });
    }
    let total: f64 = factors.iter().map(|&factor: &f32| f64::from(-factor)).sum();
    if reduction == "mean" {
        if total == 0.0 {
            return Err(Stop::invalid("a mean of no classes"));
        }
        factors.iter_mut().for_each(|factor| *factor = (f64::from(*factor) / total) as f32);
    }
    let chosen = pick(l, "chosen", &[x], places, shape.clone())?;
    let factors = l.constant("factors", shape.clone(), Data::Float(factors))?;
    let losses = l.binary("losses", ModelOp::Mul, &chosen, &factors)?;
    match reduction.as_str() {
        "none" => Ok(losses),
        "sum" | "mean" => {
            let axes = (0..shape.len()).collect();
            let sum = l.emit("sum", ModelOp::ReduceSum { axes }, &[&losses], vec![1; shape.len()])?;
            l.reshape("scalar", &sum, Vec::new())
        }
        other => Err(Stop::invalid(format!("reduction `{other}`"))),
    }
}
