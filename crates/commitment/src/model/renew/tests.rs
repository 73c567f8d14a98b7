//! Honest renewals, and owners who change more than the masks.

use veritorch_execute::Params;
use veritorch_graph::circuit::ParamInfo;
use veritorch_sumcheck::{E2, E3};

use super::*;
use crate::model::{InMemory, MaskSeed};

const LEVEL: SecurityLevel = SecurityLevel { bits: 104, grinding: 4 };

fn infos() -> Vec<ParamInfo> {
    [([9, 6, 5], 1), ([1, 10, 33], 2)].map(|(shape, num_planes)| ParamInfo { name: String::new(), shape, num_planes }).to_vec()
}

/// A table of these weights; `change` is added to one of them.
fn table(seed: MaskSeed, change: i64) -> ModelProver {
    let mut values: Vec<Vec<i64>> =
        infos().iter().map(|info| (0..info.shape.iter().product::<usize>() as i64).map(|i| (i * 37 + 11) % 101 - 50).collect()).collect();
    values[1][17] += change;
    let layout = ModelLayout::new(&infos(), 2, LEVEL).unwrap();
    ModelProver::commit(layout, &Params::from_values(&infos(), &values).unwrap(), seed).unwrap()
}

fn prove<E: Ext>(old: &ModelProver, new: &ModelProver) -> Vec<u8> {
    let openings = InMemory::new(2);
    let reservations = [old, new].map(|table| Reservation::take(table.layout(), &openings).unwrap());
    let mut rng = SecretRng::from_seed(&[5; 32]);
    Renewal::<E>::new(old.layout(), LEVEL).unwrap().prove([old, new], reservations, &mut rng).unwrap()
}

fn verify<E: Ext>(old: &ModelProver, new: &ModelProver, proof: &[u8]) -> Result<(), CommitmentError> {
    Renewal::<E>::new(old.layout(), LEVEL).unwrap().verify(&[old.root(), new.root()], proof)
}

#[test]
fn the_same_weights_under_other_masks_are_accepted() {
    let (old, new) = (table([1; 32], 0), table([2; 32], 0));
    assert_ne!(old.root(), new.root());
    verify::<E2>(&old, &new, &prove::<E2>(&old, &new)).unwrap();
    verify::<E3>(&old, &new, &prove::<E3>(&old, &new)).unwrap();
    let terms = Renewal::<E2>::new(old.layout(), LEVEL).unwrap().security_terms();
    assert!(crate::security::total_bits(&terms) > 100.0, "{terms:?}");
}

#[test]
fn one_other_weight_is_refused() {
    let (old, new) = (table([1; 32], 0), table([2; 32], 1));
    let error = verify::<E2>(&old, &new, &prove::<E2>(&old, &new)).unwrap_err().to_string();
    assert!(error.contains("combination"), "{error}");
}

#[test]
fn a_proof_speaks_of_its_two_tables_in_their_order() {
    let (old, new, other) = (table([1; 32], 0), table([2; 32], 0), table([3; 32], 0));
    let proof = prove::<E2>(&old, &new);
    for (first, second) in [(&new, &old), (&old, &other), (&other, &new), (&old, &old)] {
        assert!(verify::<E2>(first, second, &proof).is_err());
    }
}

#[test]
fn a_tree_that_is_not_the_tables_is_refused() {
    let (old, other) = (table([1; 32], 0), table([2; 32], 1));
    // Columns of the right weights under a tree over others.
    let new = ModelProver::hostile(old.layout().clone(), table([7; 32], 0).matrix().to_vec(), Some(other.tree().clone()));
    let error = verify::<E2>(&old, &new, &prove::<E2>(&old, &new)).unwrap_err().to_string();
    assert!(error.contains(COLUMNS[1]), "{error}");
}

#[test]
fn touched_proofs_are_refused() {
    let (old, new) = (table([1; 32], 0), table([2; 32], 0));
    let proof = prove::<E2>(&old, &new);
    let mut positions: Vec<usize> = (0..proof.len()).step_by(proof.len() / 60).collect();
    positions.extend([1, 31, 33, proof.len() - 1]);
    for position in positions {
        let mut other = proof.clone();
        other[position] ^= 0x20;
        assert!(verify::<E2>(&old, &new, &other).is_err(), "byte {position} of {}", proof.len());
    }
    for cut in [0, 1, 31, 40, proof.len() / 2, proof.len() - 1] {
        assert!(verify::<E2>(&old, &new, &proof[..cut]).is_err(), "cut at {cut}");
    }
    let trailing = [proof.as_slice(), &[0]].concat();
    assert!(verify::<E2>(&old, &new, &trailing).is_err());
}

#[test]
fn tables_without_masks_are_not_renewed() {
    let layout = ModelLayout::new(&infos(), 0, LEVEL).unwrap();
    assert_eq!(Renewal::<E2>::new(&layout, LEVEL).err(), Some(CommitmentError::NoMasks));
}
