//! CastLike: a cast to the type of the second input.

use super::cast::cast;
use crate::builder::Stop;
use crate::element::{Element, Kind};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.int("saturate", 1)?;
    l.string("round_mode", "up")?;
    let (x, like) = (l.input(0)?, l.input(1)?);
    let to = match like.kind {
        Kind::Float => Element::F32,
        Kind::Int => Element::I64,
        Kind::Bool => Element::Bool,
    };
    let y = cast(l, &x, to)?;
    l.set(0, y);
    Ok(())
}
