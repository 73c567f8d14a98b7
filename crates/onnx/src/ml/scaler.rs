//! Scaler: `y = (x - offset) * scale`, one of each for all features or one for each.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let mut y = l.input(0)?.as_float();
    for (part, op) in [("offset", ModelOp::Sub), ("scale", ModelOp::Mul)] {
        if let Some(values) = l.floats(part)?.filter(|values| !values.is_empty()) {
            if values.len() != 1 && Some(&values.len()) != y.shape.last() {
                return Err(Stop::invalid(format!("{} entries of `{part}` for shape {:?}", values.len(), y.shape)));
            }
            let values = l.constant(part, vec![values.len()], Data::Float(values))?;
            y = l.binary(&format!("{part}d"), op, &y, &values)?;
        }
    }
    l.set(0, y);
    Ok(())
}
