//! LayerNormalization: `y = (x - mean) / sqrt(variance + epsilon) * scale + bias` over the axes from `axis` on.
//!
//! The results `Mean` and `InvStdDev` are made as well; a pass drops them where nothing reads them.

use super::normalization::{normalize, scale_and_bias, statistics};
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let epsilon = l.float("epsilon", 1e-5)?;
    l.int("stash_type", 1)?;
    let (x, scale, bias) = (l.input(0)?, l.input(1)?, l.optional(2));
    let at = axis(l.int("axis", -1)?, x.shape.len())?;
    let axes: Vec<usize> = (at..x.shape.len()).collect();
    let normal = normalize(l, &x, &axes, epsilon, true)?;
    let y = scale_and_bias(l, &normal, Some(&scale), bias.as_ref())?;
    l.set(0, y);
    if l.num_outputs() > 1 {
        let (mean, inverse) = statistics(l, &x, &axes, epsilon)?;
        l.set(1, mean);
        l.set(2, inverse);
    }
    Ok(())
}
