//! OneHot: a line of `depth` entries on a new axis for each constant index, one of them on (none for an index out of range).

use crate::builder::Stop;
use crate::constant::Data;
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
        None => return Err(Stop::hinted("the indices depend on the model's input", "use constant indices")),
    };
    let last = y.shape.len() - 1;
    let y = l.move_axis("order", &y, last, at)?;
    l.set(0, y);
    Ok(())
}
