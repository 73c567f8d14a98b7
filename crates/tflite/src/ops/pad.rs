//! PAD: zeros around.

use veritorch_onnx::building::{Attributes, Operand, Stop};

use super::mirror_pad::ends;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    pad(l, None)
}

pub(super) fn pad(l: &mut Lowering<'_>, value: Option<Operand>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let ends = ends(l, x.shape.len())?;
    let pads = ends.iter().map(|end| end.0).chain(ends.iter().map(|end| end.1)).collect();
    let pads = l.list("pads", pads)?;
    let operands: Vec<&Operand> = [&x, &pads].into_iter().chain(&value).collect();
    let y = l.apply("Pad", Attributes::new(), &operands)?;
    l.set(0, y);
    Ok(())
}
