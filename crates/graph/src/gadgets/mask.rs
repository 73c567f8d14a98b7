//! Which keys each query of an attention sees: the same for all heads and samples, and public.
//!
//! # Semantics
//! `x[.., t, k] - penalty` where key k is not real for query t, else `x[.., t, k]`.
//!
//! # Relation
//! A public constant: `-penalty` everywhere, and `+penalty` for each different set of keys, on its queries and its keys. Sets
//! that are intervals (causal masks, sliding windows, padding) are [`AxisFactor::Interval`]; so are runs of queries.
//!
//! # Uniqueness
//! Nothing is chosen: the mask is part of the circuit.
//!
//! # Cost
//! Nothing per entry; the verifier adds one product per different set of keys. At most 4,095 sets.
//!
//! # Soundness error
//! None.
//!
//! # References
//! SOUNDNESS, items 14 and 18.

use std::collections::BTreeMap;

use crate::circuit::AxisFactor;

/// A matrix of queries by keys that says which entries are real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    keys: usize,
    /// Row-major `[queries, keys]`.
    real: Vec<bool>,
}

impl Mask {
    /// A mask from its entries, row-major, `keys` to a query.
    ///
    /// # Panics
    /// If there is no key, or no whole number of queries.
    #[must_use]
    pub fn new(keys: usize, real: Vec<bool>) -> Self {
        assert!(keys > 0 && real.len().is_multiple_of(keys), "{} entries of a mask with {keys} keys", real.len());
        Self { keys, real }
    }

    /// Query t sees the keys up to t, the last query all of them.
    ///
    /// # Panics
    /// If there are more queries than keys, or no key.
    #[must_use]
    pub fn causal(queries: usize, keys: usize) -> Self {
        assert!(queries <= keys, "{queries} queries of {keys} keys");
        let sees = |t: usize, k: usize| k <= t + (keys - queries);
        Self::new(keys, (0..queries).flat_map(|t| (0..keys).map(move |k| sees(t, k))).collect())
    }

    /// `[queries, keys]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        [self.real.len() / self.keys, self.keys]
    }

    /// Whether every entry is real.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.real.iter().all(|&real| real)
    }

    /// Per query, 1 if some key is real for it, else 0.
    pub(super) fn queries_with_keys(&self) -> Vec<i64> {
        self.real.chunks(self.keys).map(|row| i64::from(row.contains(&true))).collect()
    }

    /// `-penalty` where entries are not real, on a tensor of this rank whose last axes are queries and keys.
    pub(super) fn constant(&self, rank: usize, penalty: i64) -> Vec<(i64, Vec<AxisFactor>)> {
        let mut queries_of: BTreeMap<&[bool], Vec<bool>> = BTreeMap::new();
        let [queries, _] = self.shape();
        for (t, keys) in self.real.chunks(self.keys).enumerate() {
            queries_of.entry(keys).or_insert_with(|| vec![false; queries])[t] = true;
        }
        let lead = |tail: [AxisFactor; 2]| {
            let ones = std::iter::repeat_n(AxisFactor::Ones, rank.saturating_sub(2));
            ones.chain(tail).collect()
        };
        let mut constant = vec![(-penalty, lead([AxisFactor::Ones, AxisFactor::Ones]))];
        for (keys, queries) in queries_of {
            if keys.contains(&true) {
                constant.push((penalty, lead([indicator(&queries), indicator(keys)])));
            }
        }
        constant
    }
}

/// 1 where the set has an index.
fn indicator(set: &[bool]) -> AxisFactor {
    let start = set.iter().position(|&inside| inside).unwrap_or(0);
    let end = set.iter().rposition(|&inside| inside).map_or(start, |last| last + 1);
    if (start, end) == (0, set.len()) && set.iter().all(|&inside| inside) {
        AxisFactor::Ones
    } else if set[start..end].iter().all(|&inside| inside) {
        AxisFactor::Interval { start, end }
    } else {
        AxisFactor::Values(set.iter().map(|&inside| i64::from(inside)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_take_away_what_is_not_real() {
        let masks = [
            Mask::causal(5, 5),
            Mask::causal(2, 5),
            Mask::new(3, vec![true, true, false]),
            Mask::new(2, vec![false, false, true, false, false, true, true, true]),
            Mask::new(4, vec![true, false, false, true, false, true, true, false, true, false, false, true]),
        ];
        for mask in masks {
            let [queries, keys] = mask.shape();
            let constant = mask.constant(3, 100);
            for (at, &real) in mask.real.iter().enumerate() {
                let index = [0, at / keys, at % keys];
                let sum: i64 = constant
                    .iter()
                    .map(|(value, factors)| value * factors.iter().zip(index).map(|(f, j)| f.at(j)).product::<i64>())
                    .sum();
                assert_eq!(sum, if real { 0 } else { -100 }, "{mask:?} at {index:?}");
            }
            assert!(constant.len() <= queries + 1);
        }
        let intervals = |constant: &[(i64, Vec<AxisFactor>)]| {
            constant.iter().flat_map(|(_, factors)| factors).all(|factor| !matches!(factor, AxisFactor::Values(_)))
        };
        assert!(intervals(&Mask::causal(8, 8).constant(2, 1)));
    }
}
