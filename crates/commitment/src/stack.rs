//! The stack: where each tensor lies in the one polynomial that is committed.
//!
//! A tensor's axes are padded to powers of two, which makes it a cube of `2^m` cells. Cubes are laid down by falling
//! size, so each starts at a multiple of its own size and is addressed by the first `n - m` bits of an index:
//! `T(x) = C(prefix, x)`. Padding is never constrained: forms are zero there.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::log_padded;
use veritorch_sumcheck::{Ext, F, Factor, Form};

/// Variables of the smallest stack: what the first fold of WHIR and the packing of its tables need.
pub const MIN_VARS: usize = 10;

/// Cells that one task writes.
const CHUNK: usize = 1 << 12;

/// The real entries of a tensor, in row-major order.
pub trait Cells: Sync {
    /// Number of entries.
    fn num_entries(&self) -> usize;
    /// Writes the entries from `start` on, as many as `out` has.
    fn write(&self, start: usize, out: &mut [F]);
}

impl Cells for [F] {
    fn num_entries(&self) -> usize {
        self.len()
    }

    fn write(&self, start: usize, out: &mut [F]) {
        out.copy_from_slice(&self[start..start + out.len()]);
    }
}

macro_rules! integer_cells {
    ($($integer:ty),*) => {$(
        impl Cells for [$integer] {
            fn num_entries(&self) -> usize {
                self.len()
            }

            fn write(&self, start: usize, out: &mut [F]) {
                for (cell, &entry) in out.iter_mut().zip(&self[start..]) {
                    *cell = signed(i64::from(entry));
                }
            }
        }
    )*};
}

integer_cells!(i8, i16, i32, i64);

impl<T> Cells for Vec<T>
where
    T: Sync,
    [T]: Cells,
{
    fn num_entries(&self) -> usize {
        self.len()
    }

    fn write(&self, start: usize, out: &mut [F]) {
        self.as_slice().write(start, out);
    }
}

/// The field element of an integer, without a branch.
#[inline]
pub(crate) fn signed(value: i64) -> F {
    // -2^63 <= value, so p + value lies in [0, p) for negative values.
    F::from_u64(value.cast_unsigned().wrapping_add(if value < 0 { P } else { 0 }))
}

/// Positions of tensors in a stack: a pure function of their shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackLayout {
    shapes: Vec<Vec<usize>>,
    offsets: Vec<usize>,
    order: Vec<usize>,
    num_cells: usize,
    num_vars: usize,
}

impl StackLayout {
    /// The layout of tensors with these shapes: blocks by falling size, equal sizes by rising index.
    ///
    /// # Panics
    /// If an axis is empty, or the stack does not fit in memory.
    #[must_use]
    pub fn new(shapes: &[Vec<usize>]) -> Self {
        assert!(shapes.iter().flatten().all(|&len| len > 0), "an axis is empty");
        let vars: Vec<usize> = shapes.iter().map(|shape| padded_vars(shape)).collect();
        let mut order: Vec<usize> = (0..shapes.len()).collect();
        order.sort_by_key(|&tensor| (std::cmp::Reverse(vars[tensor]), tensor));
        let mut offsets = vec![0; shapes.len()];
        let mut end = 0usize;
        for &tensor in &order {
            offsets[tensor] = end;
            end = 1usize
                .checked_shl(u32::try_from(vars[tensor]).unwrap_or(u32::MAX))
                .and_then(|len| end.checked_add(len))
                .expect("a stack fits in memory");
        }
        let num_vars = (end.next_power_of_two().trailing_zeros() as usize).max(MIN_VARS);
        Self { shapes: shapes.to_vec(), offsets, order, num_cells: end, num_vars }
    }

    /// Number of tensors.
    #[must_use]
    pub fn num_tensors(&self) -> usize {
        self.shapes.len()
    }

    /// Shape of a tensor, without padding.
    ///
    /// # Panics
    /// If there is no such tensor.
    #[must_use]
    pub fn shape(&self, tensor: usize) -> &[usize] {
        &self.shapes[tensor]
    }

    /// First cell of a tensor's block.
    ///
    /// # Panics
    /// If there is no such tensor.
    #[must_use]
    pub fn offset(&self, tensor: usize) -> usize {
        self.offsets[tensor]
    }

    /// Variables of a tensor's block.
    ///
    /// # Panics
    /// If there is no such tensor.
    #[must_use]
    pub fn block_vars(&self, tensor: usize) -> usize {
        padded_vars(&self.shapes[tensor])
    }

    /// Variables of the stack.
    #[must_use]
    pub fn num_vars(&self) -> usize {
        self.num_vars
    }

    /// Cells up to the end of the last block.
    #[must_use]
    pub fn num_cells(&self) -> usize {
        self.num_cells
    }

    /// Tensors in the order in which they lie.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// `len` cells; those outside of every tensor are zero.
    pub(crate) fn fill(&self, tensors: &[&dyn Cells], len: usize) -> Vec<F> {
        let mut cells = F::zero_vec(len);
        let mut rest = cells.as_mut_slice();
        let mut blocks = Vec::with_capacity(tensors.len());
        for &tensor in &self.order {
            let (block, tail) = rest.split_at_mut(1 << self.block_vars(tensor));
            rest = tail;
            blocks.push((tensor, block));
        }
        blocks.into_par_iter().for_each(|(tensor, block)| fill_block(&self.shapes[tensor], tensors[tensor], block));
        cells
    }
}

/// Writes a tensor into its padded block. A *run* is the part of a row-major tensor that padding does not interrupt.
fn fill_block(shape: &[usize], cells: &dyn Cells, block: &mut [F]) {
    let split = shape.iter().rposition(|len| !len.is_power_of_two()).unwrap_or(0);
    let (outer, inner) = shape.split_at(split);
    let run: usize = inner.iter().product();
    let stride: usize = inner.iter().map(|len| len.next_power_of_two()).product();
    let chunk = stride.min(CHUNK);
    block.par_chunks_mut(chunk).with_min_len(CHUNK / chunk).enumerate().for_each(|(index, out)| {
        let position = index * chunk;
        let within = position % stride;
        let Some(outer_index) = real_index(outer, position / stride).filter(|_| within < run) else { return };
        let len = out.len().min(run - within);
        cells.write(outer_index * run + within, &mut out[..len]);
    });
}

/// The row-major index of a padded index, unless it lies in the padding.
fn real_index(shape: &[usize], mut padded: usize) -> Option<usize> {
    let mut index = 0;
    let mut scale = 1;
    for &len in shape.iter().rev() {
        let padded_len = len.next_power_of_two();
        let coordinate = padded % padded_len;
        padded /= padded_len;
        if coordinate >= len {
            return None;
        }
        index += coordinate * scale;
        scale *= len;
    }
    Some(index)
}

/// Whether a form can be applied to a tensor of this shape.
pub(crate) fn form_fits<E: Ext>(form: &Form<E>, shape: &[usize]) -> Result<(), &'static str> {
    if form.factors.iter().map(|(axes, _)| axes).sum::<usize>() != shape.len() {
        return Err("its factors do not span the axes");
    }
    form.spans(shape).try_for_each(|(span, factor)| vector_fits(factor, span.iter().product(), span.len()))
}

fn vector_fits<E: Ext>(factor: &Factor<E>, len: usize, num_axes: usize) -> Result<(), &'static str> {
    match factor {
        Factor::Eq(point) if point.len() != log_padded(len) => Err("a point has another number of variables"),
        Factor::Explicit(values) if values.len() != len => Err("a vector has another length"),
        Factor::Powers(_) if num_axes != 1 => Err("powers run over one axis"),
        Factor::Joint(parts) => {
            let all = parts.iter().try_fold(1usize, |all, (len, _)| all.checked_mul(*len));
            if all != Some(len) {
                return Err("vectors have another length");
            }
            parts.iter().try_for_each(|(len, factor)| vector_fits(factor, *len, 1))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use veritorch_sumcheck::field::int;
    use veritorch_sumcheck::form::padded_index;

    use super::*;

    #[test]
    fn blocks_are_aligned_and_disjoint() {
        let layout = StackLayout::new(&[vec![3], vec![3, 5], vec![], vec![7, 2], vec![8, 4]]);
        assert_eq!(layout.order(), [1, 4, 3, 0, 2]);
        let mut end = 0;
        for &tensor in layout.order() {
            let len = 1usize << layout.block_vars(tensor);
            assert_eq!(layout.offset(tensor) % len, 0);
            assert_eq!(layout.offset(tensor), end);
            end += len;
        }
        assert_eq!(layout.num_vars(), MIN_VARS);
        assert_eq!(StackLayout::new(&[vec![1 << 12], vec![1]]).num_vars(), 13);
    }

    #[test]
    fn cells_lie_at_their_padded_index() {
        let shapes = [vec![3, 4, 5], vec![2, 3, 8], vec![9000], vec![5, 1, 3, 2], vec![]];
        let layout = StackLayout::new(&shapes);
        let tensors: Vec<Vec<i64>> = shapes
            .iter()
            .map(|shape| (0..shape.iter().product::<usize>() as i64).map(|i| if i % 2 == 0 { -i - 1 } else { i }).collect())
            .collect();
        let views: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
        let cells = layout.fill(&views, 1 << layout.num_vars());
        let mut expected = vec![F::ZERO; 1 << layout.num_vars()];
        for (tensor, entries) in tensors.iter().enumerate() {
            for (index, &entry) in entries.iter().enumerate() {
                expected[layout.offset(tensor) + padded_index(&shapes[tensor], index)] = int(entry);
            }
        }
        assert_eq!(cells, expected);
        assert_eq!(signed(i64::MIN), int(i64::MIN));
        assert_eq!(signed(i64::MAX), int(i64::MAX));
    }
}
