//! The public numerators of lookups in the leaf layer, as the sumcheck binds their variables.

use veritorch_sumcheck::Ext;
use veritorch_sumcheck::mle::log_padded;

use crate::layout::{eq_index, indicator};

/// `n0` and `n1` over the parents of a block: one on real entries, zero on padding; bound to challenges as the sumcheck
/// goes on. Along the axis that is being bound each is 1 but for its last entry.
#[derive(Clone, Debug)]
pub(crate) struct Indicator<E> {
    /// Real extents that are left, innermost first.
    axes: Vec<usize>,
    /// Last entries along the innermost axis.
    last: [E; 2],
    /// What the axes that are bound contribute.
    bound: [E; 2],
}

impl<E: Ext> Indicator<E> {
    /// Of a block with these real extents of leaves, innermost first.
    pub(crate) fn new(mut axes: Vec<usize>) -> Self {
        let odd = axes[0] % 2 == 1;
        axes[0] = axes[0].div_ceil(2);
        let mut own = Self { axes, last: [E::ONE, if odd { E::ZERO } else { E::ONE }], bound: [E::ONE; 2] };
        own.drop_axis();
        own
    }

    fn drop_axis(&mut self) {
        if self.axes[0] == 1 {
            self.axes.remove(0);
            for (bound, last) in self.bound.iter_mut().zip(&mut self.last) {
                *bound *= std::mem::replace(last, E::ONE);
            }
        }
    }

    /// `sum eq(point, y) n0(0, y) n1(0, y)`, and the same for the differences `n(1, y) - n(0, y)`; the point has one coordinate
    /// for each bit of the block but the lowest.
    pub(crate) fn products(&self, point: &[E]) -> [E; 2] {
        let mut rest = point;
        let mut take = |bits: usize| {
            let (high, low) = rest.split_at(rest.len() - bits);
            rest = high;
            low
        };
        let len = self.axes[0];
        let own = take(log_padded(len) - 1);
        let pairs = len.div_ceil(2);
        let edge = eq_index(pairs - 1, own);
        let [a, b] = self.last;
        let (at_zero, slope) = if len.is_multiple_of(2) { (E::ONE, (a - E::ONE) * (b - E::ONE)) } else { (a * b, a * b) };
        let mut scale = self.bound[0] * self.bound[1];
        for &len in &self.axes[1..] {
            scale *= indicator(len, take(log_padded(len)));
        }
        [scale * (indicator(pairs, own) + edge * (at_zero - E::ONE)), scale * edge * slope]
    }

    /// Binds the lowest variable.
    pub(crate) fn bind(&mut self, c: E) {
        let odd = self.axes[0] % 2 == 1;
        self.axes[0] = self.axes[0].div_ceil(2);
        for last in &mut self.last {
            *last = if odd { (E::ONE - c) * *last } else { E::ONE + c * (*last - E::ONE) };
        }
        self.drop_axis();
    }

    /// `n0` and `n1` once all variables are bound.
    pub(crate) fn values(&self) -> [E; 2] {
        self.bound
    }
}
