//! Constant: a tensor, number or list of numbers as attribute.

use crate::builder::Stop;
use crate::constant::{Constant, Data};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let value = if let Some(constant) = l.tensor("value")? {
        constant
    } else if let Some(x) = l.optional_float_attribute("value_float")? {
        Constant { shape: Vec::new(), data: Data::Float(vec![x]) }
    } else if let Some(x) = l.optional_int("value_int")? {
        Constant { shape: Vec::new(), data: Data::Int(vec![x]) }
    } else if let Some(x) = l.floats("value_floats")? {
        Constant { shape: vec![x.len()], data: Data::Float(x) }
    } else if let Some(x) = l.ints("value_ints")? {
        Constant { shape: vec![x.len()], data: Data::Int(x) }
    } else {
        return Err(Stop::unsupported("a constant that is neither a dense tensor nor numbers"));
    };
    let operand = l.constant("value", value.shape, value.data)?;
    l.set(0, operand);
    Ok(())
}
