//! Secret randomness: pads, dummies and masks.
//!
//! ChaCha20 with 20 rounds in counter mode, keyed by 32 bytes from the operating system, or by a secret seed that is
//! stored. A base-field element is a 64-bit word below `p`; the others, a fraction of `2^-32`, are drawn again, so that elements are
//! exactly uniform if the words are. Long vectors are drawn by generators of their own, side by side, each with a key from this one.
//! The key and the buffered words are wiped when the generator is dropped. [RFC 8439]

use std::fmt;

use chacha20::ChaCha20Rng;
use p3_field::PrimeCharacteristicRing;
use rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::field::{Ext, F, P};

/// Elements that one generator draws of a long vector.
const RUN: usize = 1 << 13;
/// Elements that are drawn at a time.
const BLOCK: usize = 1 << 6;

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

    /// Uniform elements of the base field.
    #[must_use]
    pub fn bases(&mut self, count: usize) -> Vec<F> {
        let mut elements = F::zero_vec(count);
        self.fill_bases(&mut elements);
        elements
    }

    /// As [`Self::bases`], in place. How many threads there are changes nothing.
    pub fn fill_bases(&mut self, elements: &mut [F]) {
        let generators: Vec<Self> = (0..elements.len().div_ceil(RUN))
            .map(|_| {
                let mut seed = Zeroizing::new([0; 32]);
                self.fill(seed.as_mut_slice());
                Self::from_seed(&seed)
            })
            .collect();
        elements.par_chunks_mut(RUN).zip(generators).for_each(|(run, mut generator)| generator.draw(run));
    }

    /// As [`Self::base`], for each.
    fn draw(&mut self, elements: &mut [F]) {
        let mut bytes = Zeroizing::new([0; 8 * BLOCK]);
        for elements in elements.chunks_mut(BLOCK) {
            self.fill(bytes.as_mut_slice());
            let (words, _) = bytes.as_chunks::<8>();
            for (element, &word) in elements.iter_mut().zip(words) {
                let word = u64::from_le_bytes(word);
                *element = if word < P { F::from_u64(word) } else { self.base() };
            }
        }
    }

    /// Uniform bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeField64;

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
    fn long_vectors_are_as_long_as_asked_and_no_run_is_another() {
        let mut rng = SecretRng::from_seed(&[4; 32]);
        for count in [0, 1, 2, BLOCK + 1, RUN, 2 * RUN + 5] {
            let (one, other) = (rng.bases(count), rng.bases(count));
            let mut all: Vec<u64> = one.iter().chain(&other).map(F::as_canonical_u64).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!((one.len(), all.len()), (count, 2 * count));
        }
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let draw = |threads| pool(threads).install(|| SecretRng::from_seed(&[5; 32]).bases(3 * RUN));
        assert_eq!(draw(1), draw(3));
    }

    #[test]
    fn elements_are_uniform() {
        let mut rng = SecretRng::from_seed(&[3; 32]);
        let draws = 1 << 16;
        let one_by_one: Vec<u64> = (0..draws).flat_map(|_| rng.extension::<E2>().limbs()).collect();
        let at_once: Vec<u64> = rng.bases(2 * draws).iter().map(F::as_canonical_u64).collect();
        for words in [one_by_one, at_once] {
            for shift in [0, 4, 60] {
                let mut counts = [0u32; 16];
                for word in &words {
                    assert!(*word < P);
                    counts[(word >> shift) as usize % 16] += 1;
                }
                let mean = words.len() as f64 / 16.0;
                let chi: f64 = counts.iter().map(|&count| (f64::from(count) - mean).powi(2) / mean).sum();
                // 15 degrees of freedom: above 60 with a probability below 1e-6.
                assert!(chi < 60.0, "{counts:?}");
            }
        }
    }
}
