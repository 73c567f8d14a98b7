//! The circuit as text, one line per tensor.

use std::fmt;

use super::Circuit;

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circuit {}", self.name)
    }
}
