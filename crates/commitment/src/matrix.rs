//! A stack of tensors as a committed matrix: made for one proof and opened once.
//!
//! The stack's cells are cut into rows ([`RowCode`]); the leaves of a Merkle tree are the columns of the encoded rows. A hidden
//! matrix has random tails, so that the columns that are opened are uniform, and salted leaves, so that those that are not cannot
//! be tested against guesses.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use veritorch_sumcheck::F;
use veritorch_sumcheck::random::SecretRng;

use crate::code::{Encoded, RowCode};
use crate::tree::{CHUNK, ColumnTree, Digest, SALT, leaves};
use crate::whir::Root;

/// What the prover keeps of a committed stack. It is opened once.
pub struct MatrixData {
    /// The rows, one after the other: those of the stack, then those of the masks.
    pub(crate) cells: Vec<F>,
    pub(crate) tails: Vec<F>,
    encoded: Encoded,
    /// Those of each coset, leaf by leaf.
    salts: Vec<Vec<F>>,
    pub(crate) tree: ColumnTree,
}

impl MatrixData {
    /// Commits to rows; hides them if the code has tails.
    pub(crate) fn commit(code: &RowCode, cells: Vec<F>, rng: Option<&mut SecretRng>) -> (Root, Self) {
        let num_rows = code.num_rows(cells.len());
        let num_leaves = 1 << code.log_cells;
        let num_cosets = 1 << (code.log_domain - code.log_cells);
        let (mut tails, mut salts) = (Vec::new(), vec![Vec::new(); num_cosets]);
        if let Some(rng) = rng {
            tails = rng.bases(num_rows * code.tail);
            salts.iter_mut().for_each(|salts| *salts = rng.bases(num_leaves * SALT));
        }
        Self::with_randomness(code, cells, tails, salts)
    }

    /// Commits to rows with these tails, and these salts for each coset: both uniform, or none.
    pub(crate) fn with_randomness(code: &RowCode, cells: Vec<F>, tails: Vec<F>, salts: Vec<Vec<F>>) -> (Root, Self) {
        let num_rows = code.num_rows(cells.len());
        let num_leaves = 1 << code.log_cells;
        let num_cosets = salts.len();
        let encoded = code.encode(&cells, &tails);
        let by_coset: Vec<Vec<Digest>> = salts
            .iter()
            .enumerate()
            .map(|(coset, salts)| leaves(num_rows, num_leaves, encoded.pieces(coset, CHUNK), salts))
            .collect();
        let tree = ColumnTree::new((0..num_leaves << (code.log_domain - code.log_cells)).map(|i| by_coset[i % num_cosets][i / num_cosets]).collect());
        (tree.root(), Self { cells, tails, encoded, salts, tree })
    }

    /// Cells, tails and salts.
    #[cfg(test)]
    pub(crate) fn parts(mut self) -> (Vec<F>, Vec<F>, Vec<Vec<F>>) {
        (std::mem::take(&mut self.cells), std::mem::take(&mut self.tails), std::mem::take(&mut self.salts))
    }

    /// The rows' values at a point of the domain, and the salt.
    pub(crate) fn column(&self, index: usize) -> (Vec<F>, Vec<F>) {
        let num_cosets = self.salts.len();
        let salts = self.salts[index % num_cosets].chunks_exact(SALT).nth(index / num_cosets);
        (self.encoded.column(index), salts.unwrap_or_default().to_vec())
    }
}

impl Drop for MatrixData {
    fn drop(&mut self) {
        wipe(&mut self.cells);
        wipe(&mut self.tails);
        self.salts.iter_mut().for_each(|salts| wipe(salts));
        self.encoded.wipe();
    }
}

/// Overwrites secrets that are no longer needed. `black_box` keeps the writes from being taken for dead.
pub(crate) fn wipe(values: &mut [F]) {
    values.par_chunks_mut(1 << 16).for_each(|values| values.fill(F::ZERO));
    std::hint::black_box(values);
}
