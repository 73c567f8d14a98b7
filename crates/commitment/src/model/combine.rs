//! Combinations of the integer rows with coefficients from an extension field.

use p3_field::{BasedVectorSpace, PackedValue, PrimeCharacteristicRing, PrimeField64};
use rayon::prelude::*;
use veritorch_execute::kernels::combine_rows;
use veritorch_sumcheck::field::{PackedE, PackedF};
use veritorch_sumcheck::{Ext, F};

fn limbs<E: Ext, const D: usize>(value: &E) -> [u64; D] {
    let coefficients = value.as_basis_coefficients_slice();
    std::array::from_fn(|d| F::as_canonical_u64(&coefficients[d]))
}

fn combine_limbs<E: Ext, const D: usize>(rows: &[&[i8]], coefficients: &[E]) -> Vec<[u64; D]> {
    let coefficients: Vec<[u64; D]> = coefficients.iter().map(limbs).collect();
    combine_rows(rows, &coefficients)
}

/// `sum_r coefficients[r] rows[r]`; empty if there are no rows.
///
/// # Panics
/// If the extension has another degree than 2 or 3.
pub(crate) fn combine<E: Ext>(rows: &[&[i8]], coefficients: &[E]) -> Vec<E> {
    fn elements<E: Ext, const D: usize>(limbs: &[[u64; D]]) -> Vec<E> {
        limbs.iter().map(|limbs| E::from_limbs(limbs)).collect()
    }
    match E::DEGREE {
        2 => elements(&combine_limbs::<E, 2>(rows, coefficients)),
        3 => elements(&combine_limbs::<E, 3>(rows, coefficients)),
        degree => panic!("no kernel for extensions of degree {degree}"),
    }
}

/// As [`combine`], in SIMD vectors. The length of a row is a multiple of a vector's.
///
/// # Panics
/// If the extension has another degree than 2 or 3.
pub(crate) fn combine_packed<E: Ext>(rows: &[&[i8]], coefficients: &[E]) -> Vec<PackedE<E>> {
    fn vectors<E: Ext, const D: usize>(limbs: &[[u64; D]]) -> Vec<PackedE<E>> {
        limbs
            .par_chunks_exact(PackedF::WIDTH)
            .with_min_len(1 << 8)
            .map(|lanes| PackedE::<E>::from_basis_coefficients_fn(|d| PackedF::from_fn(|lane| F::from_u64(lanes[lane][d]))))
            .collect()
    }
    match E::DEGREE {
        2 => vectors::<E, 2>(&combine_limbs::<E, 2>(rows, coefficients)),
        3 => vectors::<E, 3>(&combine_limbs::<E, 3>(rows, coefficients)),
        degree => panic!("no kernel for extensions of degree {degree}"),
    }
}
