//! ArrayFeatureExtractor: entries of the last axis at these positions. Positions that depend on the input choose among constants, which are then
//! labels.

use super::scores::numbered;
use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;
use crate::ops::gather;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, positions) = (l.input(0)?, l.input(1)?);
    if positions.is_constant() {
        let axis = x.shape.len().checked_sub(1).ok_or_else(|| Stop::invalid("a number has no features"))?;
        let flat = l.reshape("positions", &positions, vec![positions.shape.iter().product()])?;
        let y = gather::gather(l, &x, axis, &flat)?;
        let y = if y.shape.len() == 1 { l.reshape("row", &y, vec![1, y.shape[0]])? } else { y };
        l.set(0, y);
        return Ok(());
    }
    let labels: Option<Vec<i64>> = match x.data() {
        Some(Data::Int(labels)) => Some(labels.clone()),
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers of at most 24 bits")]
        Some(Data::Float(labels)) if labels.iter().all(|v| v.fract() == 0.0 && v.abs() <= 16_777_216.0) => {
            Some(labels.iter().map(|&v| v as i64).collect())
        }
        _ => None,
    };
    let labels = labels.ok_or_else(|| Stop::unsupported("positions that depend on the input, in data that are no constant whole numbers"))?;
    let count: usize = positions.shape.iter().product();
    let flat = l.reshape("positions", &positions, vec![1, count])?;
    let y = numbered(l, &flat, &labels)?;
    l.set(0, y);
    Ok(())
}
