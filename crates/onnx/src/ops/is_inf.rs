//! IsInf: which entries are infinite (`detect_positive`, `detect_negative`). Constants fold; what is computed from the input
//! is finite.

use crate::builder::{Source, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let positive = l.int("detect_positive", 1)? != 0;
    let negative = l.int("detect_negative", 1)? != 0;
    let x = l.input(0)?;
    match &x.source {
        Source::Masked { .. } => return Err(Stop::unsupported("looks at masked scores")),
        &Source::Value(id) if l.producer(id).is_none() => {
            return Err(Stop::unsupported("asks whether the model's input is finite"));
        }
        _ => {}
    }
    l.charge(x.shape.iter().product())?;
    let flags = match x.floats() {
        Some(data) => data.iter().map(|&x| x.is_infinite() && if x > 0.0 { positive } else { negative }).collect(),
        None => vec![false; x.shape.iter().product()],
    };
    let y = l.constant("is_inf", x.shape, Data::Bool(flags))?;
    l.set(0, y);
    Ok(())
}
