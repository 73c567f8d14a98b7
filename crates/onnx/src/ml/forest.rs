//! What the tree ensembles share: nodes of any comparison become `x[feature] <= threshold`, siblings stand side by side, and the forest is one
//! [`ModelOp::Trees`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

/// Steps of a path at most.
const MAX_DEPTH: usize = 256;

/// A node; others by their position in [`Forest::nodes`].
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Values with their targets.
    Leaf(Vec<(usize, f32)>),
    /// To `low` where `x[feature] <= threshold`, else to `high`.
    Branch { feature: usize, threshold: f32, low: usize, high: usize },
}

/// Decision trees.
#[derive(Debug, Default)]
pub(super) struct Forest {
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<usize>,
    pub(super) num_targets: usize,
}

impl Forest {
    /// Sets node `at` to ONNX's comparison `mode`; `yes` and `no` are nodes.
    pub(super) fn branch(&mut self, at: usize, mode: &str, feature: usize, value: f32, [yes, no]: [usize; 2]) -> Result<(), Stop> {
        if value.is_nan() {
            return Err(Stop::invalid(format!("node {at} compares with NaN")));
        }
        let below = value.next_down();
        // What is below a threshold is at most the number before it.
        let (threshold, low, high) = match mode {
            "BRANCH_LEQ" => (value, yes, no),
            "BRANCH_LT" => (below, yes, no),
            "BRANCH_GTE" => (below, no, yes),
            "BRANCH_GT" => (value, no, yes),
            "BRANCH_EQ" | "BRANCH_NEQ" => {
                let (same, other) = if mode == "BRANCH_EQ" { (yes, no) } else { (no, yes) };
                self.nodes.push(Node::Branch { feature, threshold: finite(below), low: other, high: same });
                (value, self.nodes.len() - 1, other)
            }
            other => return Err(Stop::unsupported(format!("nodes of mode {other}"))),
        };
        self.nodes[at] = Node::Branch { feature, threshold: finite(threshold), low, high };
        Ok(())
    }

    /// The sums of leaves `[1, targets]` for one row of features.
    pub(super) fn lower(mut self, l: &mut Lowering<'_>, x: &Operand) -> Result<Operand, Stop> {
        require_float(x, "the input")?;
        let Some((&num_features, [] | [1])) = x.shape.split_last() else {
            return Err(Stop::hinted(
                format!("features of shape {:?}", x.shape),
                "circuits compute on one row at a time: leave the batch axis open, and prove many rows as one batch",
            ));
        };
        let num_targets = self.num_targets;
        let fits = |node: &Node| match node {
            Node::Leaf(values) => values.iter().all(|(target, value)| *target < num_targets && value.is_finite()),
            Node::Branch { feature, .. } => *feature < num_features,
        };
        if self.roots.is_empty() || num_targets == 0 || !self.nodes.iter().all(fits) {
            return Err(Stop::invalid("a tree reads a feature, or has a target or a value, that there is not"));
        }
        let by_tree: Vec<BTreeSet<usize>> = self.roots.iter().map(|&root| self.targets(root)).collect::<Result<_, _>>()?;
        let single = by_tree.iter().all(|targets| targets.len() <= 1);
        if single {
            self.arrange(by_tree);
        }
        let depth = self.depth()?;
        let rows = self.rows(l)?;
        let columns = if single { 1 } else { num_targets };
        let (mut nodes, mut leaves) = (Vec::with_capacity(3 * rows.len()), vec![0.0f32; rows.len() * columns]);
        for (row, &(node, child)) in rows.iter().enumerate() {
            let (feature, threshold) = match &self.nodes[node] {
                Node::Leaf(values) => {
                    for &(target, value) in values {
                        leaves[row * columns + if single { 0 } else { target }] += value;
                    }
                    (0, f32::MAX)
                }
                Node::Branch { feature, threshold, .. } => (*feature, *threshold),
            };
            #[expect(clippy::cast_precision_loss, reason = "rows are fewer than 2^24")]
            nodes.extend([feature as f32, threshold, child as f32]);
        }
        let nodes = l.constant("nodes", vec![rows.len(), 3], Data::Float(nodes))?;
        let leaves = l.constant("leaves", vec![rows.len(), columns], Data::Float(leaves))?;
        let op = ModelOp::Trees { num_trees: self.roots.len(), depth, num_outputs: num_targets };
        l.emit("trees", op, &[x, &nodes, &leaves], vec![1, num_targets])
    }

    /// Orders trees so that tree t is of target `t mod num_targets`, with trees of one leaf where a target has fewer.
    fn arrange(&mut self, by_tree: Vec<BTreeSet<usize>>) {
        let mut of_target = vec![Vec::new(); self.num_targets];
        for (&root, targets) in self.roots.iter().zip(by_tree) {
            of_target[targets.first().copied().unwrap_or(0)].push(root);
        }
        let rounds = of_target.iter().map(Vec::len).max().unwrap_or(0);
        let nothing = self.nodes.len();
        self.nodes.push(Node::Leaf(Vec::new()));
        self.roots = (0..rounds)
            .flat_map(|round| of_target.iter().map(move |roots| roots.get(round).copied().unwrap_or(nothing)))
            .collect();
    }

    /// Targets of the leaves under a root.
    fn targets(&self, root: usize) -> Result<BTreeSet<usize>, Stop> {
        let (mut targets, mut seen, mut pending) = (BTreeSet::new(), BTreeSet::new(), vec![root]);
        while let Some(node) = pending.pop() {
            if seen.insert(node) {
                match self.nodes.get(node).ok_or_else(|| Stop::invalid(format!("node {node} of {}", self.nodes.len())))? {
                    Node::Leaf(values) => targets.extend(values.iter().map(|(target, _)| *target)),
                    Node::Branch { low, high, .. } => pending.extend([*low, *high]),
                }
            }
        }
        Ok(targets)
    }

    /// Steps of the longest path.
    fn depth(&self) -> Result<usize, Stop> {
        let mut level: BTreeSet<usize> = self.roots.iter().copied().collect();
        for depth in 0..MAX_DEPTH {
            let below = level.iter().filter_map(|&node| match &self.nodes[node] {
                Node::Leaf(_) => None,
                Node::Branch { low, high, .. } => Some([*low, *high]),
            });
            level = below.flatten().collect();
            if level.is_empty() {
                return Ok(depth);
            }
        }
        Err(Stop::unsupported(format!("a path of more than {MAX_DEPTH} nodes, or one that has no end")))
    }

    /// The nodes in rows, each with its child's row: roots first, then pairs of siblings.
    fn rows(&self, l: &mut Lowering<'_>) -> Result<Vec<(usize, usize)>, Stop> {
        let mut rows: Vec<(usize, usize)> = self.roots.iter().map(|&root| (root, 0)).collect();
        let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut pending: VecDeque<usize> = (0..rows.len()).collect();
        while let Some(row) = pending.pop_front() {
            rows[row].1 = match self.nodes[rows[row].0] {
                Node::Leaf(_) => row,
                Node::Branch { low, high, .. } => match pairs.get(&(low, high)) {
                    Some(&child) => child,
                    None => {
                        l.charge(2)?;
                        let child = rows.len();
                        pairs.insert((low, high), child);
                        rows.extend([(low, 0), (high, 0)]);
                        pending.extend([child, child + 1]);
                        child
                    }
                },
            };
            if rows.len() >= 1 << 20 {
                return Err(Stop::unsupported("trees with more than 2^20 nodes in all"));
            }
        }
        Ok(rows)
    }
}

fn finite(threshold: f32) -> f32 {
    threshold.clamp(f32::MIN, f32::MAX)
}

/// The attributes of TreeEnsembleClassifier and TreeEnsembleRegressor; `target` is `class` or `target`. Second, whether no value is negative.
pub(super) fn read(l: &mut Lowering<'_>, target: &str, num_targets: usize) -> Result<(Forest, bool), Stop> {
    for unread in ["nodes_hitrates", "nodes_missing_value_tracks_true"] {
        if l.has(unread) {
            l.skip(unread);
        }
    }
    let ints = |name: &str| -> Result<Vec<i64>, Stop> { Ok(l.ints(name)?.unwrap_or_default()) };
    let (of_tree, of_node) = (ints(&format!("{target}_treeids"))?, ints(&format!("{target}_nodeids"))?);
    let targets = ints(&format!("{target}_ids"))?;
    let (trees, ids, features) = (ints("nodes_treeids")?, ints("nodes_nodeids")?, ints("nodes_featureids")?);
    let (yes, no) = (ints("nodes_truenodeids")?, ints("nodes_falsenodeids")?);
    let (modes, values) = (l.strings("nodes_modes")?.unwrap_or_default(), l.numbers("nodes_values")?.unwrap_or_default());
    let count = trees.len();
    if [ids.len(), features.len(), yes.len(), no.len(), modes.len(), values.len()].iter().any(|&len| len != count) {
        return Err(Stop::invalid("lists of nodes have different lengths"));
    }
    let mut at = BTreeMap::new();
    for k in 0..count {
        if at.insert((trees[k], ids[k]), k).is_some() {
            return Err(Stop::invalid(format!("tree {} has node {} twice", trees[k], ids[k])));
        }
    }
    let find = |tree: i64, id: i64| at.get(&(tree, id)).copied().ok_or_else(|| Stop::invalid(format!("tree {tree} has no node {id}")));
    let index = |value: i64, what: &str| usize::try_from(value).map_err(|_| Stop::invalid(format!("{what} {value}")));
    let mut forest = Forest { nodes: vec![Node::Leaf(Vec::new()); count], roots: Vec::new(), num_targets };
    let mut reached = vec![false; count];
    for k in 0..count {
        if modes[k] != "LEAF" {
            let pair = [find(trees[k], yes[k])?, find(trees[k], no[k])?];
            pair.iter().for_each(|&child| reached[child] = true);
            forest.branch(k, &modes[k], index(features[k], "feature")?, values[k], pair)?;
        }
    }
    forest.roots = (0..count).filter(|&k| !reached[k]).collect();
    let num_trees = trees.iter().collect::<BTreeSet<_>>().len();
    if forest.roots.len() != num_trees {
        return Err(Stop::invalid(format!("{} roots of {num_trees} trees", forest.roots.len())));
    }
    let weights = l.numbers(&format!("{target}_weights"))?.unwrap_or_default();
    if [of_node.len(), targets.len(), weights.len()].iter().any(|&len| len != of_tree.len()) {
        return Err(Stop::invalid("lists of leaves have different lengths"));
    }
    let positive = weights.iter().all(|&weight| weight >= 0.0);
    for k in 0..of_tree.len() {
        let value = (index(targets[k], "target")?, weights[k]);
        match &mut forest.nodes[find(of_tree[k], of_node[k])?] {
            Node::Leaf(values) => values.push(value),
            Node::Branch { .. } => return Err(Stop::invalid(format!("node {} of tree {} has a value and is no leaf", of_node[k], of_tree[k]))),
        }
    }
    Ok((forest, positive))
}
