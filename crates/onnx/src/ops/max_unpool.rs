//! MaxUnpool: entries put back at constant places of a larger tensor of zeros.

use veritorch_graph::model::ModelOp;

use super::linear_map::{Terms, map};
use super::window::list;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let places = l.ints_input(1, "the indices")?;
    let wanted = l.optional_ints(2, "the output's shape")?;
    let rank = x.shape.len().checked_sub(2).ok_or_else(|| Stop::invalid(format!("an input {:?}", x.shape)))?;
    let kernel = list(l, "kernel_shape", rank, 1)?.ok_or_else(|| Stop::invalid("attribute `kernel_shape` is missing"))?;
    let strides = list(l, "strides", rank, 1)?.unwrap_or_else(|| vec![1; rank]);
    let pads = list(l, "pads", 2 * rank, 0)?.unwrap_or_else(|| vec![0; 2 * rank]);
    let mut shape = x.shape.clone();
    for k in 0..rank {
        let full = (x.shape[2 + k].max(1) - 1) * strides[k] + kernel[k];
        shape[2 + k] = full
            .checked_sub(pads[k] + pads[rank + k])
            .ok_or_else(|| Stop::invalid("pads that leave nothing"))?;
    }
    let count: usize = x.shape.iter().product();
    let size = shape.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent)).unwrap_or(usize::MAX);
    if places.len() != count {
        return Err(Stop::invalid(format!("{} indices for {count} entries", places.len())));
    }
    l.charge(size)?;
    let mut terms: Vec<Terms> = vec![Terms::new(); size];
    for (k, &place) in places.iter().enumerate() {
        terms[axis(place, size)?] = vec![(k, 1.0)];
    }
    let flat = l.reshape("flat", &x, vec![1, count])?;
    let y = map(l, "unpool", &flat, &terms)?;
    let y = l.reshape("shape", &y, shape.clone())?;
    let y = match wanted {
        Some(wanted) => {
            let wanted: Option<Vec<usize>> = wanted.iter().map(|&x| usize::try_from(x).ok()).collect();
            let fits = |wanted: &Vec<usize>| wanted.len() == shape.len() && wanted.iter().zip(&shape).all(|(w, s)| w >= s);
            let wanted = wanted.filter(fits).ok_or_else(|| Stop::invalid(format!("an output smaller than {shape:?}")))?;
            l.emit("pad", ModelOp::Pad { before: vec![0; shape.len()], value: 0.0 }, &[&y], wanted)?
        }
        None => y,
    };
    l.set(0, y);
    Ok(())
}
