//! Matrices and columns that are not those of the root, or no code words.

use p3_field::PrimeField64;
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::transcript::TranscriptError;
use veritorch_sumcheck::{E2, E3};

use super::*;
use crate::tree::{ColumnTree, Digest, column_leaf};

#[test]
fn another_model_is_refused_however_columns_and_paths_are_mixed() {
    let (one, other) = (model(1), model(2));
    let combined = Deviation { combined: Some(&other), ..Deviation::<E2>::default() };
    let proof = prove(&one, &values(2), &combined);
    assert_eq!(check::<E2>(one.layout(), &one.root(), &proof).unwrap_err().to_string(), EQUATION);
    for paths in [&one, &other] {
        let all = Deviation { combined: Some(&other), columns: Some(&other), paths: Some(paths), ..Deviation::<E2>::default() };
        let error = check::<E2>(one.layout(), &one.root(), &prove(&one, &values(2), &all)).unwrap_err();
        assert_eq!(error.to_string(), ROOT);
    }
    for deviation in [
        Deviation { columns: Some(&other), ..Deviation::<E2>::default() },
        Deviation { paths: Some(&other), ..Deviation::default() },
        Deviation { mixed: Some(&other), ..Deviation::default() },
    ] {
        assert_eq!(refused(&one, &deviation), ROOT);
    }
}

#[test]
fn masks_and_salts_of_another_seed_are_refused() {
    let one = model(1);
    let other = ModelProver::commit(layout(), &params(1), [9; 32]).unwrap();
    assert_eq!(one.matrix(), other.matrix());
    assert_ne!(one.root(), other.root());
    // The same weights: all values are true, and yet the rows are not those of the root.
    let deviation = Deviation { combined: Some(&other), ..Deviation::<E2>::default() };
    assert_eq!(refused(&one, &deviation), EQUATION);
    for deviation in [
        Deviation { columns: Some(&other), ..Deviation::<E2>::default() },
        Deviation { combined: Some(&other), columns: Some(&other), ..Deviation::default() },
    ] {
        assert_eq!(refused(&one, &deviation), ROOT);
    }
    // A proof for one root is none for the other.
    let proof = prove::<E3>(&one, &values(1), &Deviation::default());
    check::<E3>(one.layout(), &other.root(), &proof).unwrap_err();
}

#[test]
fn another_layout_or_root_is_refused() {
    let model = model(1);
    let proof = prove::<E2>(&model, &values(1), &Deviation::default());
    let mut root = model.root();
    root[3] ^= 1;
    check::<E2>(model.layout(), &root, &proof).unwrap_err();
    // Another number of masks, and another orientation of two params.
    let mut infos = infos();
    let fewer = ModelLayout::new(&infos, OPENINGS - 1, LEVEL).unwrap();
    infos[3].shape = [1, 21, 1];
    infos[2].shape = [1, 21, 10];
    for other in [fewer, ModelLayout::new(&infos, OPENINGS, LEVEL).unwrap()] {
        assert_ne!(other.identity(&root), model.layout().identity(&root));
        check::<E2>(&other, &model.root(), &proof).unwrap_err();
    }
}

#[test]
fn a_matrix_that_is_not_encoded_is_refused() {
    // The tree of a word that differs from the code in three of four columns, the rest of the proof honest.
    let (model, other) = (model(1), model(2));
    let leaves = |model: &ModelProver| -> Vec<Digest> {
        let indices: Vec<usize> = (0..1 << model.layout().log_domain()).collect();
        let columns = model.columns(&columns::points(model.layout().log_domain(), &indices), &indices);
        columns.iter().map(|(column, salt)| column_leaf(column, salt)).collect()
    };
    let (one, two) = (leaves(&model), leaves(&other));
    assert_eq!(ColumnTree::new(one.clone()), *model.tree());
    let mixed = (0..one.len()).map(|index| if index % 4 == 0 { one[index] } else { two[index] }).collect();
    let tree = ColumnTree::new(mixed);
    let hostile = ModelProver::load(layout(), &params(1), *model.seed(), tree.clone()).unwrap();
    assert_eq!(refused(&hostile, &Deviation::<E2>::default()), ROOT);
    // With the columns that the tree does hold, no row of the code agrees with enough of them.
    assert_eq!(refused(&hostile, &Deviation::<E2> { mixed: Some(&other), ..Deviation::default() }), EQUATION);
    let combined = Deviation::<E2> { mixed: Some(&other), combined: Some(&other), ..Deviation::default() };
    let proof = prove(&hostile, &values(2), &combined);
    assert_eq!(check::<E2>(hostile.layout(), &hostile.root(), &proof).unwrap_err().to_string(), EQUATION);
}

#[test]
fn path_and_column_lists_of_another_length_are_refused() {
    let model = model(1);
    let column = 8 * (model.layout().num_rows() + SALT);
    let truncate = |mut bytes: Vec<u8>, _| {
        bytes.truncate(bytes.len() - 32);
        bytes
    };
    let extend = |mut bytes: Vec<u8>, _| {
        bytes.extend([0; 32]);
        bytes
    };
    let duplicate_node = |mut bytes: Vec<u8>, cells: usize| {
        let node = bytes[cells..cells + 32].to_vec();
        bytes.splice(cells..cells, node);
        bytes
    };
    let duplicate_column = |mut bytes: Vec<u8>, _| {
        let own = bytes[..column].to_vec();
        bytes.splice(0..0, own);
        bytes
    };
    let nothing = |_, _| Vec::new();
    let rewrites: [Rewrite<'_>; 5] = [&truncate, &extend, &duplicate_node, &duplicate_column, &nothing];
    for rewrite in rewrites {
        let error = refused(&model, &Deviation::<E2> { rewrite: Some(rewrite), ..Deviation::default() });
        assert!(error.contains("message `model columns` cannot be decoded: it has"), "{error}");
    }
}

#[test]
fn columns_salts_and_nodes_that_are_moved_or_changed_are_refused() {
    let model = model(1);
    let rows = 8 * model.layout().num_rows();
    let column = rows + 8 * SALT;
    let swap = |bytes: &mut [u8], len: usize| {
        let (one, other) = bytes.split_at_mut(len);
        one.swap_with_slice(&mut other[..len]);
    };
    let swap_columns = |mut bytes: Vec<u8>, _| {
        swap(&mut bytes, column);
        bytes
    };
    let swap_nodes = |mut bytes: Vec<u8>, cells: usize| {
        swap(&mut bytes[cells..], 32);
        bytes
    };
    let repeat_column = |mut bytes: Vec<u8>, _| {
        bytes.copy_within(..column, column);
        bytes
    };
    let swap_salts = |mut bytes: Vec<u8>, _| {
        let salt = bytes[rows..column].to_vec();
        bytes.copy_within(column + rows..2 * column, rows);
        bytes[column + rows..2 * column].copy_from_slice(&salt);
        bytes
    };
    let other_salt = |mut bytes: Vec<u8>, _| {
        bytes[rows] ^= 1;
        bytes
    };
    let other_cell = |mut bytes: Vec<u8>, _| {
        bytes[column] ^= 1;
        bytes
    };
    let rewrites: [Rewrite<'_>; 6] = [&swap_columns, &swap_nodes, &repeat_column, &swap_salts, &other_salt, &other_cell];
    for rewrite in rewrites {
        assert_eq!(refused(&model, &Deviation::<E2> { rewrite: Some(rewrite), ..Deviation::default() }), ROOT);
    }
    let not_canonical = |mut bytes: Vec<u8>, _| {
        bytes[column - 8..column].copy_from_slice(&u64::MAX.to_le_bytes());
        bytes
    };
    let error = refused(&model, &Deviation::<E2> { rewrite: Some(&not_canonical), ..Deviation::default() });
    assert_eq!(error, format!("message `model columns`: element {} is not a canonical field element", column / 8 - 1));
}

/// Public weights, one row that holds nothing but a small constant: every column of its code is that number.
fn constant() -> (ModelLayout, Vec<i8>) {
    let layout = ModelLayout::new(&[ParamInfo { name: "w".to_owned(), shape: [1, 1, 4], num_planes: 1 }], 0, LEVEL).unwrap();
    let mut matrix = vec![0; layout.num_rows() << layout.log_columns()];
    matrix[0] = 5;
    (layout, matrix)
}

#[test]
fn an_owner_who_hashes_non_canonical_elements_gains_nothing() {
    let (layout, matrix) = constant();
    assert_eq!(layout.num_rows(), 1);
    let tree = |word: u64| ColumnTree::new(vec![blake3::hash(&word.to_le_bytes()).into(); 1 << layout.log_domain()]);
    let canonical = ModelProver::hostile(layout.clone(), matrix.clone(), None);
    assert_eq!(canonical.root(), tree(5).root());
    let hostile = ModelProver::hostile(layout.clone(), matrix, Some(tree(P + 5)));
    let show = |model: &ModelProver| {
        let mut transcript = ProverTranscript::new(DOMAIN);
        model.show_columns(&mut transcript, LEVEL, reservation(model));
        transcript.into_proof()
    };
    let read = |root: &Root, proof: &[u8]| {
        let reduction = Reduction { coefficients: vec![E2::ONE], point: Vec::new(), value: Value::zero() };
        verify_columns(&layout, root, &mut VerifierTranscript::new(DOMAIN, proof), LEVEL, reduction, Place { stack: 0, tensor: 0 })
    };
    assert!(read(&canonical.root(), &show(&canonical)).is_ok());
    // With the canonical bytes the paths fail; with the hashed ones the encoding does.
    let mut proof = show(&hostile);
    assert_eq!(read(&hostile.root(), &proof).unwrap_err().to_string(), ROOT);
    let mut changed = 0;
    for start in 0..proof.len() - 8 {
        if proof[start..start + 8] == 5u64.to_le_bytes() {
            proof[start..start + 8].copy_from_slice(&(P + 5).to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed > 50);
    assert_eq!(F::from_u64(P + 5).as_canonical_u64(), 5);
    let error = read(&hostile.root(), &proof).unwrap_err();
    assert!(matches!(error, CommitmentError::Transcript(TranscriptError::NonCanonical { label: COLUMNS, .. })), "{error}");
}
