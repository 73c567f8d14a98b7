//! Wiring with the ranges that interval arithmetic would widen: pads and concatenations, and maps along one axis.

use super::{AxisFactor, AxisLink, AxisMap, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

impl Term {
    /// `coefficient * x`, entry by entry.
    #[must_use]
    pub fn identity(x: TensorId, coefficient: i64, rank: usize) -> Self {
        Self { x, coefficient, map: SeparableMap::identity(rank) }
    }
}

impl SeparableMap {
    /// The sum over these axes, repeated along them: to extents of 1 it sums, from extents of 1 it repeats.
    #[must_use]
    pub fn across(rank: usize, axes: &[usize]) -> Self {
        let kept = (0..rank).filter(|axis| !axes.contains(axis));
        let kept = kept.map(|axis| AxisLink::Map { input: axis, output: axis, map: AxisMap::Identity });
        let folded = axes.iter().flat_map(|&axis| [AxisLink::Sum { input: axis }, AxisLink::Broadcast { output: axis }]);
        Self { links: kept.chain(folded).collect() }
    }

    /// The identity on all axes but one, which is mapped like this.
    #[must_use]
    pub fn along(rank: usize, axis: usize, map: AxisMap) -> Self {
        let mut whole = Self::identity(rank);
        if let Some(AxisLink::Map { map: slot, .. }) = whole.links.get_mut(axis) {
            *slot = map;
        }
        whole
    }
}

impl CircuitBuilder {
    /// `x` with its axes moved to `before[k]` of `shape`, and `value` around it.
    ///
    /// # Errors
    /// As [`CircuitBuilder::linear`].
    pub fn pad(&mut self, name: &str, shape: &[usize], x: TensorId, before: &[usize], value: i64) -> Result<TensorId, CircuitError> {
        let own = self.shape(x).to_vec();
        if own.len() != shape.len() || before.len() != shape.len() {
            return Err(self.error(name, format!("pad of {own:?} by {before:?} to {shape:?}")));
        }
        let links = (0..shape.len()).map(|axis| {
            let map = if before[axis] == 0 && own[axis] == shape[axis] {
                AxisMap::Identity
            } else {
                AxisMap::Strided { start: -(before[axis] as i64), step: 1 }
            };
            AxisLink::Map { input: axis, output: axis, map }
        });
        let term = Term { x, coefficient: 1, map: SeparableMap { links: links.collect() } };
        let inside = before.iter().zip(&own).map(|(&start, &len)| AxisFactor::Interval { start, end: start + len });
        let constant = vec![(value, vec![AxisFactor::Ones; shape.len()]), (-value, inside.collect())];
        let (lo, hi) = self.range(x);
        let y = self.linear(name, shape, vec![term], constant)?;
        self.narrow(y, lo.min(value), hi.max(value));
        Ok(y)
    }

    /// Parts laid side by side: each entry of the result is an entry of one part, or zero.
    ///
    /// # Errors
    /// As [`CircuitBuilder::linear`].
    pub fn concat(&mut self, name: &str, shape: &[usize], parts: &[TensorId], axis: usize) -> Result<TensorId, CircuitError> {
        let mut at = 0i64;
        let (mut lo, mut hi) = (0, 0);
        let mut terms = Vec::with_capacity(parts.len());
        for &x in parts {
            let range = self.range(x);
            (lo, hi) = (lo.min(range.0), hi.max(range.1));
            terms.push(Term { x, coefficient: 1, map: SeparableMap::along(shape.len(), axis, AxisMap::Strided { start: -at, step: 1 }) });
            at += self.shape(x).get(axis).copied().unwrap_or(0) as i64;
        }
        let y = self.linear(name, shape, terms, Vec::new())?;
        self.narrow(y, lo, hi);
        Ok(y)
    }
}
