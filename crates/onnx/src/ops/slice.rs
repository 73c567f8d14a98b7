//! Slice: `start, start + step, ..` before `end` on some axes, as numpy (attributes before opset 10, then inputs).

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    let (starts, ends, named, steps) = if l.has("starts") {
        let missing = || Stop::invalid("starts or ends are missing");
        (l.ints("starts")?.ok_or_else(missing)?, l.ints("ends")?.ok_or_else(missing)?, l.ints("axes")?, None)
    } else {
        (l.ints_input(1, "starts")?, l.ints_input(2, "ends")?, l.optional_ints(3, "the axes")?, l.optional_ints(4, "the steps")?)
    };
    let named = named.unwrap_or_else(|| (0..).take(starts.len()).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), named.len(), steps.len()] != [starts.len(); 3] {
        return Err(Stop::invalid("starts, ends, axes and steps differ in length"));
    }
    let mut from = vec![0; rank];
    let mut by = vec![1; rank];
    let mut shape = x.shape.clone();
    let mut seen = vec![false; rank];
    for k in 0..starts.len() {
        let at = axis(named[k], rank)?;
        if std::mem::replace(&mut seen[at], true) {
            return Err(Stop::invalid(format!("axis {at} is named twice")));
        }
        (from[at], shape[at]) = range(starts[k], ends[k], steps[k], x.shape[at])?;
        by[at] = steps[k];
    }
    let y = if shape == x.shape && by.iter().all(|&step| step == 1) {
        x
    } else {
        l.emit("slice", ModelOp::Slice { starts: from, steps: by }, &[&x], shape)?
    };
    l.set(0, y);
    Ok(())
}

/// First position and number of positions.
fn range(start: i64, end: i64, step: i64, extent: usize) -> Result<(usize, usize), Stop> {
    let extent = i64::try_from(extent).map_err(|_| Stop::invalid("extent too large"))?;
    let from_front = |k: i64| if k < 0 { k.saturating_add(extent) } else { k };
    let (start, end) = (from_front(start), from_front(end));
    let (start, count) = match step {
        0 => return Err(Stop::invalid("a step is zero")),
        1.. => {
            let (start, end) = (start.clamp(0, extent), end.clamp(0, extent));
            (start, (end - start).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
        }
        _ => {
            let (start, end) = (start.clamp(-1, extent - 1), end.clamp(-1, extent - 1));
            (start, (start - end).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
        }
    };
    let count = usize::try_from(count).map_err(|_| Stop::invalid("extent too large"))?;
    Ok((usize::try_from(start).unwrap_or(0), count))
}
