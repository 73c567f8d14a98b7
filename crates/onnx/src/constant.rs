//! Constants during the import: float, integer and boolean tensors. Only floats reach the model graph.

use veritorch_graph::model::index::{
    broadcast, broadcast_strides, element_count, for_each_index, offset,
};

use crate::element::Kind;

/// Entries of a constant, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Real numbers.
    Float(Vec<f32>),
    /// Whole numbers.
    Int(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Data {
    /// What the entries are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Int(_) => Kind::Int,
            Self::Bool(_) => Kind::Bool,
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Float(data) => data.len(),
            Self::Int(data) => data.len(),
            Self::Bool(data) => data.len(),
        }
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A constant with its shape; extents of 0 occur in shape arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Extents.
    pub shape: Vec<usize>,
    /// Entries.
    pub data: Data,
}

/// Why integer arithmetic on constants fails.
pub(crate) type Fault = String;

/// `f` of two tensors' entries, with numpy's broadcasting; `limit` bounds the result's entries.
pub(crate) fn zip<A: Copy, B: Copy, R>(
    (a_shape, a): (&[usize], &[A]),
    (b_shape, b): (&[usize], &[B]),
    f: impl Fn(A, B) -> Result<R, Fault>,
) -> Result<(Vec<usize>, Vec<R>), Fault> {
    let shape = broadcast(a_shape, b_shape)
        .ok_or_else(|| format!("{a_shape:?} and {b_shape:?} do not broadcast"))?;
    let count = element_count(&shape).ok_or_else(|| format!("{shape:?} is too large"))?;
    let (from_a, from_b) = (
        broadcast_strides(a_shape, &shape),
        broadcast_strides(b_shape, &shape),
    );
    let mut out = Vec::with_capacity(count);
    let mut fault = None;
    for_each_index(&shape, |index| {
        match f(a[offset(index, &from_a)], b[offset(index, &from_b)]) {
            Ok(value) => out.push(value),
            Err(reason) => fault = Some(reason),
        }
    });
    fault.map_or(Ok((shape, out)), Err)
}
