//! How the real entries of a block lie in memory, and how that changes when the lowest index bit goes away.
//!
//! Only real entries are stored. Axes whose inner neighbour is a power of two long are merged with it. Three (in general
//! `log2` of the SIMD width) index bits become lanes: the highest ones below an odd factor of the outermost axis that
//! has them. Both a step up the tree and the binding of a variable halve the innermost axis; an axis of odd extent
//! is rounded up by one entry of filler, and an axis that is down to one entry is dropped. Once no axis is left below the lanes,
//! the rest, which is small, goes on without SIMD, until a single entry is left.

use p3_field::PackedValue;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::PackedF;
use veritorch_sumcheck::mle::log_padded;

const WIDTH: usize = PackedF::WIDTH;
/// Weights are split so that the innermost factor has at least this many entries.
const TAIL: usize = 64;

/// Storage order of a block: axes above the lanes, lanes, axes below them. Axes are listed innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Real extents, each at least 2, of the axes below the lanes; of all axes without lanes.
    inner: Vec<usize>,
    /// The axes above the lanes; the first is what the lanes' own axis leaves, at least 1. Empty without lanes.
    outer: Vec<usize>,
}

/// Weights of the pairs of entries along the lowest variable: `head (x) lanes (x) tail`.
pub(crate) struct Weights<E> {
    /// Outer factor.
    pub(crate) head: Vec<E>,
    /// Inner factor.
    pub(crate) tail: Vec<E>,
    /// Weights of the lanes; one entry without lanes.
    pub(crate) lanes: Vec<E>,
}

impl<E: Ext> Weights<E> {
    /// No weight on any of so many pairs.
    pub(crate) fn none(pairs: usize) -> Self {
        Self { head: vec![E::ONE], tail: vec![E::ZERO; pairs], lanes: vec![E::ONE] }
    }

    /// The sum of all weights.
    pub(crate) fn total(&self) -> E {
        self.head.iter().copied().sum::<E>() * self.tail.iter().copied().sum::<E>() * self.lanes.iter().copied().sum::<E>()
    }
}

impl Geometry {
    /// Of a tensor with these real extents, outermost first.
    pub(crate) fn new(shape: &[usize]) -> Self {
        let mut axes = merged_axes(shape);
        // The outermost axis that is a multiple of the width, if enough is left below the lanes.
        let lanes = axes.iter().rposition(|len| len % WIDTH == 0);
        if let Some(position) = lanes {
            let own = axes[position];
            let odd = own >> own.trailing_zeros();
            let below = own / odd / WIDTH;
            if below > 1 || position > 0 {
                let mut outer = axes.split_off(position);
                outer[0] = odd;
                if below > 1 {
                    axes.push(below);
                }
                return Self { inner: axes, outer };
            }
        }
        Self { inner: axes, outer: Vec::new() }
    }

    /// Whether entries are SIMD vectors.
    pub(crate) fn packed(&self) -> bool {
        !self.outer.is_empty()
    }

    /// Whether a single entry is left.
    pub(crate) fn single(&self) -> bool {
        self.inner.is_empty()
    }

    /// Index bits, lanes included.
    pub(crate) fn bits(&self) -> usize {
        let lanes = if self.packed() { WIDTH.trailing_zeros() as usize } else { 0 };
        lanes + self.inner.iter().chain(&self.outer).map(|&len| log_padded(len)).sum::<usize>()
    }

    /// Real extent of the innermost axis.
    pub(crate) fn row(&self) -> usize {
        self.inner.first().copied().unwrap_or(1)
    }

    /// Real vectors (or entries, without lanes).
    pub(crate) fn count(&self) -> usize {
        self.inner.iter().chain(&self.outer).product()
    }

    /// Vectors (or entries) with rows rounded up to an even length.
    pub(crate) fn stored(&self) -> usize {
        if self.single() { 1 } else { self.count() / self.row() * (self.row() + self.row() % 2) }
    }

    /// Real vectors (or entries) below the lanes, and above them.
    pub(crate) fn extents(&self) -> (usize, usize) {
        (self.inner.iter().product(), self.outer.iter().product())
    }

    /// After the lowest bit has gone; second, whether the lanes went with it and vectors have to be unpacked.
    pub(crate) fn shrink(&self) -> (Self, bool) {
        let mut next = self.clone();
        next.inner[0] = next.inner[0].div_ceil(2);
        if next.inner[0] == 1 {
            next.inner.remove(0);
        }
        let unpack = next.inner.is_empty() && next.packed();
        if unpack {
            next.inner = std::mem::take(&mut next.outer);
            next.inner[0] *= WIDTH;
            next.inner.retain(|&len| len > 1);
        }
        (next, unpack)
    }

    /// How many times the lowest bit can go away with nothing but pairs of whole vectors on the way.
    pub(crate) fn even_levels(&self) -> usize {
        let mut own = self.clone();
        let mut levels = 0;
        while own.packed() && own.row().is_multiple_of(2) {
            own = own.shrink().0;
            levels += usize::from(own.packed());
        }
        levels
    }

    /// Weights of the pairs along the lowest variable under `eq(point, .)`, where the point has one coordinate for each
    /// bit but the lowest.
    pub(crate) fn pair_weights<E: Ext>(&self, point: &[E]) -> Weights<E> {
        self.weights(point, 1)
    }

    /// Weights of the real entries under `eq(point, .)`, where the point has one coordinate for each bit.
    pub(crate) fn entry_weights<E: Ext>(&self, point: &[E]) -> Weights<E> {
        self.weights(point, 0)
    }

    /// With so many bits dropped from the innermost axis.
    fn weights<E: Ext>(&self, point: &[E], dropped: usize) -> Weights<E> {
        let mut factors: Vec<Vec<E>> = Vec::new();
        let mut rest = point;
        let mut take = |bits: usize| {
            let (high, low) = rest.split_at(rest.len() - bits);
            rest = high;
            low
        };
        for (axis, &len) in self.inner.iter().enumerate() {
            if axis == 0 {
                push_factors(&mut factors, take(log_padded(len) - dropped), len.div_ceil(1 << dropped));
            } else {
                push_factors(&mut factors, take(log_padded(len)), len);
            }
        }
        let lanes = if self.packed() { eq_prefix(take(WIDTH.trailing_zeros() as usize), WIDTH) } else { vec![E::ONE] };
        for &len in &self.outer {
            push_factors(&mut factors, take(log_padded(len)), len);
        }
        // Factors are innermost first.
        let mut factors = factors.into_iter();
        let mut tail = vec![E::ONE];
        while tail.len() < TAIL
            && let Some(factor) = factors.next()
        {
            tail = outer_product(&factor, tail);
        }
        let head = factors.fold(vec![E::ONE], |head, factor| outer_product(&factor, head));
        Weights { head, tail, lanes }
    }
}

/// Real extents, innermost first: merged where the inner neighbour is a power of two, none of extent 1.
pub(crate) fn merged_axes(shape: &[usize]) -> Vec<usize> {
    let mut axes: Vec<usize> = Vec::new();
    for &len in shape.iter().rev().filter(|&&len| len > 1) {
        match axes.last_mut() {
            Some(inner) if inner.is_power_of_two() => *inner *= len,
            _ => axes.push(len),
        }
    }
    axes
}

/// The first `len` values of `eq(point, .)` as one or two factors, innermost first.
fn push_factors<E: Ext>(factors: &mut Vec<Vec<E>>, point: &[E], len: usize) {
    let low = (len.trailing_zeros() as usize).min(TAIL.trailing_zeros() as usize);
    let (high, point) = point.split_at(point.len() - low);
    for (point, len) in [(point, 1 << low), (high, len >> low)] {
        if len > 1 || !point.is_empty() {
            factors.push(eq_prefix(point, len));
        }
    }
}

/// The first `len` values of `eq(point, .)`.
fn eq_prefix<E: Ext>(point: &[E], len: usize) -> Vec<E> {
    let mut table = vec![E::ONE; 1 << point.len()];
    for (level, &r) in point.iter().enumerate() {
        for index in (0..1 << level).rev() {
            let high = table[index] * r;
            table[2 * index] = table[index] - high;
            table[2 * index + 1] = high;
        }
    }
    table.truncate(len);
    table
}

fn outer_product<E: Ext>(outer: &[E], inner: Vec<E>) -> Vec<E> {
    match (outer, inner.as_slice()) {
        (&[one], _) if one == E::ONE => inner,
        (_, &[one]) if one == E::ONE => outer.to_vec(),
        _ => outer.iter().flat_map(|&a| inner.iter().map(move |&b| a * b)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use veritorch_sumcheck::E2;
    use veritorch_sumcheck::form::padded_vars;
    use veritorch_sumcheck::mle::eq_table;

    use super::*;

    #[test]
    fn shrinks_to_a_single_entry_in_as_many_steps_as_there_are_bits() {
        for shape in [vec![], vec![1], vec![64, 32, 32], vec![144, 56, 56], vec![3, 7, 5], vec![64, 768], vec![1000], vec![12, 64, 64], vec![3, 224, 224]] {
            let mut geometry = Geometry::new(&shape);
            assert_eq!(geometry.bits(), padded_vars(&shape), "{shape:?}");
            for left in (0..padded_vars(&shape)).rev() {
                geometry = geometry.shrink().0;
                assert_eq!(geometry.bits(), left, "{shape:?}");
            }
            assert!(geometry.single());
        }
    }

    #[test]
    fn weights_of_pairs_are_those_of_eq() {
        for shape in [vec![2], vec![16], vec![256, 8], vec![24, 6, 10], vec![7, 6], vec![64, 768], vec![40, 5]] {
            let geometry = Geometry::new(&shape);
            let vars = padded_vars(&shape) - 1;
            let point: Vec<E2> = (0..vars as u64).map(|i| E2::from_limbs(&[i * i + 3, 7 * i + 1])).collect();
            let weights = geometry.pair_weights(&point);
            let table = eq_table(&point);
            // Real pairs in natural order.
            let lens = merged_axes(&shape);
            let mut expected: Vec<E2> = Vec::new();
            let total = 1usize << (vars + 1);
            for index in (0..total).step_by(2) {
                let mut rest = index;
                let real = lens.iter().all(|&len| {
                    let own = rest & ((1 << log_padded(len)) - 1);
                    rest >>= log_padded(len);
                    own < len
                });
                if real {
                    expected.push(table[index / 2]);
                }
            }
            assert_eq!(weights.total(), expected.iter().copied().sum::<E2>());
            assert_eq!(weights.head.len() * weights.tail.len() * weights.lanes.len(), expected.len(), "{shape:?}");
            if !geometry.packed() {
                let flat = outer_product(&weights.head, weights.tail);
                assert_eq!(flat, expected, "{shape:?}");
            } else if geometry.outer.iter().product::<usize>() == 1 {
                let flat = outer_product(&weights.lanes, outer_product(&weights.head, weights.tail));
                assert_eq!(flat, expected, "{shape:?}");
            }
        }
    }
}
