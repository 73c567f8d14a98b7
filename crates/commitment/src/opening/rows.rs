//! The sumcheck of an opening on the prover's side: `sum_rows sum_x row(x) K_row(x)`, in the memory of the weights `K`.
//!
//! Binding a variable halves both factors of a row. The weights lie in one table, a region to a row; bound weights stay at the front of
//! their region, and the bound row takes its second half. Rows are read where they were committed.

use p3_field::{PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::F;
use veritorch_sumcheck::field::{PackedE, PackedF};
use veritorch_sumcheck::mle::{Mle, pair_evaluations, sum_lanes};
use veritorch_sumcheck::sumcheck::{Instance, Products};

/// Packed cells of a row at which rows become tables of their own.
const SMALL: usize = 1 << 4;
/// Rows and their weights.
pub(super) struct Rows<'a, E: Ext> {
    /// The rows of each stack, one after the other.
    cells: Vec<&'a [PackedF]>,
    /// A region of `len` packed elements to a row, for each stack.
    tables: Vec<Vec<PackedE<E>>>,
    /// Packed cells of a row as committed.
    len: usize,
    /// Packed cells of a row now.
    bound: usize,
    /// Further terms; all of them once rows are small.
    products: Products<E>,
}

impl<'a, E: Ext> Rows<'a, E> {
    /// Rows of `len` cells of each stack, with as many weights, and further terms.
    pub(super) fn new(stacks: Vec<(&'a [F], Vec<PackedE<E>>)>, len: usize, further: Vec<Vec<Mle<E>>>) -> Self {
        let (cells, tables) = stacks.into_iter().map(|(cells, table)| (PackedF::pack_slice(cells), table)).unzip();
        let len = len / PackedF::WIDTH;
        let mut rows = Self { cells, tables, len, bound: len, products: Products { terms: further } };
        rows.shrink();
        rows
    }

    /// The values of a row and its weights, and of the further terms' factors, once every variable is bound.
    pub(super) fn ends(&self) -> Vec<[E; 2]> {
        self.products.terms.iter().map(|term| [term[0].value(), term[1].value()]).collect()
    }

    /// Rows that are small become terms, before the further ones.
    fn shrink(&mut self) {
        if self.bound > SMALL || self.tables.is_empty() {
            return;
        }
        let mut terms = Vec::new();
        for (cells, table) in self.cells.drain(..).zip(self.tables.drain(..)) {
            for (cells, region) in cells.chunks_exact(self.len).zip(table.chunks_exact(self.len)) {
                let weights = Mle::Packed(region[..self.bound].to_vec());
                let row = match self.bound == self.len {
                    true => Mle::Base(cells.to_vec()),
                    false => Mle::Packed(region[self.len / 2..][..self.bound].to_vec()),
                };
                terms.push(vec![row, weights]);
            }
        }
        terms.append(&mut self.products.terms);
        self.products.terms = terms;
    }
}

impl<E: Ext> Instance<E> for Rows<'_, E> {
    fn num_vars(&self) -> usize {
        match self.tables.is_empty() {
            true => self.products.num_vars(),
            false => (self.bound * PackedF::WIDTH).trailing_zeros() as usize,
        }
    }

    fn degree(&self) -> usize {
        2
    }

    fn evaluations(&self, claim: E) -> Vec<E> {
        let mut sums = [E::ZERO; 2];
        if !self.products.terms.is_empty() {
            let further = self.products.evaluations(E::ZERO);
            sums = [further[0], further[2]];
        }
        let add = |a: [PackedE<E>; 2], b: [PackedE<E>; 2]| [a[0] + b[0], a[1] + b[1]];
        for (cells, table) in self.cells.iter().zip(&self.tables) {
            let rows = cells.par_chunks_exact(self.len).zip(table.par_chunks_exact(self.len));
            let own = rows.map(|(cells, region)| match self.bound == self.len {
                true => pair_evaluations(cells, region),
                false => pair_evaluations(&region[self.len / 2..][..self.bound], &region[..self.bound]),
            });
            let own = own.reduce(|| [PackedE::<E>::ZERO; 2], add).map(sum_lanes::<E>);
            sums[0] += own[0];
            sums[1] += own[1];
        }
        vec![sums[0], claim - sums[0], sums[1]]
    }

    fn bind(&mut self, r: E) {
        let scale = PackedE::<E>::from(r);
        let (bound, len) = (self.bound, self.len);
        for (cells, table) in self.cells.iter().zip(&mut self.tables) {
            cells.par_chunks_exact(len).zip(table.par_chunks_exact_mut(len)).for_each(|(cells, region)| {
                let (weights, row) = region.split_at_mut(len / 2);
                if bound == len {
                    // The second half of the weights makes room for the row.
                    let halves = cells.split_at(len / 2);
                    weights.par_iter_mut().zip(row).zip(halves.0.par_iter().zip(halves.1)).with_min_len(CHUNK).for_each(
                        |((weight, other), (&low, &high))| {
                            *weight += scale * (*other - *weight);
                            *other = scale * (high - low) + low;
                        },
                    );
                } else {
                    [weights, row].into_par_iter().for_each(|values| {
                        let (low, high) = values[..bound].split_at_mut(bound / 2);
                        low.iter_mut().zip(high).for_each(|(low, high)| *low += scale * (*high - *low));
                    });
                }
            });
        }
        self.products.bind(r);
        self.bound /= 2;
        self.shrink();
    }
}

/// Packed elements that one task works on.
const CHUNK: usize = 1 << 10;
