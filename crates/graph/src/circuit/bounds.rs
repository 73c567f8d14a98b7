//! Worst-case ranges of tensors, for every admitted input: interval arithmetic in saturating `i128`.
//!
//! A tensor has one interval, or one per index of one axis (a convolution's output channels), because
//! `M_o * sum |w_o|` is much tighter per channel than `max M * max sum |w|`.

use super::{AxisFactor, AxisLink, AxisMap, SeparableMap, Term};

/// A closed interval of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) lo: i128,
    pub(crate) hi: i128,
}

impl Interval {
    pub(crate) const ZERO: Self = Self { lo: 0, hi: 0 };

    pub(crate) fn new(lo: i128, hi: i128) -> Self {
        Self { lo, hi }
    }

    pub(crate) fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    pub(crate) fn add(self, other: Self) -> Self {
        Self { lo: self.lo.saturating_add(other.lo), hi: self.hi.saturating_add(other.hi) }
    }

    pub(crate) fn scale(self, factor: i128) -> Self {
        let (a, b) = (self.lo.saturating_mul(factor), self.hi.saturating_mul(factor));
        Self { lo: a.min(b), hi: a.max(b) }
    }

    pub(crate) fn mul(self, other: Self) -> Self {
        let corners = [
            self.lo.saturating_mul(other.lo),
            self.lo.saturating_mul(other.hi),
            self.hi.saturating_mul(other.lo),
            self.hi.saturating_mul(other.hi),
        ];
        Self {
            lo: corners.iter().copied().min().unwrap_or(0),
            hi: corners.iter().copied().max().unwrap_or(0),
        }
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }
}

/// Range of a tensor: uniform, or one interval per index of an axis.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    axis: Option<usize>,
    ranges: Vec<Interval>,
}

impl Bounds {
    pub(crate) fn uniform(interval: Interval) -> Self {
        Self { axis: None, ranges: vec![interval] }
    }

    pub(crate) fn per_index(axis: usize, ranges: Vec<Interval>) -> Self {
        if ranges.is_empty() {
            return Self::uniform(Interval::ZERO);
        }
        Self { axis: Some(axis), ranges }
    }

    /// The smallest interval that holds every entry.
    pub(crate) fn hull(&self) -> Interval {
        self.ranges.iter().copied().reduce(Interval::hull).unwrap_or(Interval::ZERO)
    }

    /// Intersects with an interval that is known to hold for another reason.
    pub(crate) fn narrow(&mut self, to: Interval) {
        for range in &mut self.ranges {
            let (lo, hi) = (range.lo.max(to.lo), range.hi.min(to.hi));
            *range = if lo <= hi { Interval { lo, hi } } else { to };
        }
    }

    /// The same, narrowed.
    pub(crate) fn narrowed(mut self, to: Interval) -> Self {
        self.narrow(to);
        self
    }

    /// Applies a function of one interval to each.
    pub(crate) fn map(&self, f: impl Fn(Interval) -> Interval) -> Self {
        Self { axis: self.axis, ranges: self.ranges.iter().map(|&range| f(range)).collect() }
    }

    fn add(self, other: Self) -> Self {
        match (self.axis, other.axis) {
            (_, None) => {
                let range = other.hull();
                self.map(|mine| mine.add(range))
            }
            (None, _) => other.add(self),
            (Some(a), Some(b)) if a == b && self.ranges.len() == other.ranges.len() => Self {
                axis: self.axis,
                ranges: self.ranges.iter().zip(&other.ranges).map(|(x, y)| x.add(*y)).collect(),
            },
            _ => {
                let range = other.hull();
                self.map(|mine| mine.add(range))
            }
        }
    }

    /// Range of `coefficient * map(x)`.
    fn apply(&self, coefficient: i64, map: &SeparableMap, input: &[usize], output: &[usize]) -> Self {
        let followed = map.links.iter().find_map(|link| match link {
            AxisLink::Map { input, output, map } if Some(*input) == self.axis => Some((*input, *output, map)),
            _ => None,
        });
        let mut bounds = match followed {
            Some((from, to, map)) => {
                let mut ranges = vec![Interval::ZERO; output[to]];
                for (j, i, m) in map.entries(input[from], output[to]) {
                    let range = self.ranges.get(i).copied().unwrap_or(Interval::ZERO);
                    ranges[j] = ranges[j].add(range.scale(i128::from(m)));
                }
                Self::per_index(to, ranges)
            }
            None => Self::uniform(self.hull()),
        };
        for link in &map.links {
            match link {
                AxisLink::Map { input: from, .. } if followed.is_some() && Some(*from) == self.axis => {}
                AxisLink::Map { map: AxisMap::Identity, .. } | AxisLink::Broadcast { .. } => {}
                AxisLink::Map { input: from, output: to, map: AxisMap::Diagonal(factors) }
                    if bounds.axis.is_none() && input[*from] == output[*to] =>
                {
                    let range = bounds.hull();
                    bounds = Self::per_index(*to, factors.iter().map(|&m| range.scale(i128::from(m))).collect());
                }
                AxisLink::Map { input: from, output: to, map } => {
                    let rows = row_sums(map, input[*from], output[*to]);
                    bounds = bounds.map(|range| {
                        rows.iter()
                            .map(|&(plus, minus)| range.scale(plus).add(range.scale(minus)))
                            .reduce(Interval::hull)
                            .unwrap_or(Interval::ZERO)
                    });
                }
                AxisLink::Sum { input: from } => {
                    let extent = input[*from] as i128;
                    bounds = bounds.map(|range| range.scale(extent));
                }
            }
        }
        bounds.map(|range| range.scale(i128::from(coefficient)))
    }
}

/// The different pairs (sum of positive entries, sum of negative entries) of a map's rows.
fn row_sums(map: &AxisMap, input: usize, output: usize) -> Vec<(i128, i128)> {
    let mut rows = vec![(0i128, 0i128); output];
    for (j, _, m) in map.entries(input, output) {
        let m = i128::from(m);
        if m >= 0 {
            rows[j].0 += m;
        } else {
            rows[j].1 += m;
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Range of [`Op::Linear`](super::Op::Linear); `operand` gives each term's shape and bounds.
pub(crate) fn linear<'a>(
    terms: &[Term],
    constant: &[(i64, Vec<AxisFactor>)],
    output: &[usize],
    operand: impl Fn(&Term) -> (&'a [usize], &'a Bounds),
) -> Bounds {
    let mut total = Bounds::uniform(Interval::ZERO);
    for term in terms {
        let (shape, bounds) = operand(term);
        total = total.add(bounds.apply(term.coefficient, &term.map, shape, output));
    }
    for (value, factors) in constant {
        let axis = total.axis;
        total = total.add(constant_bounds(*value, factors, output, axis));
    }
    total
}

fn constant_bounds(value: i64, factors: &[AxisFactor], output: &[usize], axis: Option<usize>) -> Bounds {
    let mut range = Interval::new(i128::from(value), i128::from(value));
    for (k, (factor, &extent)) in factors.iter().zip(output).enumerate() {
        if Some(k) != axis {
            range = range.mul(factor_range(factor, extent));
        }
    }
    match axis.and_then(|k| Some((k, factors.get(k)?, *output.get(k)?))) {
        Some((k, factor, extent)) => {
            Bounds::per_index(k, (0..extent).map(|j| range.scale(i128::from(factor.at(j)))).collect())
        }
        None => Bounds::uniform(range),
    }
}

fn factor_range(factor: &AxisFactor, extent: usize) -> Interval {
    let one = Interval::new(1, 1);
    match factor {
        AxisFactor::Ones => one,
        AxisFactor::Interval { .. } => (0..extent)
            .map(|j| factor.at(j))
            .map(|v| Interval::new(i128::from(v), i128::from(v)))
            .reduce(Interval::hull)
            .unwrap_or(one),
        AxisFactor::Values(values) => values
            .iter()
            .map(|&v| Interval::new(i128::from(v), i128::from(v)))
            .reduce(Interval::hull)
            .unwrap_or(one),
    }
}

/// Sums of a weight tensor's positive and negative entries along rows and columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct WeightSums {
    /// Per output index `o`: (sum of positive, sum of negative) over kernel and column.
    pub(crate) rows: Vec<(i128, i128)>,
    /// Per column index: the same over kernel and output.
    pub(crate) columns: Vec<(i128, i128)>,
}

impl WeightSums {
    pub(crate) fn new(shape: [usize; 3], values: &[i64]) -> Self {
        let [_, outputs, columns] = shape;
        let mut sums = Self { rows: vec![(0, 0); outputs], columns: vec![(0, 0); columns] };
        for (index, &value) in values.iter().enumerate() {
            let (o, c) = (index / columns % outputs, index % columns);
            let value = i128::from(value);
            for sum in [&mut sums.rows[o], &mut sums.columns[c]] {
                if value >= 0 {
                    sum.0 += value;
                } else {
                    sum.1 += value;
                }
            }
        }
        sums
    }
}

/// `sum w x` for weights with these sums and `x` in an interval (or zero, where positions lie outside).
pub(crate) fn dot((plus, minus): (i128, i128), x: Interval, with_zero: bool) -> Interval {
    let x = if with_zero { x.hull(Interval::ZERO) } else { x };
    x.scale(plus).add(x.scale(minus))
}

/// Smallest interval `[-2^a, 2^b - 1]` (or `[0, 2^b - 1]`) around an interval: what is published of a range.
pub(crate) fn published(range: Interval) -> (i64, i64) {
    let up = |v: i128| -> i64 {
        let mut bound = 1i64;
        while i128::from(bound) <= v && bound < 1 << 62 {
            bound <<= 1;
        }
        bound
    };
    let hi = if range.hi <= 0 { 0 } else { up(range.hi) - 1 };
    let lo = if range.lo >= 0 { 0 } else { -up(-range.lo - 1) };
    (lo, hi)
}
