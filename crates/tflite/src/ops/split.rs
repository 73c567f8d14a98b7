//! SPLIT: equal parts along an axis (input 0).

use veritorch_onnx::building::{Attributes, Operand, Stop};

use crate::lowering::{Lowering, axis};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the number of outputs
    l.skip(0);
    let &[named] = l.ints(0, "the axes")?.as_slice() else { return Err(Stop::invalid("expected one axis")) };
    let x = l.input(1)?;
    let extent = x.shape[axis(named, x.shape.len())?];
    let parts = l.num_outputs();
    if extent % parts != 0 {
        return Err(Stop::invalid(format!("extent {extent} in {parts} equal parts")));
    }
    let size = i64::try_from(extent / parts).map_err(|_| Stop::invalid("extent too large"))?;
    split(l, &x, named, &vec![size; parts])
}

/// Parts of these sizes; -1 takes what is left.
pub(super) fn split(l: &mut Lowering<'_>, x: &Operand, named: i64, sizes: &[i64]) -> Result<(), Stop> {
    let at = axis(named, x.shape.len())?;
    let extent = i64::try_from(x.shape[at]).map_err(|_| Stop::invalid("extent too large"))?;
    let rest = extent.saturating_sub(sizes.iter().filter(|&&size| size > 0).fold(0, |sum: i64, &size| sum.saturating_add(size)));
    let axes = l.list("axis", vec![named])?;
    let mut start = 0i64;
    for (k, &size) in sizes.iter().enumerate() {
        let end = start.saturating_add(if size == -1 { rest } else { size });
        if !(start..=extent).contains(&end) {
            return Err(Stop::invalid(format!("extent {extent} in parts of {sizes:?}")));
        }
        let (from, to) = (l.list("start", vec![start])?, l.list("end", vec![end])?);
        let part = l.apply("Slice", Attributes::new(), &[x, &from, &to, &axes])?;
        l.set(k, part);
        start = end;
    }
    if start != extent {
        return Err(Stop::invalid(format!("extent {extent} in parts of {sizes:?}")));
    }
    Ok(())
}
