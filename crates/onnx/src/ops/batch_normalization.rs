//! BatchNormalization at inference: `y = (x - mean) / sqrt(var + epsilon) * scale + bias` on axis 1.
//!
//! Lowered to `y = x * m + b` with `m = scale / sqrt(var + epsilon)`, `b = bias - mean * m`; a pass folds both into the
//! linear layer before it.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let epsilon = f64::from(l.float("epsilon", 1e-5)?);
    l.float("momentum", 0.9)?;
    if l.int("training_mode", 0)? != 0 {
        return Err(Stop::hinted("training mode", "export the model after model.eval()"));
    }
    if l.int("spatial", 1)? != 1 {
        return Err(Stop::unsupported("attribute `spatial` = 0"));
    }
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    // without a channel axis there is one channel
    let channels = x.shape.get(1).copied().unwrap_or(1);
    let mut parameters = Vec::with_capacity(4);
    for (k, what) in ["scale", "bias", "mean", "variance"].into_iter().enumerate() {
        let operand = l.input(k + 1)?;
        let Some(data) = operand.floats() else {
            return Err(Stop::unsupported(format!("the {what} depends on the model's input")));
        };
        if data.len() != channels {
            return Err(Stop::invalid(format!("expected {channels} entries of the {what}, got {}", data.len())));
        }
        parameters.push(data.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    }
    let [scale, bias, mean, variance] = &parameters[..] else {
        return Err(Stop::invalid("four parameters expected"));
    };
    let mut factors = Vec::with_capacity(channels);
    let mut offsets = Vec::with_capacity(channels);
    for c in 0..channels {
        let factor = scale[c] / (variance[c] + epsilon).sqrt();
        if !factor.is_finite() {
            return Err(Stop::invalid(format!("variance {} of channel {c}, epsilon {epsilon}", variance[c])));
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
        {
            factors.push(factor as f32);
            offsets.push((bias[c] - mean[c] * factor) as f32);
        }
    }
    let mut shape = vec![1; x.shape.len()];
    if let Some(extent) = shape.get_mut(1) {
        *extent = channels;
    }
    let factors = l.constant("scale", shape.clone(), Data::Float(factors))?;
    let offsets = l.constant("bias", shape, Data::Float(offsets))?;
    let scaled = l.binary("mul", ModelOp::Mul, &x, &factors)?;
    let y = l.binary("add", ModelOp::Add, &scaled, &offsets)?;
    l.set(0, y);
    Ok(())
}
