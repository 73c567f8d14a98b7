//! RESIZE_BILINEAR: interpolation between the two nearest entries on both axes, at `(p + 1/2) * in / out - 1/2` (half-pixel centres),
//! `p * (in - 1) / (out - 1)` (aligned corners) or `p * in / out`.

use veritorch_onnx::building::{Attributes, Data, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (aligned, half) = (l.flag(2)?, l.flag(3)?);
    // the old extents
    l.skip(0);
    l.skip(1);
    let x = l.input(0)?;
    let sizes = l.ints(1, "the extents")?;
    let sizes = l.list("sizes", sizes)?;
    let none = l.constant("none", vec![0], Data::Float(Vec::new()))?;
    let mode = match (aligned, half) {
        (true, true) => return Err(Stop::invalid("corners are aligned and centres are half pixels")),
        (true, false) => "align_corners",
        (false, true) => "half_pixel",
        (false, false) => "asymmetric",
    };
    let attributes = Attributes::new().text("mode", "linear").text("coordinate_transformation_mode", mode).ints("axes", [1, 2]);
    let y = l.apply("Resize", attributes, &[&x, &none, &none, &sizes])?;
    l.set(0, y);
    Ok(())
}
