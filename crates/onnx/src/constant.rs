//! Constants during the import: float, integer and boolean tensors. Only floats reach the model graph.

use veritorch_graph::model::index::{
    broadcast, broadcast_strides, element_count, for_each_index, offset,
};

use crate::element::Kind;

/// Entries of a constant, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Float(Vec<f32>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

impl Data {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Int(_) => Kind::Int,
            Self::Bool(_) => Kind::Bool,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Float(data) => data.len(),
            Self::Int(data) => data.len(),
            Self::Bool(data) => data.len(),
        }
    }
}

/// A constant with its shape; extents of 0 occur in shape arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
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
