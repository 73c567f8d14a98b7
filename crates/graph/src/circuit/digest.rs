//! The circuit's digest: BLAKE3 over the canonical encoding of everything in it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Circuit;

/// 32 bytes that name a circuit: architecture, shapes, quantisation, tables and policy, not weights.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitDigest(pub [u8; 32]);

impl fmt::Display for CircuitDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CircuitDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CircuitDigest({self})")
    }
}

impl Circuit {
    /// Digest of the circuit without its batch size, which is part of each statement instead.
    ///
    /// # Panics
    /// Never: encoding into memory cannot fail.
    #[must_use]
    pub fn digest(&self) -> CircuitDigest {
        let bytes = postcard::to_stdvec(self).expect("encoding into memory cannot fail");
        CircuitDigest(blake3::derive_key("veritorch 2026 circuit digest v1", &bytes))
    }
}
