//! Col2Im: columns `[N, C * taps, windows]` added up where the windows of an image overlap; a constant linear map.

use veritorch_graph::model::index::{for_each_index, offset, strides};

use super::linear_map::{Terms, map};
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let image = extents(l.ints_input(1, "the image's shape")?)?;
    let block = extents(l.ints_input(2, "the block's shape")?)?;
    let rank = image.len();
    let list = |name: &str, len: usize, default: i64| -> Result<Vec<usize>, Stop> {
        extents(l.ints(name)?.unwrap_or_else(|| vec![default; len]))
    };
    let (dilations, steps) = (list("dilations", rank, 1)?, list("strides", rank, 1)?);
    let pads = l.ints("pads")?.unwrap_or_else(|| vec![0; 2 * rank]);
    let pads: Vec<usize> = pads.iter().filter_map(|&pad| usize::try_from(pad).ok().filter(|&pad| pad < 1 << 24)).collect();
    if [block.len(), dilations.len(), steps.len()] != [rank; 3] || pads.len() != 2 * rank || rank == 0 {
        return Err(Stop::invalid("image, block, dilations, strides and pads do not fit together"));
    }
    let windows: Option<Vec<usize>> = (0..rank)
        .map(|k| {
            let span = (block[k] - 1) * dilations[k] + 1;
            Some((image[k] + pads[k] + pads[rank + k]).checked_sub(span)? / steps[k] + 1)
        })
        .collect();
    let windows = windows.ok_or_else(|| Stop::invalid("a window does not fit the image"))?;
    let (taps, count) = (block.iter().product::<usize>(), windows.iter().product::<usize>());
    let &[batch, rows, columns] = x.shape.as_slice() else { return Err(Stop::invalid(format!("columns {:?}", x.shape))) };
    if columns != count || rows % taps != 0 {
        return Err(Stop::invalid(format!("columns {:?}, expected [N, C * {taps}, {count}]", x.shape)));
    }
    let channels = rows / taps;
    let size = image.iter().product::<usize>();
    l.charge(taps.saturating_mul(count).saturating_add(size))?;
    let mut terms: Vec<Terms> = vec![Terms::new(); size];
    let from = strides(&image);
    let mut tap = 0;
    for_each_index(&block, |block_at| {
        let mut window = 0;
        for_each_index(&windows, |window_at| {
            let place: Option<Vec<usize>> = (0..rank)
                .map(|k| (window_at[k] * steps[k] + block_at[k] * dilations[k]).checked_sub(pads[k]).filter(|&at| at < image[k]))
                .collect();
            if let Some(place) = place {
                terms[offset(&place, &from)].push((tap * count + window, 1.0));
            }
            window += 1;
        });
        tap += 1;
    });
    let flat = l.reshape("columns", &x, vec![batch * channels, taps * count])?;
    let y = map(l, "image", &flat, &terms)?;
    let y = l.reshape("shape", &y, [&[batch, channels], image.as_slice()].concat())?;
    l.set(0, y);
    Ok(())
}

fn extents(numbers: Vec<i64>) -> Result<Vec<usize>, Stop> {
    numbers
        .iter()
        .map(|&x| usize::try_from(x).ok().filter(|x| (1..1 << 24).contains(x)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Stop::invalid(format!("extents {numbers:?}")))
}
