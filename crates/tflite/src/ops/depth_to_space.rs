//! DEPTH_TO_SPACE: blocks of channels become blocks of positions.

use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let block = l.count(0, 0, "the block size")?;
    let x = l.input(0)?;
    let &[n, h, w, c] = x.shape.as_slice() else { return Err(Stop::invalid(format!("expected rank 4, got {:?}", x.shape))) };
    let area = block.saturating_mul(block);
    if c % area != 0 {
        return Err(Stop::invalid(format!("{c} channels in blocks of {block}")));
    }
    let split = l.reshape(&x, &[n, h, w, block, block, c / area])?;
    let moved = l.transpose(&split, &[0, 1, 3, 2, 4, 5])?;
    let y = l.reshape(&moved, &[n, h.saturating_mul(block), w.saturating_mul(block), c / area])?;
    l.set(0, y);
    Ok(())
}
