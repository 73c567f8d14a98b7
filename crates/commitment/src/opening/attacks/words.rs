//! Matrices and columns that are not those of the roots, or no code words.

use super::*;
use crate::tree::{ColumnTree, Digest, column_leaf};

#[test]
fn rows_and_columns_of_other_matrices_are_refused() {
    let setting = Setting::<E2>::new(1);
    let (one, other) = (commit(&setting, 1), commit(&setting, 2));
    // The same tensors, so that all claims are true; tails, salts and masks are others.
    assert_eq!(refused(&setting, &one, &Deviation { combined: Some(&other), ..Deviation::default() }), EQUATION);
    assert_eq!(refused(&setting, &one, &Deviation { columns: Some(&other), ..Deviation::default() }), ROOTS[0]);
    assert_eq!(refused(&setting, &one, &Deviation { mixed: Some(&other), ..Deviation::default() }), ROOTS[0]);
    let all = Deviation { combined: Some(&other), columns: Some(&other), ..Deviation::default() };
    assert_eq!(refused(&setting, &one, &all), ROOTS[0]);
    let second = |setting| {
        let mut matrices = commit(setting, 1);
        matrices[1] = commit(setting, 2).remove(1);
        matrices
    };
    let second = second(&setting);
    assert_eq!(refused(&setting, &one, &Deviation { columns: Some(&second), ..Deviation::default() }), ROOTS[1]);
    assert_eq!(refused(&setting, &one, &Deviation { combined: Some(&second), columns: Some(&second), ..Deviation::default() }), ROOTS[1]);
}

#[test]
fn a_matrix_that_is_not_encoded_is_refused() {
    // In one of the stacks, the tree of a word that differs from the code in three of four columns.
    let (setting, foreign) = (Setting::<E2>::new(1), Setting::<E2>::new(2));
    let num_leaves = 1usize << setting.opening.code.log_domain;
    let leaves = |matrix: &MatrixData| -> Vec<Digest> {
        (0..num_leaves).map(|index| matrix.column(index)).map(|(column, salt)| column_leaf(&column, &salt)).collect()
    };
    for stack in 0..2 {
        let (mut far, mut other) = (commit(&setting, 1), commit(&setting, 1));
        other[stack] = commit(&foreign, 2).remove(stack);
        let (one, two) = (leaves(&far[stack].1), leaves(&other[stack].1));
        assert_eq!(ColumnTree::new(one.clone()).root(), far[stack].0);
        far[stack].1.tree = ColumnTree::new((0..num_leaves).map(|index| if index % 4 == 0 { one[index] } else { two[index] }).collect());
        far[stack].0 = far[stack].1.tree.root();
        assert_eq!(refused(&setting, &far, &Deviation::default()), ROOTS[stack]);
        // With the columns that the tree does hold, no row of the code agrees with enough of them.
        assert_eq!(refused(&setting, &far, &Deviation { mixed: Some(&other), ..Deviation::default() }), EQUATION);
        assert_eq!(refused(&setting, &far, &Deviation { mixed: Some(&other), combined: Some(&other), ..Deviation::default() }), EQUATION);
    }
}

#[test]
fn missing_extra_and_exchanged_roots_are_refused() {
    let setting = Setting::<E2>::new(1);
    let proof = prove(&setting, &commit(&setting, 1), &Deviation::default());
    let error = |change: Change<'_, E2>| check(&setting, &proof, change).unwrap_err();
    let removed = error(&|roots, _| roots.truncate(1));
    assert!(matches!(removed, CommitmentError::Count { what: "roots of an opening", expected: 2, actual: 1 }), "{removed}");
    let added = error(&|roots, _| roots.push([0; 32]));
    assert!(matches!(added, CommitmentError::Count { what: "roots of an opening", expected: 2, actual: 3 }), "{added}");
    assert_eq!(error(&|roots, _| roots.swap(0, 1)).to_string(), ROOTS[0]);
    assert_eq!(error(&|roots, _| roots[1][5] ^= 1).to_string(), ROOTS[1]);
}

#[test]
fn columns_salts_and_nodes_that_are_moved_or_changed_are_refused() {
    let setting = Setting::<E2>::new(1);
    let committed = commit(&setting, 1);
    for stack in 0..2 {
        let cells = 8 * (setting.opening.num_rows(stack) + setting.opening.num_mask_rows(stack));
        let column = cells + 8 * SALT;
        type Rewrite<'a> = &'a dyn Fn(Vec<u8>, usize) -> Vec<u8>;
        let flip = |at: usize| {
            move |mut bytes: Vec<u8>, _: usize| {
                bytes[at] ^= 1;
                bytes
            }
        };
        let swap_columns = |mut bytes: Vec<u8>, _| {
            let (one, other) = bytes.split_at_mut(column);
            one.swap_with_slice(&mut other[..column]);
            bytes
        };
        let node = |mut bytes: Vec<u8>, end: usize| {
            bytes[end] ^= 1;
            bytes
        };
        let rewrites: [Rewrite<'_>; 4] = [&flip(0), &flip(cells), &swap_columns, &node];
        for rewrite in rewrites {
            assert_eq!(refused(&setting, &committed, &Deviation { rewrite: Some((stack, rewrite)), ..Deviation::default() }), ROOTS[stack]);
        }
        let not_canonical = |mut bytes: Vec<u8>, _| {
            bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
            bytes
        };
        let error = refused(&setting, &committed, &Deviation { rewrite: Some((stack, &not_canonical)), ..Deviation::default() });
        assert_eq!(error, format!("message `{}`: element 1 is not a canonical field element", COLUMNS[stack]));
        let longer = |mut bytes: Vec<u8>, _| {
            bytes.extend([0; 32]);
            bytes
        };
        let shorter = |bytes: Vec<u8>, _| bytes[..bytes.len() - 32].to_vec();
        let rewrites: [Rewrite<'_>; 2] = [&longer, &shorter];
        for rewrite in rewrites {
            let error = refused(&setting, &committed, &Deviation { rewrite: Some((stack, rewrite)), ..Deviation::default() });
            assert!(error.contains(&format!("message `{}` cannot be decoded: it has", COLUMNS[stack])), "{error}");
        }
    }
}
