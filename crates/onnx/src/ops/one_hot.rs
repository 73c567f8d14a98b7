//! OneHot: a line of `depth` entries on a new axis for each index, one of them on (none for an index out of range).
//!
//! Constant indices fold. Indices that depend on the input are whole numbers, compared with `0 .. depth`; negative ones count from the end.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (ids, depth, values) = (l.input(0)?, l.input(1)?, l.input(2)?);
    let at = axis(l.int("axis", -1)?, ids.shape.len() + 1)?;
    let depth = match depth.data() {
        Some(Data::Int(data)) if data.len() == 1 => usize::try_from(data[0]).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; charged below")]
        Some(Data::Float(data)) if data.len() == 1 && data[0] >= 0.0 => Some(data[0] as usize),
        _ => None,
    };
    let depth = depth.filter(|&depth| depth > 0).ok_or_else(|| Stop::unsupported("the depth is not one number known now"))?;
    let mut lines = ids.shape.clone();
    lines.push(depth);
    let y = match ids.data() {
        Some(data) => {
            l.charge(ids.shape.iter().product::<usize>().saturating_mul(depth))?;
            let extent = i64::try_from(depth).unwrap_or(i64::MAX);
            let on = |index: i64| -> Option<usize> {
                let index = if index < 0 { index.checked_add(extent)? } else { index };
                usize::try_from(index).ok().filter(|&index| index < depth)
            };
            let on: Vec<Option<usize>> = match data {
                Data::Int(data) => data.iter().map(|&x| on(x)).collect(),
                #[expect(clippy::cast_possible_truncation, reason = "saturates, which is out of range")]
                Data::Float(data) => data.iter().map(|&x| on(x as i64)).collect(),
                Data::Bool(_) => return Err(Stop::invalid("the indices are boolean")),
            };
            let flags: Vec<bool> = on.iter().flat_map(|&on| (0..depth).map(move |k| Some(k) == on)).collect();
            let data = match values.data() {
                Some(Data::Float(x)) if x.len() == 2 => Data::Float(flags.iter().map(|&flag| x[usize::from(flag)]).collect()),
                Some(Data::Int(x)) if x.len() == 2 => Data::Int(flags.iter().map(|&flag| x[usize::from(flag)]).collect()),
                Some(Data::Bool(x)) if x.len() == 2 => Data::Bool(flags.iter().map(|&flag| x[usize::from(flag)]).collect()),
                _ => return Err(Stop::unsupported("the values are not two numbers known now")),
            };
            l.constant("one_hot", lines, data)?
        }
        None => live(l, &ids, depth, &values)?,
    };
    let last = y.shape.len() - 1;
    let y = l.move_axis("order", &y, last, at)?;
    l.set(0, y);
    Ok(())
}

/// `off + (on - off) * [index = k]` on a new last axis.
fn live(l: &mut Lowering<'_>, ids: &Operand, depth: usize, values: &Operand) -> Result<Operand, Stop> {
    let kind = values.kind;
    let &[off, on] = l.real(values)?.floats().unwrap_or_default() else {
        return Err(Stop::unsupported("the values are not two numbers known now"));
    };
    let ids = if ids.kind == Kind::Float { l.function("whole", UnaryFn::Round, ids)? } else { l.real(ids)? };
    let mut lines = ids.shape.clone();
    lines.push(1);
    let ids = l.reshape("lines", &ids, lines)?;
    #[expect(clippy::cast_precision_loss, reason = "indices are far below 2^24")]
    let (negative, end) = (l.function("from_front", UnaryFn::NonNegative, &ids)?, depth as f32);
    let back = l.opposite("from_end", &negative)?;
    let back = l.real(&back)?;
    let shift = l.scale("shift", &back, end)?;
    let ids = l.binary("index", ModelOp::Add, &ids, &shift)?;
    let flags = on_line(l, &ids, ids.shape.len() - 1, depth)?;
    let y = l.scale("on", &flags, on - off)?;
    let off = l.scalar("off", off)?;
    let y = l.binary("one_hot", ModelOp::Add, &y, &off)?;
    l.of_kind(y, kind)
}

/// 1 where the position along axis `at` is the index, which has extent 1 there, else 0.
pub(super) fn on_line(l: &mut Lowering<'_>, index: &Operand, at: usize, extent: usize) -> Result<Operand, Stop> {
    let index = l.real(index)?;
    let mut shape = vec![1; index.shape.len()];
    shape[at] = extent;
    l.charge(extent)?;
    #[expect(clippy::cast_precision_loss, reason = "indices are far below 2^24")]
    let places = l.constant("places", shape, Data::Float((0..extent).map(|k| k as f32).collect()))?;
    let distance = l.binary("distance", ModelOp::Sub, &index, &places)?;
    l.function("equal", UnaryFn::Zero, &distance)
}
