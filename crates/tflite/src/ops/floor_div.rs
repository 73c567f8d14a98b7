//! FLOOR_DIV: the greatest whole number up to `a / b`.

use veritorch_onnx::building::{Attributes, Kind, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    if a.kind != Kind::Float || b.kind != Kind::Float {
        return Err(Stop::unsupported("divides whole numbers"));
    }
    let quotient = l.apply("Div", Attributes::new(), &[&a, &b])?;
    let y = l.apply("Floor", Attributes::new(), &[&quotient])?;
    l.set(0, y);
    Ok(())
}
