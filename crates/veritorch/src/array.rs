//! Named float arrays: how values enter and leave the library, whatever file or language they come from.

use std::collections::BTreeMap;

/// A row-major float array. `data.len()` is the product of `shape`.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extents; empty for a scalar.
    pub shape: Vec<usize>,
    /// Entries, last axis fastest.
    pub data: Vec<f32>,
}

impl Array {
    /// An array, or `None` where the number of entries is not the shape's.
    #[must_use]
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        let len = shape.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent))?;
        (len == data.len()).then_some(Self { shape, data })
    }
}

/// Arrays by the names of a model's inputs or outputs.
pub type Arrays = BTreeMap<String, Array>;

/// The multi-index of a row-major offset.
pub(crate) fn unravel(mut offset: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (k, &extent) in shape.iter().enumerate().rev() {
        index[k] = offset % extent.max(1);
        offset /= extent.max(1);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_agree() {
        assert!(Array::new(vec![2, 3], vec![0.0; 6]).is_some());
        assert!(Array::new(vec![], vec![0.0]).is_some());
        assert!(Array::new(vec![2, 3], vec![0.0; 5]).is_none());
        assert!(Array::new(vec![usize::MAX, 3], vec![]).is_none());
    }

    #[test]
    fn offsets_become_indices() {
        assert_eq!(unravel(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(unravel(0, &[]), Vec::<usize>::new());
    }
}
