//! RESIZE_NEAREST_NEIGHBOR: the entry at `floor(p * in / out)` on both axes, with half a pixel added to `p` or with aligned corners,
//! where it is rounded. Positions are computed in single precision, as the interpreter does.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (aligned, half) = (l.flag(0)?, l.flag(1)?);
    let mut y = l.input(0)?;
    let sizes = l.ints(1, "the extents")?;
    let (&[_, _, _, _], &[height, width]) = (y.shape.as_slice(), sizes.as_slice()) else {
        return Err(Stop::invalid(format!("input {:?} to {sizes:?}", y.shape)));
    };
    for (axis, size) in [(1, height), (2, width)] {
        let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| Stop::invalid(format!("size {size}")))?;
        let extent = y.shape[axis];
        if extent == 0 {
            return Err(Stop::invalid(format!("input {:?} has no entries", y.shape)));
        }
        l.charge(size)?;
        let indices = (0..size).map(|at| position(at, extent, size, aligned, half)).collect();
        let indices = l.list("indices", indices)?;
        y = l.apply("Gather", Attributes::new().int("axis", if axis == 1 { 1 } else { 2 }), &[&y, &indices])?;
    }
    l.set(0, y);
    Ok(())
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "single precision is meant; positions are clamped")]
fn position(at: usize, extent: usize, size: usize, aligned: bool, half: bool) -> i64 {
    let scale = if aligned && size > 1 { (extent - 1) as f32 / (size - 1) as f32 } else { extent as f32 / size as f32 };
    let from = (at as f32 + if half { 0.5 } else { 0.0 }) * scale;
    let from = if aligned { from.round() } else { from.floor() };
    from.clamp(0.0, (extent - 1) as f32) as i64
}
