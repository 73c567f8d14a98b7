//! FLOOR_MOD: `a - b * floor(a / b)`, with the sign of `b`.

use veritorch_onnx::building::{Attributes, Kind, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    if a.kind == Kind::Float {
        return Err(Stop::unsupported("of real numbers"));
    }
    let y = l.apply("Mod", Attributes::new(), &[&a, &b])?;
    l.set(0, y);
    Ok(())
}
