//! Public tables: `2^log_len` rows `(key_i)` or `(key_i, value_i)` with `key_i = min + i`.
//!
//! The multilinear extension of the keys is `min + sum_b 2^b x_b`; that of the values costs one pass over the table.

use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::mle::eq_table;

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
}

impl TableSpec {
    /// Logarithm of the number of rows, rounded up.
    #[must_use]
    pub fn log_len(&self) -> usize {
        match self {
            Self::Range { log_len, .. } => *log_len,
            Self::Function { values, .. } => values.len().next_power_of_two().trailing_zeros() as usize,
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

    pub(crate) fn check(&self, position: usize) -> Result<(), LookupError> {
        let error = |reason: String| Err(LookupError::Statement { reason: format!("table {position}: {reason}") });
        if let Self::Function { values, .. } = self
            && !values.len().is_power_of_two()
        {
            return error(format!("{} rows, not a power of two", values.len()));
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

    /// Key and value of a row below [`Self::num_rows`]; the value is 0 if there is no such column.
    pub(crate) fn tuple(&self, row: usize) -> (i64, i64) {
        let value = match self {
            Self::Range { .. } => 0,
            Self::Function { values, .. } => i64::from(values[row]),
        };
        (self.min() + row as i64, value)
    }

    /// The row with this tuple, if there is one.
    #[must_use]
    pub fn row(&self, tuple: &[i64]) -> Option<usize> {
        let row = usize::try_from(tuple.first()?.checked_sub(self.min())?).ok()?;
        match self {
            Self::Range { .. } => (tuple.len() == 1 && row < self.num_rows()).then_some(row),
            Self::Function { values, .. } => {
                (tuple.len() == 2 && i64::from(*values.get(row)?) == tuple[1]).then_some(row)
            }
        }
    }

    /// The multilinear extension of the keys at a point of `log_len` coordinates.
    #[must_use]
    pub fn keys_at<E: Ext>(&self, point: &[E]) -> E {
        point.iter().fold(E::ZERO, |sum, &x| sum.double() + x) + E::from_int(self.min())
    }

    /// The multilinear extension of the values at a point of `log_len` coordinates; 0 if there is no such column.
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
