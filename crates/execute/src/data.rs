//! Tensor values in the smallest of three integer types that holds the tensor's static range.

/// An integer type that tensors are stored in.
pub trait Entry: Copy + Default + Send + Sync + 'static {
    /// The value.
    fn wide(self) -> i64;
    /// The low bits of a value: exact when it fits, and exact modulo `2^bits` always.
    fn wrap(value: i64) -> Self;
}

macro_rules! entry {
    ($($type:ty),*) => {$(
        impl Entry for $type {
            #[inline(always)]
            fn wide(self) -> i64 {
                i64::from(self)
            }
            #[inline(always)]
            fn wrap(value: i64) -> Self {
                value as Self
            }
        }
    )*};
}
entry!(i16, i32, i64);

/// Values of one tensor, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorData {
    /// Every value lies in `[-2^15, 2^15)`.
    I16(Vec<i16>),
    /// Every value lies in `[-2^31, 2^31)`.
    I32(Vec<i32>),
    /// Anything else.
    I64(Vec<i64>),
}

/// Borrowed [`TensorData`], or a part of it.
#[derive(Clone, Copy, Debug)]
pub enum TensorView<'a> {
    /// See [`TensorData::I16`].
    I16(&'a [i16]),
    /// See [`TensorData::I32`].
    I32(&'a [i32]),
    /// See [`TensorData::I64`].
    I64(&'a [i64]),
}

/// Runs an expression with `$x` bound to the typed slice of a [`TensorView`].
macro_rules! with_entries {
    ($view:expr, |$x:ident| $body:expr) => {
        match $view {
            $crate::data::TensorView::I16($x) => $body,
            $crate::data::TensorView::I32($x) => $body,
            $crate::data::TensorView::I64($x) => $body,
        }
    };
}
pub(crate) use with_entries;

/// Builds [`TensorData`] of a [`Width`] by an expression in which `$T` names the entry type.
macro_rules! build_entries {
    ($width:expr, |$T:ident| $body:expr) => {
        match $width {
            $crate::data::Width::W16 => {
                type $T = i16;
                $crate::data::TensorData::I16($body)
            }
            $crate::data::Width::W32 => {
                type $T = i32;
                $crate::data::TensorData::I32($body)
            }
            $crate::data::Width::W64 => {
                type $T = i64;
                $crate::data::TensorData::I64($body)
            }
        }
    };
}
pub(crate) use build_entries;

/// Which entry type holds a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    W16,
    W32,
    W64,
}

impl Width {
    /// The smallest type that holds `[min, max]`.
    pub(crate) fn of(min: i64, max: i64) -> Self {
        if min >= i64::from(i16::MIN) && max <= i64::from(i16::MAX) {
            Self::W16
        } else if min >= i64::from(i32::MIN) && max <= i64::from(i32::MAX) {
            Self::W32
        } else {
            Self::W64
        }
    }
}

impl TensorData {
    /// Stores values whose static range is `[min, max]` in the smallest type.
    #[must_use]
    pub fn from_values(values: &[i64], min: i64, max: i64) -> Self {
        build_entries!(Width::of(min, max), |T| values.iter().map(|&v| <T as Entry>::wrap(v)).collect())
    }

    /// All entries.
    #[must_use]
    pub fn view(&self) -> TensorView<'_> {
        match self {
            Self::I16(values) => TensorView::I16(values),
            Self::I32(values) => TensorView::I32(values),
            Self::I64(values) => TensorView::I64(values),
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `index`.
    ///
    /// # Panics
    /// If `index >= self.len()`.
    #[must_use]
    pub fn get(&self, index: usize) -> i64 {
        self.view().get(index)
    }

    /// All entries as `i64`.
    #[must_use]
    pub fn to_i64(&self) -> Vec<i64> {
        self.view().to_i64()
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        let view = self.view();
        (0..view.len()).map(move |index| view.get(index))
    }
}

impl<'a> TensorView<'a> {
    /// Number of entries.
    #[must_use]
    pub fn len(self) -> usize {
        with_entries!(self, |x| x.len())
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Entry `index`.
    ///
    /// # Panics
    /// If `index >= self.len()`.
    #[must_use]
    #[inline]
    pub fn get(self, index: usize) -> i64 {
        with_entries!(self, |x| x[index].wide())
    }

    /// Entries `start .. end`.
    ///
    /// # Panics
    /// If `start > end` or `end > self.len()`.
    #[must_use]
    pub fn slice(self, start: usize, end: usize) -> TensorView<'a> {
        match self {
            Self::I16(x) => TensorView::I16(&x[start..end]),
            Self::I32(x) => TensorView::I32(&x[start..end]),
            Self::I64(x) => TensorView::I64(&x[start..end]),
        }
    }

    /// All entries as `i64`.
    #[must_use]
    pub fn to_i64(self) -> Vec<i64> {
        with_entries!(self, |x| x.iter().map(|&v| v.wide()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_type_is_taken_and_values_survive() {
        let values = vec![-3, 0, 7];
        for (min, max, width) in [
            (-32768, 32767, Width::W16),
            (-32769, 0, Width::W32),
            (0, 32768, Width::W32),
            (-(1 << 31), (1 << 31) - 1, Width::W32),
            (0, 1 << 31, Width::W64),
            (i64::MIN, 0, Width::W64),
        ] {
            assert_eq!(Width::of(min, max), width);
            let data = TensorData::from_values(&values, min, max);
            assert_eq!(data.to_i64(), values);
            assert_eq!(data.iter().collect::<Vec<_>>(), values);
            assert_eq!(data.view().slice(1, 3).to_i64(), &values[1..]);
        }
    }
}
