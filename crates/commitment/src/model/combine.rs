//! Combinations of the integer rows with coefficients from an extension field.

use p3_field::PrimeField64;
use veritorch_execute::kernels::combine_rows;
use veritorch_sumcheck::{Ext, F};

fn limbs<E: Ext, const D: usize>(value: &E) -> [u64; D] {
    let coefficients = value.as_basis_coefficients_slice();
    std::array::from_fn(|d| F::as_canonical_u64(&coefficients[d]))
}

fn combine_limbs<E: Ext, const D: usize>(rows: &[&[i8]], coefficients: &[E]) -> Vec<E> {
    let coefficients: Vec<[u64; D]> = coefficients.iter().map(limbs).collect();
    combine_rows(rows, &coefficients).iter().map(|limbs| E::from_limbs(limbs)).collect()
}

/// `sum_r coefficients[r] rows[r]`; empty if there are no rows.
///
/// # Panics
/// If the extension has another degree than 2 or 3.
pub(crate) fn combine<E: Ext>(rows: &[&[i8]], coefficients: &[E]) -> Vec<E> {
    match E::DEGREE {
        2 => combine_limbs::<E, 2>(rows, coefficients),
        3 => combine_limbs::<E, 3>(rows, coefficients),
        degree => panic!("no kernel for extensions of degree {degree}"),
    }
}
