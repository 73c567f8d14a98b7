//! Split: consecutive parts along `axis`, by sizes (attribute before opset 13, then input), by `num_outputs`, or equal.

use veritorch_graph::model::ModelOp;

use super::constant_of_shape::shape_from;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let at = axis(l.int("axis", 0)?, x.shape.len())?;
    let extent = x.shape[at];
    let named = match l.ints("split")? {
        Some(sizes) => Some(sizes),
        None => l.optional_ints(1, "the sizes")?,
    };
    let num_outputs = l.optional_int("num_outputs")?;
    let sizes = match (named, num_outputs) {
        (Some(sizes), _) => shape_from(&sizes)?,
        (None, Some(count)) => chunks(extent, usize::try_from(count).unwrap_or(0))?,
        (None, None) => {
            let count = l.num_outputs();
            if count == 0 || extent % count != 0 {
                return Err(Stop::invalid(format!("extent {extent} in {count} equal parts")));
            }
            vec![extent / count; count]
        }
    };
    let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if total != Some(extent) || sizes.len() != l.num_outputs() {
        return Err(Stop::invalid(format!("extent {extent} in {} parts of {sizes:?}", l.num_outputs())));
    }
    let mut start = 0;
    for (k, &size) in sizes.iter().enumerate() {
        let mut starts = vec![0; x.shape.len()];
        starts[at] = start;
        let mut shape = x.shape.clone();
        shape[at] = size;
        let part = if shape == x.shape {
            x.clone()
        } else {
            let steps = vec![1; shape.len()];
            l.emit(&format!("part_{k}"), ModelOp::Slice { starts, steps }, &[&x], shape)?
        };
        l.set(k, part);
        start += size;
    }
    Ok(())
}

/// `count` parts of `ceil(extent / count)`, the last one smaller.
fn chunks(extent: usize, count: usize) -> Result<Vec<usize>, Stop> {
    let fail = || Stop::invalid(format!("extent {extent} in {count} parts"));
    if count == 0 || count > extent {
        return Err(fail());
    }
    let size = extent.div_ceil(count);
    let last = extent.checked_sub(size * (count - 1)).ok_or_else(fail)?;
    let mut sizes = vec![size; count - 1];
    sizes.push(last);
    Ok(sizes)
}
