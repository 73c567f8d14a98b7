//! Not: `1 - x` of a truth value.

use crate::builder::Stop;
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = match x.data() {
        Some(Data::Bool(data)) => {
            let data = Data::Bool(data.iter().map(|&x| !x).collect());
            l.constant("not", x.shape, data)?
        }
        None if x.kind == Kind::Bool => l.opposite("not", &x)?,
        _ => return Err(Stop::invalid(format!("the input is {}, expected boolean", x.kind.name()))),
    };
    l.set(0, y);
    Ok(())
}
