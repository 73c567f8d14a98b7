//! LinearClassifier: scores `x W' + b`, the label of the greatest, and `post_transform` of the scores. One score for two classes is the second's.

use super::linear_regressor::linear;
use super::scores::{classes, label, pair, post_transform};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.int("multi_class", 0)?;
    let labels = classes(l, "classlabels")?;
    let x = l.input(0)?;
    let features = x.shape.last().copied().unwrap_or(1).max(1);
    let outputs = l.floats("coefficients")?.map_or(0, |values| values.len() / features);
    let scores = linear(l, outputs)?;
    let (for_label, shown) = if outputs == 1 && labels.len() == 2 {
        let signed = pair(l, "signed", &scores, 0.0)?;
        let shown = if l.string("post_transform", "NONE")? == "NONE" { pair(l, "scores", &scores, 1.0)? } else { signed.clone() };
        (signed, shown)
    } else {
        (scores.clone(), scores)
    };
    let y = label(l, &for_label, &labels)?;
    l.set(0, y);
    let z = post_transform(l, &shown)?;
    l.set(1, z);
    Ok(())
}
