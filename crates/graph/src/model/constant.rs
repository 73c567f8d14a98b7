//! Data of weights and other constants: owned numbers, or a view of a file's bytes that is expanded when it is read.
//!
//! A checkpoint's weights stay in the file (memory-mapped, two bytes each): whoever needs the numbers of one tensor reads
//! that tensor and drops it again.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Data of a constant, row-major in its value's shape.
#[derive(Clone)]
pub enum Constant {
    /// Numbers in memory.
    Owned(Vec<f32>),
    /// Numbers in a file.
    Stored(Stored),
}

impl Constant {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(data) => data.len(),
            Self::Stored(stored) => stored.len(),
        }
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, where they are in memory: passes look for patterns in these alone.
    #[must_use]
    pub fn owned(&self) -> Option<&[f32]> {
        match self {
            Self::Owned(data) => Some(data),
            Self::Stored(_) => None,
        }
    }

    /// The same with the rows of a matrix multiplied by factors, one to a row; what is stored stays where it is.
    #[must_use]
    pub fn scaled_rows(&self, factors: &[f64]) -> Self {
        match self {
            Self::Owned(data) => {
                let mut data = data.clone();
                scale_rows(&mut data, factors);
                Self::Owned(data)
            }
            Self::Stored(stored) => {
                let own = stored.factors.iter().flat_map(|own| own.iter()).chain(std::iter::repeat(&1.0));
                let factors = factors.iter().zip(own).map(|(&factor, &own)| factor * own).collect();
                Self::Stored(Stored { factors: Some(factors), ..stored.clone() })
            }
        }
    }

    /// The numbers. What is stored is expanded anew by every call: keep the result no longer than it is needed.
    #[must_use]
    pub fn read(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Owned(data) => Cow::Borrowed(data),
            Self::Stored(stored) => Cow::Owned(stored.read()),
        }
    }
}

impl From<Vec<f32>> for Constant {
    fn from(data: Vec<f32>) -> Self {
        Self::Owned(data)
    }
}

/// Constants are equal if their numbers are.
impl PartialEq for Constant {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owned(data) => f.debug_tuple("Owned").field(data).finish(),
            Self::Stored(stored) => write!(f, "Stored({} of {:?})", stored.len(), stored.element),
        }
    }
}

/// Number types of stored constants, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of a single.
    Bf16,
}

impl Element {
    /// Bytes of one number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Bytes that live as long as a view of them: a memory-mapped file.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A view of one tensor of a file.
#[derive(Clone)]
pub struct Stored {
    bytes: Bytes,
    range: Range<usize>,
    element: Element,
    /// Columns of the matrix that is stored, where its transpose is what the view gives.
    transposed: Option<usize>,
    /// Factors of the view's rows, where it has some.
    factors: Option<Arc<[f64]>>,
}

impl Stored {
    /// The numbers at these bytes; `None` where the range leaves them or does not hold whole numbers.
    #[must_use]
    pub fn new(bytes: Bytes, range: Range<usize>, element: Element) -> Option<Self> {
        let held = (*bytes).as_ref().get(range.clone())?;
        let whole = held.len().is_multiple_of(element.size());
        whole.then_some(Self { bytes, range, element, transposed: None, factors: None })
    }

    /// The transpose of a matrix that is stored row-major with this many columns; `None` where its rows are not whole.
    #[must_use]
    pub fn transposed(self, columns: usize) -> Option<Self> {
        let whole = self.is_plain() && columns > 0 && self.len().is_multiple_of(columns);
        whole.then_some(Self { transposed: Some(columns), ..self })
    }

    /// The first `count` numbers of what is stored; `None` where there are fewer, or behind a transpose or factors.
    #[must_use]
    pub fn first(self, count: usize) -> Option<Self> {
        let fits = self.is_plain() && count <= self.len();
        let end = self.range.start + count.min(self.len()) * self.element.size();
        fits.then_some(Self { range: self.range.start..end, ..self })
    }

    fn is_plain(&self) -> bool {
        self.transposed.is_none() && self.factors.is_none()
    }

    fn len(&self) -> usize {
        self.range.len() / self.element.size()
    }

    fn read(&self) -> Vec<f32> {
        let mut data = self.read_plain();
        if let Some(factors) = &self.factors {
            scale_rows(&mut data, factors);
        }
        data
    }

    fn read_plain(&self) -> Vec<f32> {
        let bytes = &(*self.bytes).as_ref()[self.range.clone()];
        match self.element {
            Element::F32 => self.ordered(bytes.as_chunks().0, |&b| f32::from_le_bytes(b)),
            Element::F16 => self.ordered(bytes.as_chunks().0, |&b| half(u16::from_le_bytes(b))),
            Element::Bf16 => self.ordered(bytes.as_chunks().0, |&b| bfloat16(u16::from_le_bytes(b))),
        }
    }

    fn ordered<const N: usize>(&self, stored: &[[u8; N]], number: impl Fn(&[u8; N]) -> f32) -> Vec<f32> {
        let Some(columns) = self.transposed else {
            return stored.iter().map(number).collect();
        };
        let rows = stored.len() / columns;
        let mut data = vec![0.0; stored.len()];
        // sixteen rows at a time fill whole cache lines of the transpose
        for (band, lines) in stored.chunks(16 * columns).enumerate() {
            for (line, row) in lines.chunks(columns).enumerate() {
                for (column, bytes) in row.iter().enumerate() {
                    data[column * rows + 16 * band + line] = number(bytes);
                }
            }
        }
        data
    }
}

/// Multiplies each row of a matrix by its factor.
fn scale_rows(matrix: &mut [f32], factors: &[f64]) {
    let columns = (matrix.len() / factors.len().max(1)).max(1);
    for (row, &factor) in matrix.chunks_mut(columns).zip(factors) {
        row.iter_mut().for_each(|number| *number = (f64::from(*number) * factor) as f32);
    }
}

/// IEEE half precision.
#[must_use]
pub fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let mantissa = u32::from(bits) & 0x3ff;
    match (exponent, mantissa) {
        (0, m) => {
            #[expect(clippy::cast_precision_loss, reason = "ten bits")]
            let magnitude = m as f32 * (-24f32).exp2();
            f32::from_bits(sign | magnitude.to_bits())
        }
        (0x1f, m) => f32::from_bits(sign | 0x7f80_0000 | (m << 13)),
        (e, m) => f32::from_bits(sign | ((e + 112) << 23) | (m << 13)),
    }
}

/// The upper half of a single.
#[must_use]
pub fn bfloat16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_rows_are_those_of_the_view() {
        let numbers: Vec<f32> = (0..40 * 3).map(|i| (i * i) as f32 / 7.0 - 90.0).collect();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let len = bytes.len();
        let stored = Stored::new(Arc::new(bytes), 0..len, Element::F32).expect("numbers");
        let transposed = Constant::Stored(stored.clone().transposed(3).expect("rows"));
        for (view, rows) in [(Constant::Stored(stored), 40), (transposed, 3)] {
            let factors: Vec<f64> = (0..rows).map(|row| 0.1 + f64::from(row)).collect();
            let owned = Constant::Owned(view.read().into_owned());
            let scaled = view.scaled_rows(&factors);
            assert_eq!(scaled, owned.scaled_rows(&factors));
            assert_eq!(scaled.scaled_rows(&factors).read().len(), numbers.len());
            assert_eq!(owned.scaled_rows(&vec![2.0; factors.len()]), view.scaled_rows(&vec![0.5; factors.len()]).scaled_rows(&vec![4.0; factors.len()]));
        }
    }
}
