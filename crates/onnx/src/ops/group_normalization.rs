//! GroupNormalization: the channels of `x [N, C, ..]` in `num_groups` groups, each normalised with all its positions; scale
//! and bias for each channel (for each group before opset 21).

use super::normalization::{normalize, per_channel, scale_and_bias};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let epsilon = l.float("epsilon", 1e-5)?;
    l.int("stash_type", 1)?;
    let groups = l.optional_int("num_groups")?.and_then(|groups| usize::try_from(groups).ok()).unwrap_or(0);
    let (x, scale, bias) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let (&[batch, channels], rank) = (x.shape.first_chunk().ok_or_else(|| Stop::invalid("expected [N, C, ..]"))?, x.shape.len());
    if groups == 0 || channels % groups != 0 {
        return Err(Stop::invalid(format!("{channels} channels in {groups} groups")));
    }
    let positions: usize = x.shape[2..].iter().product();
    let grouped = l.reshape("groups", &x, vec![batch, groups, channels / groups * positions])?;
    let normal = normalize(l, &grouped, &[2], epsilon, true)?;
    let y = if l.opset < 21 && groups != channels {
        let scale = per_channel(l, "scale_shape", &scale, 3)?;
        let bias = per_channel(l, "bias_shape", &bias, 3)?;
        let y = scale_and_bias(l, &normal, Some(&scale), Some(&bias))?;
        l.reshape("shape", &y, x.shape)?
    } else {
        let normal = l.reshape("shape", &normal, x.shape)?;
        let scale = per_channel(l, "scale_shape", &scale, rank)?;
        let bias = per_channel(l, "bias_shape", &bias, rank)?;
        scale_and_bias(l, &normal, Some(&scale), Some(&bias))?
    };
    l.set(0, y);
    Ok(())
}
