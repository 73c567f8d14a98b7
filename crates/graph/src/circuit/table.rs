//! Lookup tables: public, part of the circuit digest.

use serde::{Deserialize, Serialize};

/// Index in `Circuit::tables`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableId(pub u32);

impl TableId {
    /// Position in `Circuit::tables`.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of rows. The number of rows is a power of two, at most 2^20.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table {
    /// One column: the integers `min .. min + 2^log_len`.
    Range {
        /// Least value.
        min: i64,
        /// Logarithm of the number of rows.
        log_len: u32,
    },
    /// Two columns: key `min + i`, value `values[i]`.
    Function {
        /// Least key.
        min: i64,
        /// Values; their number is a power of two.
        values: Vec<i32>,
        /// For people: `relu, clamp to [0, 255]`.
        name: String,
    },
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Range { log_len, .. } => 1 << log_len,
            Self::Function { values, .. } => values.len(),
        }
    }

    /// Whether there are no rows; a checked circuit has no such table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Range { .. } => 1,
            Self::Function { .. } => 2,
        }
    }

    /// Least key.
    #[must_use]
    pub fn min(&self) -> i64 {
        match self {
            Self::Range { min, .. } | Self::Function { min, .. } => *min,
        }
    }

    /// Greatest key.
    #[must_use]
    pub fn max(&self) -> i64 {
        self.min() + self.len() as i64 - 1
    }

    /// Row whose key this is.
    #[must_use]
    pub fn row(&self, key: i64) -> Option<usize> {
        usize::try_from(key.checked_sub(self.min())?).ok().filter(|&row| row < self.len())
    }
}
