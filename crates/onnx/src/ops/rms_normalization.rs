//! RMSNormalization: `y = x / sqrt(mean(x^2) + epsilon) * scale` over the axes from `axis` on.

use super::normalization::{normalize, scale_and_bias};
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let epsilon = l.float("epsilon", 1e-5)?;
    l.int("stash_type", 1)?;
    let (x, scale) = (l.input(0)?, l.input(1)?);
    let at = axis(l.int("axis", -1)?, x.shape.len())?;
    let axes: Vec<usize> = (at..x.shape.len()).collect();
    let normal = normalize(l, &x, &axes, epsilon, false)?;
    let y = scale_and_bias(l, &normal, Some(&scale), None)?;
    l.set(0, y);
    Ok(())
}
