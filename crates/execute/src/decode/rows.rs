//! Rows `first .. end` of tensors along one axis, and of the operators that make them.

use std::ops::Range;

use veritorch_graph::circuit::{AxisFactor, AxisLink, AxisMap, Op, Tensor};

use crate::data::{Entry, TensorData, TensorView, build_entries, with_entries, Width};

/// Where rows lie in a row-major tensor: `outer` runs of `extent` rows of `inner` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    outer: usize,
    extent: usize,
    inner: usize,
}

impl Layout {
    pub(super) fn new(shape: &[usize], axis: usize) -> Self {
        let (outer, rest) = shape.split_at(axis);
        Self { outer: outer.iter().product(), extent: rest[0], inner: rest[1..].iter().product() }
    }

    /// Entries of one run of rows, for each run: in the whole tensor and among the rows alone.
    fn runs(self, rows: &Range<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (first, len) = (rows.start * self.inner, rows.len() * self.inner);
        (0..self.outer).map(move |run| {
            let whole = run * self.extent * self.inner + first;
            (whole..whole + len, run * len..(run + 1) * len)
        })
    }

    /// The rows of a whole tensor.
    pub(super) fn take(self, whole: TensorView<'_>, rows: &Range<usize>) -> TensorData {
        fn copy<T: Entry>(layout: Layout, whole: &[T], rows: &Range<usize>) -> Vec<T> {
            layout.runs(rows).flat_map(|(from, _)| whole[from].iter().copied()).collect()
        }
        match whole {
            TensorView::I16(x) => TensorData::I16(copy(self, x, rows)),
            TensorView::I32(x) => TensorData::I32(copy(self, x, rows)),
            TensorView::I64(x) => TensorData::I64(copy(self, x, rows)),
        }
    }

    /// Puts rows into a whole tensor of the same type.
    pub(super) fn put(self, whole: &mut TensorData, values: TensorView<'_>, rows: &Range<usize>) {
        fn copy<T: Entry>(layout: Layout, whole: &mut [T], values: &[T], rows: &Range<usize>) {
            layout.runs(rows).for_each(|(to, from)| whole[to].copy_from_slice(&values[from]));
        }
        match (whole, values) {
            (TensorData::I16(whole), TensorView::I16(values)) => copy(self, whole, values, rows),
            (TensorData::I32(whole), TensorView::I32(values)) => copy(self, whole, values, rows),
            (TensorData::I64(whole), TensorView::I64(values)) => copy(self, whole, values, rows),
            _ => panic!("rows of the type of their tensor"),
        }
    }
}

/// A tensor of the admitted value that is nearest to zero: what is read of positions that are not there yet.
pub(super) fn filler(tensor: &Tensor) -> TensorData {
    let value = 0i64.clamp(tensor.min, tensor.max);
    build_entries!(Width::of(tensor.min, tensor.max), |T| vec![<T as Entry>::wrap(value); tensor.len()])
}

/// A tensor with these rows of its axis alone.
pub(super) fn restricted(tensor: &Tensor, axis: usize, rows: &Range<usize>) -> Tensor {
    let mut tensor = tensor.clone();
    tensor.shape[axis] = rows.len();
    if let Op::Linear { terms, constant } = &mut tensor.op {
        for link in terms.iter_mut().flat_map(|term| &mut term.map.links) {
            if let AxisLink::Map { output, map: AxisMap::Diagonal(factors), .. } = link
                && *output == axis
            {
                *factors = factors[rows.clone()].to_vec();
            }
        }
        // A mask has a summand for each different row; most of them say nothing of these.
        constant.retain_mut(|(_, factors)| restrict(&mut factors[axis], rows));
    }
    tensor
}

/// The factor on these rows; whether it may differ from zero there.
fn restrict(factor: &mut AxisFactor, rows: &Range<usize>) -> bool {
    match factor {
        AxisFactor::Ones => true,
        AxisFactor::Interval { start, end } => {
            let inside = |at: usize| at.clamp(rows.start, rows.end) - rows.start;
            (*start, *end) = (inside(*start), inside(*end));
            start < end
        }
        AxisFactor::Values(values) => {
            *values = rows.clone().map(|at| values.get(at).copied().unwrap_or(0)).collect();
            values.iter().any(|&value| value != 0)
        }
    }
}

/// Whether every row of `[.., rows, columns]`, the first of which is `first`, is zero behind the column of its own position.
pub(super) fn sees_no_later(x: TensorView<'_>, first: usize, num_rows: usize, columns: usize) -> bool {
    with_entries!(x, |x| x
        .chunks(columns)
        .enumerate()
        .all(|(at, row)| row.iter().skip(first + at % num_rows + 1).all(|value| value.wide() == 0)))
}
