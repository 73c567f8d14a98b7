//! Where everything sits in the stack of leaves.
//!
//! One block for each lookup (its tensor with every axis padded to a power of two) and one for each table in use, in
//! decreasing order of size, so that each block is aligned to its own size and nothing lies between them. A leaf's index
//! is `block index (high bits) || position in the block (low bits)`. What follows the last block, up to a power of two, is filler.

use veritorch_sumcheck::Ext;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The entries of lookup number so-and-so.
    Lookup(usize),
    /// The rows of table number so-and-so.
    Table(usize),
}

/// An aligned block of `2^log_len` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub content: Content,
    /// First leaf, a multiple of the length.
    pub start: usize,
    /// Logarithm of the number of leaves.
    pub log_len: usize,
}

impl Block {
    /// Splits a point of the leaf cube into the coordinates that select the block and those inside it.
    #[must_use]
    pub fn split<'a, E>(&self, point: &'a [E]) -> (&'a [E], &'a [E]) {
        point.split_at(point.len().saturating_sub(self.log_len))
    }

    /// `eq(block index, high coordinates)`.
    #[must_use]
    pub fn weight<E: Ext>(&self, point: &[E]) -> E {
        let (high, _) = self.split(point);
        eq_index(self.start >> self.log_len, high)
    }
}

/// The stack of leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Blocks in order of position.
    pub blocks: Vec<Block>,
    /// Leaves before the filler.
    pub live: usize,
    /// Logarithm of the number of leaves, filler included.
    pub num_vars: usize,
}

impl Layout {
    /// Stacks blocks, given as content and logarithm of the length.
    #[must_use]
    pub fn new(mut contents: Vec<(Content, usize)>) -> Self {
        contents.sort_by_key(|&(_, log_len)| std::cmp::Reverse(log_len));
        let mut live = 0;
        let blocks = contents
            .into_iter()
            .map(|(content, log_len)| {
                let start = live;
                live += 1 << log_len;
                Block { content, start, log_len }
            })
            .collect();
        Self { blocks, live, num_vars: live.next_power_of_two().trailing_zeros() as usize }
    }
}

/// `eq(index, point)`: the weight of a vertex of the cube.
#[must_use]
pub fn eq_index<E: Ext>(index: usize, point: &[E]) -> E {
    point.iter().rev().enumerate().map(|(bit, &x)| if (index >> bit) & 1 == 1 { x } else { E::ONE - x }).product()
}

/// `sum_{i < len} eq(point, i)`: the extension of the indicator of an axis' real indices.
#[must_use]
pub fn indicator<E: Ext>(len: usize, point: &[E]) -> E {
    // From the least significant bit upwards: `below` is the weight of the indices under `len` in the low bits.
    let bits = point.len();
    if len >= 1 << bits {
        return E::ONE;
    }
    point.iter().rev().enumerate().fold(E::ZERO, |below, (bit, &x)| {
        if (len >> bit) & 1 == 1 { E::ONE - x + x * below } else { (E::ONE - x) * below }
    })
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;
    use veritorch_sumcheck::E2;
    use veritorch_sumcheck::mle::eq_table;

    use super::*;

    fn point(len: usize) -> Vec<E2> {
        (0..len as u64).map(|i| E2::from_limbs(&[(i + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2, i + 1])).collect()
    }

    #[test]
    fn indicator_is_the_sum_of_eq() {
        for log in 0..5 {
            let point = point(log);
            for len in 0..=1 << log {
                let expected: E2 = eq_table(&point).into_iter().take(len).sum();
                assert_eq!(indicator(len, &point), expected, "{len} of 2^{log}");
            }
        }
    }

    #[test]
    fn blocks_are_aligned_and_their_weights_are_those_of_eq() {
        let layout = Layout::new(vec![(Content::Lookup(0), 1), (Content::Table(0), 3), (Content::Lookup(1), 1), (Content::Lookup(2), 0)]);
        assert_eq!((layout.live, layout.num_vars), (13, 4));
        let point = point(4);
        let table = eq_table(&point);
        for block in &layout.blocks {
            assert_eq!(block.start % (1 << block.log_len), 0);
            let expected: E2 = table[block.start..block.start + (1 << block.log_len)].iter().copied().sum();
            assert_eq!(block.weight(&point), expected);
        }
        assert_eq!(layout.blocks[1].weight::<E2>(&point) + E2::ZERO, table[8] + table[9]);
    }
}
