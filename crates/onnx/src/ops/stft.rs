//! STFT: the Fourier transform of frames of a signal, each times a constant window.

use veritorch_graph::model::ModelOp;

use super::dft::transform;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let one_sided = l.int("onesided", 1)? != 0;
    let x = l.input(0)?;
    require_float(&x, "the signal")?;
    let step = l.ints_input(1, "the step")?;
    let window = l.optional(2);
    let length = l.optional_ints(3, "the frame's length")?;
    let &[batch, samples, parts] = x.shape.as_slice() else { return Err(Stop::invalid(format!("a signal {:?}", x.shape))) };
    let positive = |x: &[i64]| match *x {
        [x] => usize::try_from(x).ok().filter(|&x| x > 0),
        _ => None,
    };
    let length = match (&length, &window) {
        (Some(length), _) => positive(length),
        (None, Some(window)) => window.shape.first().copied(),
        (None, None) => None,
    };
    let (Some(step), Some(length)) = (positive(&step), length.filter(|&length| length <= samples)) else {
        return Err(Stop::invalid("the frame's step or length is missing or out of range"));
    };
    if window.as_ref().is_some_and(|window| window.shape != [length] || !window.is_constant()) {
        return Err(Stop::unsupported("a window that is no constant of the frame's length"));
    }
    let frames = (samples - length) / step + 1;
    l.charge(frames.saturating_mul(length))?;
    let indices: Vec<usize> = (0..frames).flat_map(|frame| (0..length).map(move |k| frame * step + k)).collect();
    let cut = l.emit("frames", ModelOp::Gather { axis: 1, indices }, &[&x], vec![batch, frames * length, parts])?;
    let mut cut = l.reshape("lines", &cut, vec![batch * frames, length, parts])?;
    if let Some(window) = window {
        let window = l.reshape("window", &window, vec![1, length, 1])?;
        cut = l.binary("windowed", ModelOp::Mul, &cut, &window)?;
    }
    let y = transform(l, &cut, length, false, one_sided)?;
    let shape = vec![batch, frames, y.shape[1], 2];
    let y = l.reshape("shape", &y, shape)?;
    l.set(0, y);
    Ok(())
}
