//! TreeEnsemble (operator set 5 of the domain): as TreeEnsembleRegressor, with inner nodes and leaves in lists of their own.

use veritorch_graph::model::ModelOp;

use super::forest::{Forest, Node};
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;

/// Modes by number.
const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.skip("nodes_missing_value_tracks_true");
    l.skip("nodes_hitrates");
    let num_targets = usize::try_from(l.int("n_targets", 1)?).map_err(|_| Stop::invalid("a negative number of targets"))?;
    let mean = match l.int("aggregate_function", 1)? {
        0 => true,
        1 => false,
        other => return Err(Stop::unsupported(format!("aggregate_function {other}"))),
    };
    if l.int("post_transform", 0)? != 0 {
        return Err(Stop::unsupported("post_transform"));
    }
    let index = |name: &str| -> Result<Vec<usize>, Stop> {
        let numbers = l.ints(name)?.unwrap_or_default();
        numbers.iter().map(|&n| usize::try_from(n).map_err(|_| Stop::invalid(format!("`{name}` holds {n}")))).collect()
    };
    let (roots, features) = (index("tree_roots")?, index("nodes_featureids")?);
    let (yes, no) = (index("nodes_truenodeids")?, index("nodes_falsenodeids")?);
    let (yes_leaf, no_leaf) = (index("nodes_trueleafs")?, index("nodes_falseleafs")?);
    let targets = index("leaf_targetids")?;
    let Some(Data::Int(modes)) = l.tensor("nodes_modes")?.map(|tensor| tensor.data) else {
        return Err(Stop::invalid("attribute `nodes_modes` is missing or holds no whole numbers"));
    };
    let splits = l.numbers("nodes_splits")?.unwrap_or_default();
    let weights = l.numbers("leaf_weights")?.unwrap_or_default();
    let count = features.len();
    let lens = [yes.len(), no.len(), yes_leaf.len(), no_leaf.len(), modes.len(), splits.len()];
    if lens.iter().any(|&len| len != count) || targets.len() != weights.len() {
        return Err(Stop::invalid("lists of nodes or leaves have different lengths"));
    }
    let mut forest = Forest { nodes: vec![Node::Leaf(Vec::new()); count], roots, num_targets };
    forest.nodes.extend(targets.into_iter().zip(weights).map(|value| Node::Leaf(vec![value])));
    let total = forest.nodes.len();
    let child = |to: usize, is_leaf: usize| {
        let node = if is_leaf == 0 { to } else { count.saturating_add(to) };
        if node < total { Ok(node) } else { Err(Stop::invalid(format!("child {to} of {total}"))) }
    };
    for k in 0..count {
        let mode = usize::try_from(modes[k]).ok().and_then(|mode| MODES.get(mode)).copied().unwrap_or("BRANCH_MEMBER");
        forest.branch(k, mode, features[k], splits[k], [child(yes[k], yes_leaf[k])?, child(no[k], no_leaf[k])?])?;
    }
    if forest.roots.iter().any(|&root| root >= total) {
        return Err(Stop::invalid("a root that is no node"));
    }
    let y = sums(l, forest, mean, Vec::new())?;
    l.set(0, y);
    Ok(())
}

/// The forest's sums or means, and the values that are added.
pub(super) fn sums(l: &mut Lowering<'_>, mut forest: Forest, mean: bool, base: Vec<f32>) -> Result<Operand, Stop> {
    let x = l.input(0)?.as_float();
    let num_targets = forest.num_targets;
    if mean {
        #[expect(clippy::cast_precision_loss, reason = "trees are few")]
        let share = 1.0 / forest.roots.len().max(1) as f32;
        for node in &mut forest.nodes {
            if let Node::Leaf(values) = node {
                values.iter_mut().for_each(|(_, value)| *value *= share);
            }
        }
    }
    let y = forest.lower(l, &x)?;
    if base.is_empty() {
        return Ok(y);
    }
    if base.len() != num_targets {
        return Err(Stop::invalid(format!("{} base values for {num_targets} targets", base.len())));
    }
    let base = l.constant("base", vec![1, num_targets], Data::Float(base))?;
    l.binary("based", ModelOp::Add, &y, &base)
}
