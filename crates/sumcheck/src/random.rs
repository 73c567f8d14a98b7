//! Secret randomness: pads, dummies and masks.
//!
//! ChaCha20 with 20 rounds in counter mode, keyed by 32 bytes from the operating system, or by a secret seed that is
//! stored. A base-field element is a 64-bit word below `p`; the others, a fraction of `2^-32`, are drawn again, so that elements are
//! exactly uniform if the words are. The key and the buffered words are wiped when the generator is dropped. [RFC 8439]

use std::fmt;

use chacha20::ChaCha20Rng;
use p3_field::PrimeCharacteristicRing;
use rand_core::{Rng, SeedableRng};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::field::{Ext, F, P};

/// The operating system has no random bytes to give.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the operating system gives no random bytes: {reason}")]
pub struct NoRandomness {
    /// What it says.
    pub reason: String,
}

/// A generator of secrets. It cannot be copied: no mask is drawn twice.
pub struct SecretRng {
    generator: ChaCha20Rng,
}

impl fmt::Debug for SecretRng {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretRng")
    }
}

impl SecretRng {
    /// A generator with a fresh key from the operating system.
    ///
    /// # Errors
    /// If the operating system has no random bytes to give.
    pub fn from_os() -> Result<Self, NoRandomness> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| NoRandomness { reason: error.to_string() })?;
        Ok(Self::from_seed(&seed))
    }

    /// The generator with this key: for masks that are derived from a seed which is stored and kept secret, and for tests. Whoever
    /// has the seed has the masks; masks for two statements must not come from one seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let seed = Zeroizing::new(*seed);
        Self { generator: ChaCha20Rng::from_seed(*seed) }
    }

    /// A uniform element of the base field.
    pub fn base(&mut self) -> F {
        loop {
            let word = self.generator.next_u64();
            if word < P {
                return F::from_u64(word);
            }
        }
    }

    /// A uniform element of the extension field.
    pub fn extension<E: Ext>(&mut self) -> E {
        E::from_basis_coefficients_fn(|_| self.base())
    }

    /// Uniform bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{E2, E3};

    #[test]
    fn a_seed_fixes_the_numbers_and_keys_of_the_system_differ() {
        let draw = |mut rng: SecretRng| (rng.base(), rng.extension::<E2>(), rng.extension::<E3>());
        assert_eq!(draw(SecretRng::from_seed(&[1; 32])), draw(SecretRng::from_seed(&[1; 32])));
        assert_ne!(draw(SecretRng::from_seed(&[1; 32])), draw(SecretRng::from_seed(&[2; 32])));
        assert_ne!(draw(SecretRng::from_os().unwrap()), draw(SecretRng::from_os().unwrap()));
    }

    #[test]
    fn the_generator_is_chacha20() {
        // RFC 8439, appendix A.1, test vector 1: the key stream of the zero key and nonce.
        let mut bytes = [0; 16];
        SecretRng::from_seed(&[0; 32]).fill(&mut bytes);
        assert_eq!(bytes, [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28]);
    }

    #[test]
    fn elements_are_uniform() {
        let mut rng = SecretRng::from_seed(&[3; 32]);
        let mut counts = [0u32; 16];
        let draws = 1 << 16;
        for _ in 0..draws {
            let [low, high]: [u64; 2] = rng.extension::<E2>().limbs().try_into().unwrap();
            assert!(low < P && high < P);
            counts[usize::from(high as u8 >> 4)] += 1;
        }
        let mean = f64::from(draws) / 16.0;
        let chi: f64 = counts.iter().map(|&count| (f64::from(count) - mean).powi(2) / mean).sum();
        // 15 degrees of freedom: above 60 with a probability below 1e-6.
        assert!(chi < 60.0, "{counts:?}");
    }
}
