//! Public linear functions: `y = sum_i coefficient_i * map_i(x_i) + constant`.
//!
//! Sums and windows are taken first, axis by axis. What remains reads one entry per result and axis: a slice with a
//! stride, or a list of indices, with optional factors. Neighbouring axes that every summand treats as one are merged,
//! and the result is computed in short segments that stay in the first cache while all summands are added.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use veritorch_graph::circuit::{AxisFactor, AxisLink, AxisMap, Term};

use super::entrywise::all_within;
use super::reduce::{Reduced, reduce_axis};
use super::segment::Accumulator;
use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};

/// Entries of one task.
const CHUNK: usize = 2048;

/// Which entry of the operand (as an offset) result index `j` of one axis reads, and its factor.
#[derive(Clone, Debug)]
struct Axis {
    /// Results outside `lo .. hi` are zero.
    lo: usize,
    hi: usize,
    /// Offset of index 0 and step between indices.
    start: isize,
    stride: isize,
    /// Offsets instead of `start + stride * j`.
    offsets: Option<Vec<isize>>,
    factors: Option<Vec<i64>>,
}

impl Axis {
    fn strided(len: usize, stride: isize) -> Self {
        Self { lo: 0, hi: len, start: 0, stride, offsets: None, factors: None }
    }

    fn new(map: &AxisMap, input_len: usize, len: usize, stride: isize) -> Self {
        let whole = Self::strided(len, stride);
        match map {
            AxisMap::Identity | AxisMap::Window { .. } => whole,
            AxisMap::Diagonal(factors) => Self { factors: Some(factors.clone()), ..whole },
            AxisMap::Gather(index) => {
                Self { offsets: Some(index.iter().map(|&i| i as isize * stride).collect()), ..whole }
            }
            AxisMap::Strided { start, step } => {
                let inside = |j: &usize| (0..input_len as i64).contains(&(start + step * *j as i64));
                let lo = (0..len).find(inside).unwrap_or(len);
                let hi = (lo..len).rev().find(inside).map_or(lo, |j| j + 1);
                Self { lo, hi, start: *start as isize * stride, stride: *step as isize * stride, ..whole }
            }
            AxisMap::Dilate { start, step } => {
                let end = len.min(start + (input_len - 1) * step + 1);
                let (lo, hi) = ((*start).min(end), end);
                if *step == 1 {
                    return Self { lo, hi, start: -(*start as isize) * stride, ..whole };
                }
                let source = |j: usize| j.checked_sub(*start).filter(|d| d % step == 0).map(|d| d / step);
                let offsets = (0..len).map(|j| source(j).map_or(0, |i| (i.min(input_len - 1)) as isize * stride));
                let factors = (0..len).map(|j| i64::from(source(j).is_some()));
                Self { lo, hi, offsets: Some(offsets.collect()), factors: Some(factors.collect()), ..whole }
            }
        }
    }

    fn offset(&self, j: usize) -> isize {
        self.offsets.as_ref().map_or_else(|| self.start + self.stride * j as isize, |offsets| offsets[j])
    }

    fn factor(&self, j: usize) -> i64 {
        self.factors.as_ref().map_or(1, |factors| factors[j])
    }

    /// Whether this axis of the result and the next one, of this length, read the operand as one axis.
    fn merges(&self, len: usize, next: &Self, next_len: usize) -> bool {
        let plain =
            |axis: &Self, len| axis.lo == 0 && axis.hi == len && axis.offsets.is_none() && axis.factors.is_none();
        plain(self, len) && plain(next, next_len) && self.stride == next.stride * next_len as isize
    }
}

/// A summand after its sums and windows.
struct Summand<'a> {
    x: TensorView<'a>,
    coefficient: i64,
    offset: isize,
    axes: Vec<Axis>,
}

/// A rank-one constant.
struct Constant<'a> {
    value: i64,
    factors: Vec<&'a AxisFactor>,
}

/// The function with these operands, `(view, shape)` per term, and whether every entry lies in `range`, if one is given:
/// then no entry is cut off before it is compared.
pub(crate) fn linear(
    terms: &[Term],
    operands: &[(TensorView<'_>, &[usize])],
    constant: &[(i64, Vec<AxisFactor>)],
    (shape, width): (&[usize], Width),
    range: Option<(i64, i64)>,
) -> (TensorData, bool) {
    let reduced: Vec<Option<Reduced>> =
        terms.iter().zip(operands).map(|(term, &(x, x_shape))| reduce(term, x, x_shape, shape)).collect();
    let mut summands: Vec<Summand<'_>> = terms
        .iter()
        .zip(operands)
        .zip(&reduced)
        .map(|((term, &(x, x_shape)), reduced)| match reduced {
            Some(reduced) => summand(term, TensorView::I64(&reduced.values), &reduced.shape, shape),
            None => summand(term, x, x_shape, shape),
        })
        .collect();
    let mut constants: Vec<Constant<'_>> = constant
        .iter()
        .map(|(value, factors)| Constant { value: *value, factors: factors.iter().collect() })
        .collect();
    let shape = merge_axes(&mut summands, &mut constants, shape);
    let within = AtomicBool::new(true);
    let data = build_entries!(width, |T| {
        if let Some(range) = range {
            evaluate::<i64, T>(&summands, &constants, &shape, |sums| {
                if !all_within(sums, range) {
                    within.store(false, Ordering::Relaxed);
                }
            })
        } else if width == Width::W64 {
            evaluate::<i64, T>(&summands, &constants, &shape, |_| ())
        } else {
            evaluate::<i32, T>(&summands, &constants, &shape, |_| ())
        }
    });
    (data, within.into_inner())
}

/// Takes the sums and windows of a term.
fn reduce(term: &Term, x: TensorView<'_>, x_shape: &[usize], shape: &[usize]) -> Option<Reduced> {
    let mut reduced: Option<Reduced> = None;
    let mut step = |axis: usize, map: Option<&AxisMap>, len: usize| {
        let next = match &reduced {
            Some(reduced) => reduce_axis(TensorView::I64(&reduced.values), &reduced.shape, axis, map, len),
            None => reduce_axis(x, x_shape, axis, map, len),
        };
        reduced = Some(next);
    };
    for link in &term.map.links {
        if let AxisLink::Sum { input } = link {
            step(*input, None, 1);
        }
    }
    for link in &term.map.links {
        if let AxisLink::Map { input, output, map: map @ AxisMap::Window { .. } } = link {
            step(*input, Some(map), shape[*output]);
        }
    }
    reduced
}

fn summand<'a>(term: &Term, x: TensorView<'a>, x_shape: &[usize], shape: &[usize]) -> Summand<'a> {
    let mut strides = vec![1isize; x_shape.len()];
    for axis in (1..x_shape.len()).rev() {
        strides[axis - 1] = strides[axis] * x_shape[axis] as isize;
    }
    let mut axes: Vec<Axis> = shape.iter().map(|&len| Axis::strided(len, 0)).collect();
    for link in &term.map.links {
        if let AxisLink::Map { input, output, map } = link {
            axes[*output] = Axis::new(map, x_shape[*input], shape[*output], strides[*input]);
        }
    }
    Summand { x, coefficient: term.coefficient, offset: 0, axes }
}

/// Drops axes of length 1 and merges neighbours; returns the shape that is left, of rank at least 1.
fn merge_axes(summands: &mut Vec<Summand<'_>>, constants: &mut [Constant<'_>], shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    for axis in (0..shape.len()).rev() {
        if shape[axis] != 1 {
            continue;
        }
        shape.remove(axis);
        summands.retain_mut(|summand| {
            let axis = summand.axes.remove(axis);
            summand.offset += axis.offset(0);
            summand.coefficient = summand.coefficient.wrapping_mul(axis.factor(0));
            axis.lo < axis.hi
        });
        for constant in &mut *constants {
            constant.value = constant.value.wrapping_mul(constant.factors.remove(axis).at(0));
        }
    }
    for axis in (1..shape.len()).rev() {
        let (len, next_len) = (shape[axis - 1], shape[axis]);
        let merges = summands.iter().all(|summand| {
            summand.axes[axis - 1].merges(len, &summand.axes[axis], next_len)
        }) && constants.iter().all(|constant| {
            matches!((constant.factors[axis - 1], constant.factors[axis]), (AxisFactor::Ones, AxisFactor::Ones))
        });
        if merges {
            shape[axis - 1] *= shape.remove(axis);
            for summand in &mut *summands {
                let next = summand.axes.remove(axis);
                let start = summand.axes[axis - 1].start + next.start;
                summand.axes[axis - 1] = Axis { start, ..Axis::strided(shape[axis - 1], next.stride) };
            }
            for constant in &mut *constants {
                constant.factors.remove(axis);
            }
        }
    }
    if shape.is_empty() {
        shape.push(1);
        summands.iter_mut().for_each(|summand| summand.axes.push(Axis::strided(1, 0)));
        constants.iter_mut().for_each(|constant| constant.factors.push(&AxisFactor::Ones));
    }
    shape
}

fn evaluate<A: Accumulator, T: Entry>(
    summands: &[Summand<'_>],
    constants: &[Constant<'_>],
    shape: &[usize],
    inspect: impl Fn(&[A]) + Sync,
) -> Vec<T> {
    let row_len = *shape.last().unwrap_or(&1);
    let outer = &shape[..shape.len() - 1];
    let mut y = vec![T::default(); shape.iter().product()];
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, y)| {
        let mut sums = vec![A::default(); y.len().min(row_len)];
        let mut indices = vec![0usize; outer.len()];
        let mut done = 0;
        while done < y.len() {
            let flat = chunk * CHUNK + done;
            let (mut row, start) = (flat / row_len, flat % row_len);
            let end = row_len.min(start + y.len() - done);
            for (index, &len) in indices.iter_mut().zip(outer).rev() {
                *index = row % len;
                row /= len;
            }
            let sums = &mut sums[..end - start];
            sums.fill(A::default());
            constants.iter().for_each(|constant| constant.add::<A>(&indices, start, sums));
            summands.iter().for_each(|summand| summand.add::<A>(&indices, start, sums));
            inspect(sums);
            for (y, sum) in y[done..].iter_mut().zip(&*sums) {
                *y = T::wrap(sum.value());
            }
            done += sums.len();
        }
    });
    y
}

impl Constant<'_> {
    fn add<A: Accumulator>(&self, indices: &[usize], start: usize, sums: &mut [A]) {
        let (last, outer) = self.factors.split_last().expect("rank is at least 1");
        let value = outer.iter().zip(indices).fold(self.value, |value, (factor, &j)| value.wrapping_mul(factor.at(j)));
        let value = A::wrap(value);
        match last {
            AxisFactor::Ones => sums.iter_mut().for_each(|sum| *sum = sum.plus(value)),
            AxisFactor::Interval { start: first, end } => {
                let len = sums.len();
                let (from, to) = (first.saturating_sub(start).min(len), end.saturating_sub(start).min(len));
                sums[from..to.max(from)].iter_mut().for_each(|sum| *sum = sum.plus(value));
            }
            AxisFactor::Values(values) => {
                let values = values.get(start..).unwrap_or(&[]);
                sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum = sum.plus(value.times(A::wrap(v))));
            }
        }
    }
}

impl Summand<'_> {
    fn add<A: Accumulator>(&self, indices: &[usize], start: usize, sums: &mut [A]) {
        let (last, outer) = self.axes.split_last().expect("rank is at least 1");
        let (mut offset, mut factor) = (self.offset, self.coefficient);
        for (axis, &j) in outer.iter().zip(indices) {
            if j < axis.lo || j >= axis.hi {
                return;
            }
            offset += axis.offset(j);
            factor = factor.wrapping_mul(axis.factor(j));
        }
        let (from, to) = (last.lo.max(start), last.hi.min(start + sums.len()));
        if from >= to || factor == 0 {
            return;
        }
        let sums = &mut sums[from - start..to - start];
        let factor = A::wrap(factor);
        let factors = last.factors.as_ref().map(|factors| &factors[from..to]);
        with_entries!(self.x, |x| {
            if let Some(offsets) = &last.offsets {
                for (k, (sum, &at)) in sums.iter_mut().zip(&offsets[from..to]).enumerate() {
                    let weight = factors.map_or(factor, |factors| factor.times(A::wrap(factors[k])));
                    *sum = sum.plus(weight.times(A::wrap(x[(offset + at) as usize].wide())));
                }
                return;
            }
            let first = offset + last.offset(from);
            let Ok(stride) = usize::try_from(last.stride) else {
                for (k, sum) in sums.iter_mut().enumerate() {
                    let x = x[(first + last.stride * k as isize) as usize];
                    *sum = sum.plus(factor.times(A::wrap(x.wide())));
                }
                return;
            };
            let x = &x[first as usize..];
            match factors {
                Some(factors) => A::add_weighted(sums, x, stride, factors, factor),
                None => A::add_scaled(sums, x, stride, factor),
            }
        });
    }
}
