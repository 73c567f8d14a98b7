//! MeanVarianceNormalization: `y = (x - mean) / sqrt(variance)` over `axes` (0, 2 and 3 by default).

use super::normalization::normalize;
use crate::builder::Stop;
use crate::lowering::{Lowering, axes};

/// Square of the 1e-9 that ONNX adds to the deviation.
const EPSILON: f32 = 1e-18;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let named = l.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let axes = axes(&named, x.shape.len())?;
    let y = normalize(l, &x, &axes, EPSILON, true)?;
    l.set(0, y);
    Ok(())
}
