//! Goldilocks and its extensions.
//!
//! `F` has `p = 2^64 - 2^32 + 1`; challenges live in `E2` (128 bits) or `E3` (192 bits, for the 128-bit profile).

use p3_field::extension::{BinomialExtensionField, CubicTrinomialExtensionField};
use p3_field::{ExtensionField, PackedFieldExtension, PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use p3_goldilocks::Goldilocks;

/// The base field.
pub type F = Goldilocks;
/// The quadratic extension, 128 bits.
pub type E2 = BinomialExtensionField<F, 2>;
/// The cubic extension, 192 bits.
pub type E3 = CubicTrinomialExtensionField<F>;

/// The packed form of an extension field: one SIMD vector per basis coefficient.
pub type PackedE<E> = <E as ExtensionField<F>>::ExtensionPacking;
/// The packed form of the base field.
pub type PackedF = <F as p3_field::Field>::Packing;

/// The order of the base field.
pub const P: u64 = F::ORDER_U64;

/// A field that challenges are drawn from.
pub trait Ext:
    ExtensionField<F, ExtensionPacking: PackedFieldExtension<F, Self>> + TwoAdicField + serde::Serialize + for<'de> serde::Deserialize<'de>
{
    /// Degree over `F`.
    const DEGREE: usize;
    /// `log2 |E|`, rounded down to what a security statement may claim.
    const BITS: f64;

    /// The base-field coefficients in canonical form, lowest first.
    #[must_use]
    fn limbs(&self) -> Vec<u64> {
        self.as_basis_coefficients_slice().iter().map(PrimeField64::as_canonical_u64).collect()
    }

    /// The element with these canonical coefficients.
    #[must_use]
    fn from_limbs(limbs: &[u64]) -> Self {
        Self::from_basis_coefficients_fn(|d| F::from_u64(limbs[d]))
    }

    /// The element of the base field that an integer stands for.
    #[must_use]
    fn from_int(value: i64) -> Self {
        Self::from(int(value))
    }
}

impl Ext for E2 {
    const DEGREE: usize = 2;
    const BITS: f64 = 127.999;
}

impl Ext for E3 {
    const DEGREE: usize = 3;
    const BITS: f64 = 191.999;
}

/// The field element that an integer stands for.
#[must_use]
pub fn int(value: i64) -> F {
    let magnitude = F::from_u64(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}
