//! SpaceToDepth: blocks of positions become blocks of channels, by reshape, transpose, reshape.

use super::depth_to_space::block_size;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let block = block_size(l)?;
    let &[n, c, h, w] = x.shape.as_slice() else {
        return Err(Stop::invalid(format!("expected rank 4, got {:?}", x.shape)));
    };
    if h % block != 0 || w % block != 0 {
        return Err(Stop::invalid(format!("{h} by {w} positions in blocks of {block}")));
    }
    let split = l.reshape("split", &x, vec![n, c, h / block, block, w / block, block])?;
    let moved = l.transpose("move", &split, &[0, 3, 5, 1, 2, 4])?;
    let y = l.reshape("join", &moved, vec![n, c * block * block, h / block, w / block])?;
    l.set(0, y);
    Ok(())
}
