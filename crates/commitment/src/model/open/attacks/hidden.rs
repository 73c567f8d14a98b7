//! What the columns of a model show to someone who knows the weights: nothing new with masks and salts, everything without.

use std::collections::BTreeSet;

use p3_field::PrimeField64;

use super::*;
use crate::stack::signed;
use crate::tree::column_leaf;

/// Columns without what the weights contribute, row by row, and whether each leaf is found with its column alone.
fn residues(model: &ModelProver, indices: &[usize]) -> (Vec<F>, Vec<bool>) {
    let points = columns::points(model.layout().log_domain(), indices);
    let shown = model.columns(&points, indices);
    let weights = |row: usize, point: F| model.row(row).iter().rev().fold(F::ZERO, |sum, &cell| sum * point + signed(i64::from(cell)));
    let residues = shown.iter().zip(&points).flat_map(|((column, _), &point)| {
        column.iter().enumerate().map(move |(row, &cell)| cell - weights(row, point)).collect::<Vec<F>>()
    });
    let found = shown.iter().zip(indices).map(|((column, salt), &index)| {
        let leaf = model.tree().siblings(&[index ^ 1])[0];
        assert_eq!(leaf, column_leaf(column, salt));
        leaf == column_leaf(column, &vec![F::ZERO; salt.len()])
    });
    (residues.collect(), found.collect())
}

#[test]
fn model_columns_are_hidden_by_masks_and_salts() {
    let model = model(1);
    // As many columns as the whole lifetime opens.
    let count = OPENINGS * model.layout().num_queries();
    assert!(count <= model.layout().num_masks());
    let indices: Vec<usize> = (0..count).map(|i| 5 * i + 1).collect();
    assert!(indices[count - 1] < 1 << model.layout().log_domain());
    let (shown, found) = residues(&model, &indices);
    let mut counts = [0.0f64; 16];
    shown.iter().for_each(|residue| counts[(residue.as_canonical_u64() % 16) as usize] += 1.0);
    let mean = shown.len() as f64 / 16.0;
    let chi: f64 = counts.iter().map(|count| (count - mean).powi(2) / mean).sum();
    // 15 degrees of freedom: above 100 with a probability below 1e-13.
    assert!(chi < 100.0, "{counts:?}");
    assert!(!found.contains(&true));
    let points = columns::points(model.layout().log_domain(), &indices);
    let salts: BTreeSet<Vec<u64>> =
        model.columns(&points, &indices).iter().map(|(_, salt)| salt.iter().map(F::as_canonical_u64).collect()).collect();
    assert_eq!(salts.len(), count);

    // Public weights: columns follow from them, and so do leaves.
    let public = ModelProver::commit(ModelLayout::new(&infos(), 0, LEVEL).unwrap(), &params(1), [1; 32]).unwrap();
    let (shown, found) = residues(&public, &indices);
    assert!(shown.iter().all(|&residue| residue == F::ZERO));
    assert!(!found.contains(&false));
}
