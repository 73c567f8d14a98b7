//! AffineGrid: `theta [N, d, d + 1]` times the homogeneous coordinates of a constant grid.

use veritorch_graph::model::ModelOp;
use veritorch_graph::model::index::for_each_index;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounds to the graph's number type")]
pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let corners = l.int("align_corners", 0)? != 0;
    let theta = l.input(0)?;
    require_float(&theta, "theta")?;
    let size = l.ints_input(1, "the size")?;
    let extents: Option<Vec<usize>> = size.iter().skip(2).map(|&x| usize::try_from(x).ok().filter(|&x| x > 0)).collect();
    let extents = extents.filter(|extents| (2..=3).contains(&extents.len()));
    let extents = extents.ok_or_else(|| Stop::invalid(format!("size {size:?}")))?;
    let rank = extents.len();
    let batch = theta.shape.first().copied().unwrap_or(0);
    if theta.shape != [batch, rank, rank + 1] || i64::try_from(batch).ok() != size.first().copied() {
        return Err(Stop::invalid(format!("theta {:?} for size {size:?}", theta.shape)));
    }
    let count: usize = extents.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent)).unwrap_or(usize::MAX);
    l.charge(count.saturating_mul(rank + 1))?;
    let coordinate = |at: usize, extent: usize| match (corners, extent) {
        (true, 1) => 0.0,
        (true, _) => 2.0 * at as f64 / (extent - 1) as f64 - 1.0,
        (false, _) => (2.0 * at as f64 + 1.0) / extent as f64 - 1.0,
    };
    let mut rows = vec![Vec::with_capacity(count); rank + 1];
    for_each_index(&extents, |index| {
        for k in 0..rank {
            // x, the last axis, comes first
            rows[k].push(coordinate(index[rank - 1 - k], extents[rank - 1 - k]) as f32);
        }
        rows[rank].push(1.0);
    });
    let grid = l.constant("grid", vec![rank + 1, count], Data::Float(rows.concat()))?;
    let y = l.emit("coordinates", ModelOp::MatMul, &[&theta, &grid], vec![batch, rank, count])?;
    let y = l.transpose("order", &y, &[0, 2, 1])?;
    let y = l.reshape("shape", &y, [&[batch], extents.as_slice(), &[rank]].concat())?;
    l.set(0, y);
    Ok(())
}
