//! Decision trees: the path that an input takes through each tree, and nothing beside it.
//!
//! # Semantics
//! Node `n` of a forest has a word `2^f * threshold + feature` and a child `c`. Tree `t` starts at node `t` and goes `depth` times from n to
//! `c + [x[feature] > threshold]`; leaves are their own child, with a threshold that no x exceeds. The result is `leaf[k]` of the last node, for each k.
//!
//! # Relation
//! For each tree and level: the word and the child are gathered ([`gather`](super::gather)) by the node's number; the word is split into
//! threshold (quotient) and feature (remainder) by [`requantise`](super::requantise); the feature's value is gathered from x;
//! `x - threshold - 1 + 2^b = 2^b went_right + rest` is another one, for values and thresholds of b bits.
//!
//! # Uniqueness
//! The first node is public; every step is a function of the one before, for all values of the weights: gathers and quotients are. A forest
//! that is no forest (a child that is no node, a feature that x lacks) has no witness where it is stepped on.
//!
//! # Cost
//! Per input, tree and level: seven lookups and five committed entries at 16 bits (two of each more up to 32). Per result and tree: one of each.
//! Per proof and node: a table row and a multiplicity for word, child and each leaf value. Nothing depends on which nodes are visited.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! Zhang, Fang, Zhang, Song, *Zero knowledge proofs for decision tree predictions and accuracy*, CCS 2020; docs/decisions/010-trees.md.

use super::gather::gather;
use super::requantise::{Quotient, requantise};
use crate::circuit::{AxisFactor, AxisMap, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// A forest. Its tensors are weights whose entries, row-major, belong to the nodes; extents are powers of two.
#[derive(Clone, Debug)]
pub struct Trees {
    /// Number of trees: their first nodes are `0, 1, ..`.
    pub num_trees: usize,
    /// Steps from a first node to a leaf.
    pub depth: usize,
    /// `2^log_features * threshold + feature`.
    pub words: TensorId,
    /// Logarithm of the number of features, at least 1.
    pub log_features: u32,
    /// Where to go where the value does not exceed the threshold; one further where it does.
    pub children: TensorId,
    /// A tensor of leaf values for each result.
    pub leaves: Vec<TensorId>,
    /// Bits of thresholds and features' values, all within `[-2^(bits - 1), 2^(bits - 1))`.
    pub bits: u32,
}

/// Adds the leaves' values `[trees]`, one tensor for each entry of [`Trees::leaves`], for features `x [.., n]` in one row.
///
/// # Errors
/// If x has more entries than there are features, or its values more bits.
pub fn trees(builder: &mut CircuitBuilder, name: &str, x: TensorId, forest: &Trees) -> Result<Vec<TensorId>, CircuitError> {
    let &Trees { num_trees, depth, words, log_features, children, bits, .. } = forest;
    let len: usize = builder.shape(x).iter().product();
    let ((lo, hi), reach) = (builder.range(x), 1i64 << (bits - 1));
    if len > 1 << log_features || log_features == 0 || lo < -reach || hi >= reach {
        return Err(builder.error(name, format!("{len} values {lo}..={hi} for 2^{log_features} features of {bits} bits")));
    }
    let row = builder.reshape(&format!("{name}:row"), x, &[len])?;
    let filled = [1usize << log_features];
    let terms = vec![Term { x: row, coefficient: 1, map: SeparableMap::along(1, 0, AxisMap::Strided { start: 0, step: 1 }) }];
    let x = builder.linear(&format!("{name}:features"), &filled, terms, Vec::new())?;
    let shape = [num_trees];
    let first = vec![(1, vec![AxisFactor::Values((0..num_trees as i64).collect())])];
    let mut node = builder.linear(&format!("{name}:first"), &shape, Vec::new(), first)?;
    let last = builder.shape(children).iter().product::<usize>() as i64 - 1;
    for level in 0..depth {
        let part = |what: &str| format!("{name}:{what}{level}");
        let word = gather(builder, &part("word"), node, words)?;
        let threshold = Quotient::Range { min: -reach, log_len: bits };
        let split = requantise(builder, &part("threshold"), word, log_features, threshold)?;
        let [feature] = split.remainders.as_slice() else {
            return Err(builder.error(name, format!("2^{log_features} features, expected at most 2^16")));
        };
        let value = gather(builder, &part("value"), *feature, x)?;
        let terms = vec![Term::identity(value, 1, 1), Term::identity(split.quotient, -1, 1)];
        let above = builder.linear(&part("above"), &shape, terms, vec![((1 << bits) - 1, vec![AxisFactor::Ones])])?;
        builder.narrow(above, 0, (2 << bits) - 1);
        let right = requantise(builder, &part("right"), above, bits, Quotient::Range { min: 0, log_len: 1 })?;
        let child = gather(builder, &part("child"), node, children)?;
        let terms = vec![Term::identity(child, 1, 1), Term::identity(right.quotient, 1, 1)];
        node = builder.linear(&part("node"), &shape, terms, Vec::new())?;
        // Trees lead to nodes; weights that do not have no witness.
        builder.narrow(node, 0, last);
    }
    forest.leaves.iter().enumerate().map(|(k, &leaf)| gather(builder, &format!("{name}:leaf{k}"), node, leaf)).collect()
}
