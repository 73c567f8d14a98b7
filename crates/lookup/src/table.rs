//! Tables: `2^log_len` rows `(key_i)` or `(key_i, value_i)` with `key_i = min + i`. Keys are public; values are public functions of them, or
//! the entries of a tensor, about which the argument leaves a claim.
//!
//! The multilinear extension of the keys is `min + sum_b 2^b x_b`; that of the values costs one pass over the table.

use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::eq_table;

use crate::column::Column;
use crate::error::LookupError;

/// Logarithm of the largest number of rows.
pub const MAX_LOG_LEN: usize = 28;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableSpec {
    /// One column: the integers `min .. min + 2^log_len`.
    Range {
        /// Least value.
        min: i64,
        /// Logarithm of the number of rows.
        log_len: usize,
    },
    /// Two columns: key `min + i`, value `values[i]`.
    Function {
        /// Least key.
        min: i64,
        /// Values; their number is a power of two.
        values: Vec<i32>,
    },
    /// Two columns: key `i`, value: entry `i` of a tensor whose axes but the first have powers of two for extents. What is missing to a
    /// power of two is zero.
    Tensor {
        /// The tensor's extents.
        shape: Vec<usize>,
    },
}

impl TableSpec {
    /// Logarithm of the number of rows, rounded up.
    #[must_use]
    pub fn log_len(&self) -> usize {
        match self {
            Self::Range { log_len, .. } => *log_len,
            Self::Function { values, .. } => values.len().next_power_of_two().trailing_zeros() as usize,
            Self::Tensor { shape } => padded_vars(shape),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        1 << self.log_len()
    }

    /// Number of columns, 1 or 2.
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

    /// The extents of the tensor whose entries are the values.
    #[must_use]
    pub fn tensor(&self) -> Option<&[usize]> {
        match self {
            Self::Tensor { shape } => Some(shape),
            Self::Range { .. } | Self::Function { .. } => None,
        }
    }

    pub(crate) fn check(&self, position: usize) -> Result<(), LookupError> {
        let error = |reason: String| Err(LookupError::Statement { reason: format!("table {position}: {reason}") });
        if let Self::Function { values, .. } = self
            && !values.len().is_power_of_two()
        {
            return error(format!("{} rows, not a power of two", values.len()));
        }
        if let Some(shape) = self.tensor()
            && (shape.contains(&0) || shape.iter().skip(1).any(|extent| !extent.is_power_of_two()))
        {
            return error(format!("a tensor of shape {shape:?}, expected powers of two behind the first axis"));
        }
        if self.log_len() > MAX_LOG_LEN {
            return error(format!("2^{} rows, more than 2^{MAX_LOG_LEN}", self.log_len()));
        }
        // Keys are distinct field elements: fewer than p of them, none wraps around.
        if self.min().unsigned_abs() > 1 << 48 {
            return error(format!("least key {} is beyond 2^48", self.min()));
        }
        Ok(())
    }

    /// Value of a row below [`Self::num_rows`], 0 if there is no such column; `entries` are the tensor's.
    pub(crate) fn value(&self, entries: Option<&Column<'_>>, row: usize) -> i64 {
        match self {
            Self::Range { .. } => 0,
            Self::Function { values, .. } => i64::from(values[row]),
            Self::Tensor { .. } => entries.filter(|entries| row < entries.len()).map_or(0, |entries| entries.get(row)),
        }
    }

    /// The row with this tuple, if there is one; whatever the value where it is a tensor's.
    #[must_use]
    pub fn row(&self, tuple: &[i64]) -> Option<usize> {
        let row = usize::try_from(tuple.first()?.checked_sub(self.min())?).ok()?;
        match self {
            Self::Range { .. } => (tuple.len() == 1 && row < self.num_rows()).then_some(row),
            Self::Function { values, .. } => {
                (tuple.len() == 2 && i64::from(*values.get(row)?) == tuple[1]).then_some(row)
            }
            Self::Tensor { .. } => (tuple.len() == 2 && row < self.num_rows()).then_some(row),
        }
    }

    /// The multilinear extension of the keys at a point of `log_len` coordinates.
    #[must_use]
    pub fn keys_at<E: Ext>(&self, point: &[E]) -> E {
        point.iter().fold(E::ZERO, |sum, &x| sum.double() + x) + E::from_int(self.min())
    }

    /// The multilinear extension of the values at a point of `log_len` coordinates; 0 if there is no such column, or it is a
    /// tensor's.
    #[must_use]
    pub fn values_at<E: Ext>(&self, point: &[E]) -> E {
        let Self::Function { values, .. } = self else { return E::ZERO };
        let (high, low) = point.split_at(point.len() / 2);
        let low = eq_table(low);
        let high = eq_table(high);
        values
            .par_chunks(low.len())
            .zip(high)
            .map(|(row, weight)| {
                weight * row.iter().zip(&low).map(|(&value, &weight)| weight * veritorch_sumcheck::field::int(i64::from(value))).sum::<E>()
            })
            .sum()
    }
}
