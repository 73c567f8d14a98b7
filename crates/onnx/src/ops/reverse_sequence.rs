//! ReverseSequence: the first entries of each sequence in reverse order, as many as its constant length says.

use veritorch_graph::model::index::{for_each_index, offset, strides};

use super::scatter_nd::pick;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    let batch = axis(l.int("batch_axis", 1)?, rank)?;
    let time = axis(l.int("time_axis", 0)?, rank)?;
    let lengths = l.ints_input(1, "the lengths")?;
    if batch == time || lengths.len() != x.shape[batch] {
        return Err(Stop::invalid(format!("{} lengths for {:?}", lengths.len(), x.shape)));
    }
    let lengths: Option<Vec<usize>> =
        lengths.iter().map(|&len| usize::try_from(len).ok().filter(|&len| len <= x.shape[time])).collect();
    let lengths = lengths.ok_or_else(|| Stop::invalid("a length is out of range"))?;
    l.charge(x.shape.iter().product())?;
    let from = strides(&x.shape);
    let mut places = Vec::new();
    for_each_index(&x.shape, |index| {
        let (length, at) = (lengths[index[batch]], index[time]);
        let place = offset(index, &from);
        let source = if at < length { length - 1 - at } else { at };
        places.push(place - at * from[time] + source * from[time]);
    });
    let y = pick(l, "reverse", &[&x], places, x.shape.clone())?;
    l.set(0, y);
    Ok(())
}
