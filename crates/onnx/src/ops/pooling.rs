//! What the pools share: windows over `[N, C, H, W]`, one spatial axis as two.

use veritorch_graph::model::ModelOp;

use super::window::{Window, planes, window};
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

/// Reads the window, pools with `op`, lets `after` work on the pooled planes, and restores the rank.
pub(super) fn pool(
    l: &mut Lowering<'_>,
    op: impl FnOnce(&Window) -> ModelOp,
    after: impl FnOnce(&mut Lowering<'_>, Operand, &Window, [usize; 2]) -> Result<Operand, Stop>,
) -> Result<(), Stop> {
    let x = l.input(0)?;
    let x = l.real(&x)?;
    pool_of(l, x, op, after)
}

/// The same of a tensor that was made from the input.
pub(super) fn pool_of(
    l: &mut Lowering<'_>,
    x: Operand,
    op: impl FnOnce(&Window) -> ModelOp,
    after: impl FnOnce(&mut Lowering<'_>, Operand, &Window, [usize; 2]) -> Result<Operand, Stop>,
) -> Result<(), Stop> {
    let ceil = l.int("ceil_mode", 0)? != 0;
    let x_planes = planes(&x.shape)?;
    let window = window(l, &x.shape, None, ceil)?;
    let extents = [x_planes[2], x_planes[3]];
    let mut shape = x.shape.clone();
    let rank = shape.len() - 2;
    shape[2..].copy_from_slice(&window.out[2 - rank..]);
    let out_planes = planes(&shape)?;
    let x = l.reshape("planes", &x, x_planes)?;
    let pooled = l.emit("pool", op(&window), &[&x], out_planes)?;
    let y = after(l, pooled, &window, extents)?;
    let y = l.reshape("line", &y, shape)?;
    l.set(0, y);
    Ok(())
}
