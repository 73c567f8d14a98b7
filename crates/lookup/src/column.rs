//! Columns of lookups as the prover holds them: real entries, row-major, in the integer type that the executor chose.

/// The real entries of one tensor.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// 8-bit entries.
    I8(&'a [i8]),
    /// 16-bit entries.
    I16(&'a [i16]),
    /// 32-bit entries.
    I32(&'a [i32]),
    /// 64-bit entries.
    I64(&'a [i64]),
}

impl Column<'_> {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `index`.
    ///
    /// # Panics
    /// If the index is out of range.
    #[must_use]
    pub fn get(&self, index: usize) -> i64 {
        match self {
            Self::I8(values) => i64::from(values[index]),
            Self::I16(values) => i64::from(values[index]),
            Self::I32(values) => i64::from(values[index]),
            Self::I64(values) => values[index],
        }
    }
}
