//! LabelEncoder: whole numbers to numbers, where the keys follow one another from 0 on.

use veritorch_graph::model::ModelOp;

use super::scores::numbered;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    for text in ["keys_strings", "values_strings", "default_string", "classes_strings"] {
        if l.strings(text)?.is_some_and(|texts| !texts.is_empty()) {
            return Err(Stop::hinted("labels that are texts", "circuits compute on numbers: encode texts before the model"));
        }
    }
    l.skip("default_string");
    l.skip("default_int64");
    l.skip("default_float");
    let keys = match (l.ints("keys_int64s")?, l.floats("keys_floats")?) {
        (Some(keys), _) => keys,
        #[expect(clippy::cast_possible_truncation, reason = "compared with whole numbers below")]
        (None, Some(keys)) => keys.iter().map(|&key| key as i64).collect(),
        (None, None) => return Err(Stop::unsupported("keys of another type than numbers")),
    };
    if !keys.iter().copied().eq(0..keys.len() as i64) {
        return Err(Stop::unsupported("keys that are not 0, 1, 2, .."));
    }
    let index = Operand { kind: Kind::Int, ..x };
    let y = match (l.ints("values_int64s")?, l.floats("values_floats")?) {
        (Some(values), _) if values.len() == keys.len() => numbered(l, &index, &values)?,
        (None, Some(values)) if values.len() == keys.len() => {
            let table = l.constant("values", vec![values.len(), 1], Data::Float(values))?;
            let shape = [index.shape.as_slice(), &[1]].concat();
            let chosen = l.emit("value", ModelOp::Embedding, &[&table, &index], shape)?;
            l.reshape("shape", &chosen, index.shape)?
        }
        _ => return Err(Stop::invalid("keys and values differ in number, or values are no numbers")),
    };
    l.set(0, y);
    Ok(())
}
