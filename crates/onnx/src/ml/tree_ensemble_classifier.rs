//! TreeEnsembleClassifier: sums of leaves for each class, the label of the greatest, and `post_transform` of the sums.
//!
//! Two classes whose leaves hold values of one only: the other's score is `1 - s` where no value is negative, else `-s`, as onnxruntime has it.

use veritorch_graph::model::ModelOp;

use super::forest::read;
use super::scores::{classes, label, pair, post_transform};
use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    let labels = classes(l, "classlabels")?;
    let ids = l.ints("class_ids")?.unwrap_or_default();
    let (one, two) = (ids.iter().all(|id| Some(id) == ids.first()), labels.len() == 2);
    let base = l.numbers("base_values")?.unwrap_or_default();
    let (mut forest, positive) = read(l, "class", labels.len())?;
    let scores = if one && two {
        for node in &mut forest.nodes {
            if let super::forest::Node::Leaf(values) = node {
                values.iter_mut().for_each(|(target, _)| *target = 0);
            }
        }
        forest.num_targets = 1;
        let score = forest.lower(l, &x)?;
        let score = match base.as_slice() {
            [] => score,
            [.., base] => {
                let base = l.scalar("base", *base)?;
                l.binary("based", ModelOp::Add, &score, &base)?
            }
        };
        pair(l, "scores", &score, if positive { 1.0 } else { 0.0 })?
    } else {
        let sums = forest.lower(l, &x)?;
        if base.is_empty() {
            sums
        } else if base.len() == labels.len() {
            let base = l.constant("base", vec![1, base.len()], Data::Float(base))?;
            l.binary("based", ModelOp::Add, &sums, &base)?
        } else {
            return Err(Stop::invalid(format!("{} base values for {} classes", base.len(), labels.len())));
        }
    };
    let y = label(l, &scores, &labels)?;
    l.set(0, y);
    let z = post_transform(l, &scores)?;
    l.set(1, z);
    Ok(())
}
