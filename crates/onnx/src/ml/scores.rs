//! What the classifiers share: the class with the greatest score, and what becomes of scores.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

/// ONNX's `post_transform` of scores `[.., classes]`.
pub(super) fn post_transform(l: &mut Lowering<'_>, scores: &Operand) -> Result<Operand, Stop> {
    let kind = l.string("post_transform", "NONE")?;
    let shape = scores.shape.clone();
    match kind.as_str() {
        "NONE" => Ok(scores.clone()),
        "SOFTMAX" => l.emit("softmax", ModelOp::Softmax { axis: shape.len() - 1 }, &[scores], shape),
        "LOGISTIC" => l.emit("logistic", ModelOp::Unary(UnaryFn::Sigmoid), &[scores], shape),
        other => Err(Stop::unsupported(format!("post_transform {other}"))),
    }
}

/// Numbers of the classes; their names where they are texts are the numbers from 0 on.
pub(super) fn classes(l: &Lowering<'_>, prefix: &str) -> Result<Vec<i64>, Stop> {
    let texts = l.strings(&format!("{prefix}_strings"))?.unwrap_or_default();
    match l.ints(&format!("{prefix}_{}", if prefix == "classlabels" && l.has("classlabels_int64s") { "int64s" } else { "ints" }))? {
        Some(labels) if !labels.is_empty() => Ok(labels),
        _ => Ok((0..texts.len() as i64).collect()),
    }
}

/// The label `[rows]` of the greatest of scores `[rows, classes]`; ties go to the first.
pub(super) fn label(l: &mut Lowering<'_>, scores: &Operand, labels: &[i64]) -> Result<Operand, Stop> {
    let &[rows, classes] = scores.shape.as_slice() else {
        return Err(Stop::invalid(format!("scores of shape {:?}", scores.shape)));
    };
    if labels.len() != classes {
        return Err(Stop::invalid(format!("{} labels for {classes} classes", labels.len())));
    }
    let best = l.emit("best", ModelOp::ArgMax { axis: 1, select_last: false }, &[scores], vec![rows, 1])?;
    let best = l.reshape("label_index", &best, vec![rows])?;
    numbered(l, &best, labels)
}

/// `labels[index]` for whole numbers that depend on the input.
pub(super) fn numbered(l: &mut Lowering<'_>, index: &Operand, labels: &[i64]) -> Result<Operand, Stop> {
    let first = labels.first().copied().unwrap_or(0);
    let step = labels.get(1).map_or(1, |second| second - first);
    if labels.iter().any(|label| label.unsigned_abs() > 1 << 20) {
        return Err(Stop::unsupported("labels beyond 2^20"));
    }
    if step == 0 || labels.iter().enumerate().any(|(k, &label)| label != first + k as i64 * step) {
        let data = labels.iter().map(|&label| label as f32).collect();
        let table = l.constant("labels", vec![labels.len(), 1], Data::Float(data))?;
        let mut shape = index.shape.clone();
        shape.push(1);
        let chosen = l.emit("label", ModelOp::Embedding, &[&table, index], shape)?;
        return l.reshape("labels_shape", &chosen, index.shape.clone());
    }
    if (first, step) == (0, 1) {
        return Ok(index.clone());
    }
    let index = Operand { kind: Kind::Float, ..index.clone() };
    let scaled = l.scale("label_step", &index, step as f32)?;
    let offset = l.scalar("label_first", first as f32)?;
    l.binary("label", ModelOp::Add, &scaled, &offset)
}

/// `[rows, 2]` from one score s to a row: `(c - s, s)`.
pub(super) fn pair(l: &mut Lowering<'_>, part: &str, score: &Operand, c: f32) -> Result<Operand, Stop> {
    let signs = l.constant(&format!("{part}_signs"), vec![1, 2], Data::Float(vec![-1.0, 1.0]))?;
    let both = l.binary(&format!("{part}_both"), ModelOp::Mul, score, &signs)?;
    let offset = l.constant(&format!("{part}_offset"), vec![1, 2], Data::Float(vec![c, 0.0]))?;
    l.binary(part, ModelOp::Add, &both, &offset)
}
