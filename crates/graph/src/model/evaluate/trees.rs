//! Decision trees: `n -> child[n] + [x[feature[n]] > threshold[n]]`, then the leaves' values.

use crate::model::{ModelError, ModelOp, Operand};

/// The sum of leaves `[num_outputs]`: of their rows, or of one value to a tree.
pub(super) fn trees(operands: &[Operand<'_>], num_trees: usize, depth: usize, num_outputs: usize) -> Result<Vec<f32>, ModelError> {
    let (x, nodes, leaves) = (operands[0], operands[1], operands[2]);
    let error = |reason: String| ModelError::Operator { op: ModelOp::Trees { num_trees, depth, num_outputs }.name(), reason };
    let columns = leaves.shape[1];
    let mut sums = vec![0.0f64; num_outputs];
    for tree in 0..num_trees {
        let mut node = tree;
        for _ in 0..depth {
            let &[feature, threshold, child] = nodes.data.get(3 * node..3 * node + 3).unwrap_or_default() else {
                return Err(error(format!("tree {tree} leads to node {node} of {}", nodes.shape[0])));
            };
            // Saturates; features that are not there are refused.
            let value = x.data.get(feature as usize).ok_or_else(|| error(format!("node {node} reads feature {feature}")))?;
            node = child as usize + usize::from(*value > threshold);
        }
        let row = leaves.data.get(node * columns..(node + 1) * columns);
        let row = row.ok_or_else(|| error(format!("tree {tree} leads to node {node} of {}", nodes.shape[0])))?;
        for (k, &value) in row.iter().enumerate() {
            sums[(tree + k) % num_outputs * usize::from(columns == 1) + k * usize::from(columns > 1)] += f64::from(value);
        }
    }
    Ok(sums.into_iter().map(|sum| sum as f32).collect())
}
