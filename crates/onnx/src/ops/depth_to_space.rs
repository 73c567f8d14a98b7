//! DepthToSpace: blocks of channels become blocks of positions, by reshape, transpose, reshape.

use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let block = block_size(l)?;
    let mode = l.string("mode", "DCR")?;
    let &[n, c, h, w] = x.shape.as_slice() else {
        return Err(Stop::invalid(format!("expected rank 4, got {:?}", x.shape)));
    };
    let area = block * block;
    if c % area != 0 {
        return Err(Stop::invalid(format!("{c} channels in blocks of {block}")));
    }
    let depth = c / area;
    let (split, perm) = match mode.as_str() {
        "DCR" => (vec![n, block, block, depth, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![n, depth, block, block, h, w], [0, 1, 4, 2, 5, 3]),
        other => return Err(Stop::invalid(format!("mode `{other}`"))),
    };
    let split = l.reshape("split", &x, split)?;
    let moved = l.transpose("move", &split, &perm)?;
    let y = l.reshape("join", &moved, vec![n, depth, h * block, w * block])?;
    l.set(0, y);
    Ok(())
}

/// The attribute `blocksize`.
pub(super) fn block_size(l: &Lowering<'_>) -> Result<usize, Stop> {
    let block = l.optional_int("blocksize")?.unwrap_or(0);
    usize::try_from(block)
        .ok()
        .filter(|&block| (1..1 << 15).contains(&block))
        .ok_or_else(|| Stop::invalid(format!("blocksize {block}")))
}
