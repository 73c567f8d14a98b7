//! Maximum of two linear forms, of windows along an axis, and of a whole axis.
//!
//! # Semantics
//! `max(a, b)`, exact. Positions outside the operand take the least value of its range, so padding never wins.
//!
//! # Relation
//! `max(a, b) = b + relu(a - b)`. Differences of at most 16 bits (18, if there are many): `(a - b, r)` is a row of the relu table,
//! the smallest one that covers the difference's range. Wider ones: `g = floor((a - b + 2^k) / 2^k)` in {0, 1}, and `b + g (a - b)`.
//! Windows are separable: first along one axis, then along the other.
//!
//! # Uniqueness
//! A relu table has one value per key; the step is a [`requantise`](super::requantise) with two quotients.
//!
//! # Cost
//! Per comparison one lookup and one committed column; wide ones one more per 16 bits, and a product.
//! A k x k window with stride k takes `(k - 1)(1/k + 1/k^2)` comparisons per operand entry.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! SOUNDNESS, item 15.

use super::range::{LIMB, covering};
use super::requantise::{Quotient, requantise};
use super::table::apply_table;
use crate::circuit::{AxisFactor, AxisMap, CircuitBuilder, CircuitError, SeparableMap, Table, TensorId, Term};

/// Logarithm of the longest relu table.
const MAX_LOG_TABLE: u32 = 18;

/// A linear form in tensors that is not a tensor yet, with its range.
#[derive(Clone, Debug)]
pub struct View {
    /// Summands.
    pub terms: Vec<Term>,
    /// Public constant.
    pub constant: Vec<(i64, Vec<AxisFactor>)>,
    /// Least and greatest value.
    pub range: (i64, i64),
}

impl View {
    /// A tensor as it is.
    #[must_use]
    pub fn of(builder: &CircuitBuilder, x: TensorId) -> Self {
        Self {
            terms: vec![Term::identity(x, 1, builder.shape(x).len())],
            constant: Vec::new(),
            range: builder.range(x),
        }
    }

    /// The form as a tensor. A form that is one tensor already is that tensor.
    ///
    /// # Errors
    /// If a value can leave the field's safe range.
    pub fn build(self, builder: &mut CircuitBuilder, name: &str, shape: &[usize]) -> Result<TensorId, CircuitError> {
        if let ([term], []) = (self.terms.as_slice(), self.constant.as_slice())
            && term.coefficient == 1
            && term.map.is_identity()
        {
            return Ok(term.x);
        }
        let y = builder.linear(name, shape, self.terms, self.constant)?;
        builder.narrow(y, self.range.0, self.range.1);
        Ok(y)
    }
}

/// Adds the maximum of two forms of one shape.
///
/// # Errors
/// If a value can leave the field's safe range.
pub fn maximum(
    builder: &mut CircuitBuilder,
    name: &str,
    shape: &[usize],
    a: &View,
    b: &View,
) -> Result<View, CircuitError> {
    let negated = |term: &Term| Term { coefficient: -term.coefficient, ..term.clone() };
    let terms = a.terms.iter().cloned().chain(b.terms.iter().map(negated)).collect();
    let constant =
        a.constant.iter().cloned().chain(b.constant.iter().map(|(v, factors)| (-v, factors.clone()))).collect();
    let difference = builder.linear(&format!("{name}:difference"), shape, terms, constant)?;
    let (lo, hi) = (a.range.0.saturating_sub(b.range.1), a.range.1.saturating_sub(b.range.0));
    builder.narrow(difference, lo, hi);
    let gain = positive_part(builder, name, difference)?;
    let mut terms = b.terms.clone();
    terms.push(Term::identity(gain, 1, shape.len()));
    let range = (a.range.0.max(b.range.0), a.range.1.max(b.range.1));
    Ok(View { terms, constant: b.constant.clone(), range })
}

/// `max(d, 0)`.
fn positive_part(builder: &mut CircuitBuilder, name: &str, d: TensorId) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(d).to_vec();
    let (lo, hi) = builder.range(d);
    // A range that holds both signs: [-2^k, 2^k).
    let (min, log_len) = covering(lo.min(-1), hi);
    if log_len <= MAX_LOG_TABLE {
        let gain = |d: i64| i32::try_from(d.max(0)).unwrap_or(i32::MAX);
        let values = (0..1i64 << log_len).map(|i| gain(min + i)).collect();
        let table = Table::Function { min, values, name: "relu".to_owned() };
        // A long table takes the place of two lookups and a product per entry, if it does not stand there already.
        let entries = shape.iter().product::<usize>();
        if log_len <= LIMB || entries >= table.len() / 8 || builder.circuit().tables.contains(&table) {
            let table = builder.table(table);
            return apply_table(builder, &format!("{name}:gain"), d, table);
        }
    }
    let k = log_len - 1;
    let ones = vec![AxisFactor::Ones; shape.len()];
    let shifted =
        builder.linear(&format!("{name}:shifted"), &shape, vec![Term::identity(d, 1, shape.len())], vec![(1 << k, ones)])?;
    let step = requantise(builder, &format!("{name}:step"), shifted, k, Quotient::Range { min: 0, log_len: 1 })?;
    let gain = builder.mul(&format!("{name}:gain"), step.value, d)?;
    builder.narrow(gain, 0, hi.max(0));
    Ok(gain)
}

/// Geometry of windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Taps.
    pub kernel: usize,
    /// Step between outputs.
    pub stride: usize,
    /// Step between taps.
    pub dilation: usize,
    /// Positions in front of the operand.
    pub pad: usize,
    /// Number of outputs.
    pub output: usize,
}

/// Adds `y[j] = max over k < kernel of x[j * stride + k * dilation - pad]` along an axis; positions outside never win
/// (an output whose window lies wholly outside is the least value of x's range).
///
/// # Errors
/// If a value can leave the field's safe range.
pub fn max_pool_axis(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    axis: usize,
    windows: Windows,
) -> Result<TensorId, CircuitError> {
    let mut shape = builder.shape(x).to_vec();
    let extent = shape[axis];
    shape[axis] = windows.output;
    let range = builder.range(x);
    let mut best: Option<View> = None;
    for tap in 0..windows.kernel {
        let start = (tap * windows.dilation) as i64 - windows.pad as i64;
        let map = if start == 0 && windows.stride == 1 && extent == windows.output {
            AxisMap::Identity
        } else {
            AxisMap::Strided { start, step: windows.stride as i64 }
        };
        let inside = |j: usize| (0..extent as i64).contains(&(start + (j * windows.stride) as i64));
        let outside: Vec<i64> = (0..windows.output).map(|j| i64::from(!inside(j))).collect();
        if tap > 0 && outside.iter().all(|&o| o == 1) {
            continue;
        }
        let mut constant = Vec::new();
        if range.0 != 0 && outside.contains(&1) {
            let mut factors = vec![AxisFactor::Ones; shape.len()];
            factors[axis] = AxisFactor::Values(outside);
            constant.push((range.0, factors));
        }
        let map = SeparableMap::along(shape.len(), axis, map);
        let slice = View { terms: vec![Term { x, coefficient: 1, map }], constant, range };
        best = Some(match best {
            Some(best) => maximum(builder, name, &shape, &best, &slice)?,
            None => slice,
        });
    }
    let best = best.ok_or_else(|| builder.error(name, "a window without taps".to_owned()))?;
    best.build(builder, name, &shape)
}

/// Adds the maximum over an axis, which stays with extent 1.
///
/// # Errors
/// If a value can leave the field's safe range.
pub fn reduce_max(builder: &mut CircuitBuilder, name: &str, x: TensorId, axis: usize) -> Result<TensorId, CircuitError> {
    let mut best = x;
    while builder.shape(best)[axis] > 1 {
        let (first, second, shape) = halves(builder, best, axis);
        best = maximum(builder, name, &shape, &first, &second)?.build(builder, name, &shape)?;
    }
    Ok(best)
}

/// Both halves of an axis; they share the middle entry where the extent is odd.
pub(super) fn halves(builder: &CircuitBuilder, x: TensorId, axis: usize) -> (View, View, Vec<usize>) {
    let mut shape = builder.shape(x).to_vec();
    let extent = shape[axis];
    shape[axis] = extent.div_ceil(2);
    let range = builder.range(x);
    let half = |start: usize| View {
        terms: vec![Term {
            x,
            coefficient: 1,
            map: SeparableMap::along(shape.len(), axis, AxisMap::Strided { start: start as i64, step: 1 }),
        }],
        constant: Vec::new(),
        range,
    };
    (half(0), half(extent - shape[axis]), shape)
}
