//! SVMClassifier: one decision for each pair of classes, a vote for the class that it is for, and the label with most votes.
//!
//! Scores are the decisions (for two classes, `(-d, d)`). Probabilities (`prob_a`) are refused: they need an iteration.

use veritorch_graph::model::ModelOp;

use super::scores::{classes, label, numbered, pair};
use super::svm::{decide, kernels};
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    if l.floats("prob_a")?.is_some_and(|values| !values.is_empty()) {
        return Err(Stop::hinted("probabilities", "export the machine without probabilities (scikit-learn: probability=False)"));
    }
    l.skip("prob_b");
    let post = l.string("post_transform", "NONE")?;
    if post != "NONE" {
        return Err(Stop::unsupported(format!("post_transform {post}")));
    }
    let labels = classes(l, "classlabels")?;
    let counts: Vec<usize> = l.ints("vectors_per_class")?.unwrap_or_default().iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
    let (num_classes, count) = (counts.len(), counts.iter().sum::<usize>());
    let (coefficients, rho) = (l.floats("coefficients")?.unwrap_or_default(), l.floats("rho")?.unwrap_or_default());
    let pairs: Vec<(usize, usize)> = (0..num_classes).flat_map(|i| (i + 1..num_classes).map(move |j| (i, j))).collect();
    if num_classes < 2 || labels.len() != num_classes || coefficients.len() != (num_classes - 1) * count || rho.len() != pairs.len() {
        return Err(Stop::unsupported(format!("{} coefficients and {} rho for {num_classes} classes", coefficients.len(), rho.len())));
    }
    let kernels = kernels(l, &x, count)?;
    // Decision of the pair (i, j): vectors of i by row j - 1, vectors of j by row i.
    let class: Vec<usize> = counts.iter().enumerate().flat_map(|(class, &n)| std::iter::repeat_n(class, n)).collect();
    let matrix = (0..count).flat_map(|v| pairs.iter().map(move |&(i, j)| (v, i, j)));
    let matrix = matrix.map(|(v, i, j)| match class[v] {
        own if own == i => coefficients[(j - 1) * count + v],
        own if own == j => coefficients[i * count + v],
        _ => 0.0,
    });
    let decisions = decide(l, &kernels, matrix.collect(), rho)?;
    if num_classes == 2 {
        // A decision above 0 is for the first class.
        let scores = pair(l, "scores", &decisions, 0.0)?;
        let swapped = l.scale("swapped", &scores, -1.0)?;
        let y = label(l, &swapped, &labels)?;
        l.set(0, y);
        l.set(1, scores);
        return Ok(());
    }
    // ArgMax of (d, 0) is 0 where the vote is for i (a tie is for j), which makes the votes a linear function.
    let rows = l.reshape("rows", &decisions, vec![pairs.len(), 1])?;
    let choice = l.constant("choice", vec![1, 2], Data::Float(vec![0.0, 1.0]))?;
    let both = l.binary("both", ModelOp::Mul, &rows, &choice)?;
    let for_first = l.emit("for_first", ModelOp::ArgMax { axis: 1, select_last: false }, &[&both], vec![pairs.len(), 1])?;
    let for_first = l.reshape("votes_row", &for_first, vec![1, pairs.len()])?;
    let for_first = Operand { kind: Kind::Float, ..for_first };
    let gain = pairs.iter().flat_map(|&(i, j)| (0..num_classes).map(move |c| f32::from(i8::from(c == i) - i8::from(c == j))));
    let gain = l.constant("gain", vec![pairs.len(), num_classes], Data::Float(gain.collect()))?;
    let votes = l.emit("votes", ModelOp::MatMul, &[&for_first, &gain], vec![1, num_classes])?;
    let mut base = vec![0.0; num_classes];
    pairs.iter().for_each(|&(_, j)| base[j] += 1.0);
    let base = l.constant("second", vec![1, num_classes], Data::Float(base))?;
    let votes = l.binary("counted", ModelOp::Add, &votes, &base)?;
    let best = l.emit("best", ModelOp::ArgMax { axis: 1, select_last: false }, &[&votes], vec![1, 1])?;
    let best = l.reshape("label_index", &best, vec![1])?;
    let y = numbered(l, &best, &labels)?;
    l.set(0, y);
    l.set(1, decisions);
    Ok(())
}
