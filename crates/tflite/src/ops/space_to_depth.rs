//! SPACE_TO_DEPTH: blocks of positions become blocks of channels.

use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let block = l.count(0, 0, "the block size")?;
    let x = l.input(0)?;
    let &[n, h, w, c] = x.shape.as_slice() else { return Err(Stop::invalid(format!("expected rank 4, got {:?}", x.shape))) };
    if h % block != 0 || w % block != 0 {
        return Err(Stop::invalid(format!("{h} by {w} positions in blocks of {block}")));
    }
    let split = l.reshape(&x, &[n, h / block, block, w / block, block, c])?;
    let moved = l.transpose(&split, &[0, 1, 3, 2, 4, 5])?;
    let y = l.reshape(&moved, &[n, h / block, w / block, c.saturating_mul(block).saturating_mul(block)])?;
    l.set(0, y);
    Ok(())
}
