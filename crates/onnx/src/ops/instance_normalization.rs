//! InstanceNormalization: each channel of `x [N, C, ..]` normalised over its positions; scale and bias for each channel.

use super::normalization::{normalize, per_channel, scale_and_bias};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let epsilon = l.float("epsilon", 1e-5)?;
    let (x, scale, bias) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let rank = x.shape.len();
    if rank < 3 {
        return Err(Stop::invalid(format!("expected [N, C, ..], got {:?}", x.shape)));
    }
    let normal = normalize(l, &x, &(2..rank).collect::<Vec<_>>(), epsilon, true)?;
    let scale = per_channel(l, "scale_shape", &scale, rank)?;
    let bias = per_channel(l, "bias_shape", &bias, rank)?;
    let y = scale_and_bias(l, &normal, Some(&scale), Some(&bias))?;
    l.set(0, y);
    Ok(())
}
