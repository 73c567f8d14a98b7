//! SLICE: entries from `begin` (input 1) on, `size` (input 2) of them; -1 takes all that are left.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let (begin, size) = (l.ints(1, "the starts")?, l.ints(2, "the sizes")?);
    let mut ends = Vec::new();
    for k in 0..x.shape.len() {
        let (Some(&begin), Some(&size)) = (begin.get(k), size.get(k)) else { return Err(Stop::invalid("starts or sizes are missing")) };
        let extent = i64::try_from(x.shape[k]).unwrap_or(i64::MAX);
        let end = if size == -1 { Some(extent) } else { begin.checked_add(size) };
        let fits = |end: &i64| 0 <= begin && begin <= *end && *end <= extent;
        ends.push(end.filter(fits).ok_or_else(|| Stop::invalid(format!("{size} entries from {begin} on, of {extent}")))?);
    }
    let (begin, ends) = (l.list("begin", begin)?, l.list("ends", ends)?);
    let y = l.apply("Slice", Attributes::new(), &[&x, &begin, &ends])?;
    l.set(0, y);
    Ok(())
}
