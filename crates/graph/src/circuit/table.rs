//! Lookup tables: their keys, and the values of function tables, are public and part of the circuit digest. The values of a
//! tensor's table are the tensor's entries, which may be committed weights.

use serde::{Deserialize, Serialize};

use super::TensorId;

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
    /// Two columns: key `i`, value: entry `i` of a tensor, row-major. All extents of a sample are powers of two. With a batch axis,
    /// entries of all samples follow one another; entries behind the last sample are zero.
    Tensor {
        /// The tensor: a weight or an activation.
        tensor: TensorId,
        /// Logarithm of the number of rows.
        log_len: u32,
    },
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Range { log_len, .. } | Self::Tensor { log_len, .. } => 1 << log_len,
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
            Self::Function { .. } | Self::Tensor { .. } => 2,
        }
    }

    /// Least key.
    #[must_use]
    pub fn min(&self) -> i64 {
        match self {
            Self::Range { min, .. } | Self::Function { min, .. } => *min,
            Self::Tensor { .. } => 0,
        }
    }

    /// The tensor whose entries are the values.
    #[must_use]
    pub fn tensor(&self) -> Option<TensorId> {
        match self {
            Self::Tensor { tensor, .. } => Some(*tensor),
            Self::Range { .. } | Self::Function { .. } => None,
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
