//! STRIDED_SLICE: numpy's `x[begin:end:stride, ..]`, with bits of the options for open ends, an ellipsis, new axes and axes that go.

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

/// One bit for each entry of `begin`.
struct Masks {
    begin: i32,
    end: i32,
    ellipsis: i32,
    new_axis: i32,
    shrink: i32,
}

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let masks = Masks { begin: l.int(0, 0)?, end: l.int(1, 0)?, ellipsis: l.int(2, 0)?, new_axis: l.int(3, 0)?, shrink: l.int(4, 0)? };
    let relative = l.flag(5)?;
    let x = l.input(0)?;
    let (begin, end, steps) = (l.ints(1, "the starts")?, l.ints(2, "the ends")?, l.ints(3, "the steps")?);
    let count = begin.len();
    if end.len() != count || steps.len() != count || count > 31 {
        return Err(Stop::invalid("starts, ends and steps differ in length"));
    }
    let is_set = |mask: i32, k: usize| mask >> k & 1 == 1;
    if (0..count).filter(|&k| is_set(masks.ellipsis, k)).count() > 1 {
        return Err(Stop::invalid("two ellipses"));
    }
    let named = (0..count).filter(|&k| !is_set(masks.ellipsis, k) && !is_set(masks.new_axis, k)).count();
    let skipped = x.shape.len().checked_sub(named).ok_or_else(|| Stop::invalid(format!("{named} ranges for {:?}", x.shape)))?;
    // positions of the operand, and what becomes of each axis: gone, new, or kept
    let (mut from, mut to, mut by) = (Vec::new(), Vec::new(), Vec::new());
    let mut shape = Vec::new();
    for k in 0..count {
        let at = from.len();
        if is_set(masks.ellipsis, k) {
            for _ in 0..skipped {
                shape.push(Some(from.len()));
                whole(&mut from, &mut to, &mut by);
            }
        } else if is_set(masks.new_axis, k) {
            shape.push(None);
        } else if is_set(masks.shrink, k) {
            let extent = i64::try_from(x.shape[at]).unwrap_or(i64::MAX);
            let start = if begin[k] < 0 { begin[k].saturating_add(extent) } else { begin[k] };
            if !(0..extent).contains(&start) {
                return Err(Stop::invalid(format!("index {} on axis {at} of extent {extent}", begin[k])));
            }
            from.push(start);
            to.push(start + 1);
            by.push(1);
        } else {
            shape.push(Some(at));
            let forwards = steps[k] > 0;
            let end = if relative { begin[k].saturating_add(end[k]) } else { end[k] };
            from.push(if !is_set(masks.begin, k) { begin[k] } else if forwards { 0 } else { i64::MAX });
            to.push(if !is_set(masks.end, k) { end } else if forwards { i64::MAX } else { i64::MIN });
            by.push(steps[k]);
        }
    }
    while from.len() < x.shape.len() {
        shape.push(Some(from.len()));
        whole(&mut from, &mut to, &mut by);
    }
    let (from, to, by) = (l.list("starts", from)?, l.list("ends", to)?, l.list("steps", by)?);
    let axes = l.list("axes", (0..).take(x.shape.len()).collect())?;
    let sliced = l.apply("Slice", Attributes::new(), &[&x, &from, &to, &axes, &by])?;
    let shape: Vec<usize> = shape.into_iter().map(|axis| axis.map_or(1, |axis| sliced.shape[axis])).collect();
    let y = l.reshape(&sliced, &shape)?;
    l.set(0, y);
    Ok(())
}

/// All of an axis.
fn whole(from: &mut Vec<i64>, to: &mut Vec<i64>, by: &mut Vec<i64>) {
    from.push(0);
    to.push(i64::MAX);
    by.push(1);
}
