//! LinearRegressor: `y = x W' + b`.

use veritorch_graph::model::ModelOp;

use super::scores::post_transform;
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let targets = usize::try_from(l.int("targets", 1)?).map_err(|_| Stop::invalid("a negative number of targets"))?;
    let y = linear(l, targets)?;
    let y = post_transform(l, &y)?;
    l.set(0, y);
    Ok(())
}

/// `x W' + b` with the attributes `coefficients` `[outputs, features]` and `intercepts`.
pub(super) fn linear(l: &mut Lowering<'_>, outputs: usize) -> Result<Operand, Stop> {
    let x = l.input(0)?.as_float();
    let coefficients = l.floats("coefficients")?.unwrap_or_default();
    let intercepts = l.floats("intercepts")?.filter(|values| !values.is_empty()).unwrap_or_else(|| vec![0.0; outputs]);
    if intercepts.len() != outputs {
        return Err(Stop::invalid(format!("{} intercepts for {outputs} outputs", intercepts.len())));
    }
    product(l, &x, &coefficients, &intercepts)
}

/// `x W' + b` for coefficients `[outputs, features]`.
pub(super) fn product(l: &mut Lowering<'_>, x: &Operand, coefficients: &[f32], intercepts: &[f32]) -> Result<Operand, Stop> {
    let x = if let [features] = x.shape[..] { l.reshape("row", x, vec![1, features])? } else { x.clone() };
    let &[rows, features] = x.shape.as_slice() else { return Err(Stop::invalid(format!("features of shape {:?}", x.shape))) };
    let outputs = intercepts.len();
    if outputs == 0 || Some(coefficients.len()) != outputs.checked_mul(features) {
        return Err(Stop::invalid(format!("{} coefficients for {outputs} outputs of {features} features", coefficients.len())));
    }
    let columns = (0..features).flat_map(|k| coefficients.iter().skip(k).step_by(features).copied()).collect();
    let w = l.constant("coefficients", vec![features, outputs], Data::Float(columns))?;
    let y = l.emit("product", ModelOp::MatMul, &[&x, &w], vec![rows, outputs])?;
    let intercepts = l.constant("intercepts", vec![1, outputs], Data::Float(intercepts.to_vec()))?;
    l.binary("sum", ModelOp::Add, &y, &intercepts)
}
