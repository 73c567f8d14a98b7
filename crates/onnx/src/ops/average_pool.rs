//! AveragePool: the sum of each window over the number of its entries, padding counted or not (`count_include_pad`).
//!
//! What a window has beyond the padding (`ceil_mode`) never counts. One product by a number where all windows have as
//! many entries, by a constant `[1, 1, H, W]` otherwise.

use veritorch_graph::model::ModelOp;

use super::pooling::pool;
use super::window::Window;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let padding_counts = l.int("count_include_pad", 0)? != 0;
    pool(
        l,
        |window| ModelOp::SumPool {
            kernel: window.kernel,
            strides: window.strides,
            pads: window.pads,
            dilations: window.dilations,
        },
        |l, sums, window, extents| divide(l, &sums, window, extents, padding_counts),
    )
}

fn divide(
    l: &mut Lowering<'_>,
    sums: &Operand,
    window: &Window,
    extents: [usize; 2],
    padding_counts: bool,
) -> Result<Operand, Stop> {
    l.charge(window.out[0].saturating_add(window.out[1]))?;
    let [rows, columns] = [0, 1].map(|k| counts(window, k, extents[k], padding_counts));
    if rows.iter().chain(&columns).any(|&count| count == 0) {
        return Err(Stop::invalid("a window lies in the padding"));
    }
    let uniform = |counts: &[usize]| counts.windows(2).all(|pair| pair[0] == pair[1]);
    if uniform(&rows) && uniform(&columns) {
        return l.scale("mean", sums, reciprocal(rows[0] * columns[0]));
    }
    l.charge(rows.len() * columns.len())?;
    let factors = rows.iter().flat_map(|row| columns.iter().map(move |column| reciprocal(row * column))).collect();
    let shape = vec![1, 1, rows.len(), columns.len()];
    let factors = l.constant("reciprocals", shape, Data::Float(factors))?;
    l.binary("mean", ModelOp::Mul, sums, &factors)
}

/// Number of entries of each window on one axis.
fn counts(window: &Window, k: usize, extent: usize, padding_counts: bool) -> Vec<usize> {
    let (near, far) = (window.pads[k], window.far_pads[k]);
    let (from, to) = if padding_counts { (0, near + extent + far) } else { (near, near + extent) };
    // taps that lie before a position
    let before = |start: usize, position: usize| {
        position.saturating_sub(start).div_ceil(window.dilations[k]).min(window.kernel[k])
    };
    (0..window.out[k])
        .map(|out| out * window.strides[k])
        .map(|start| before(start, to) - before(start, from))
        .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "counts are small")]
pub(super) fn reciprocal(count: usize) -> f32 {
    (1.0 / count as f64) as f32
}
