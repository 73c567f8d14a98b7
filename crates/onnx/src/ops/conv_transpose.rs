//! ConvTranspose: the transpose of a convolution, as zeros between the entries and a convolution with the kernel
//! flipped and its channels exchanged.
//!
//! `out = (in - 1) * stride + output_padding + (kernel - 1) * dilation + 1 - pads`; with `output_shape` or `SAME_*` the
//! pads follow, the odd one at the far end for `SAME_UPPER`, at the near end otherwise.

use veritorch_graph::model::ModelOp;

use super::window::{list, planes, spatial};
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, w, bias) = (l.input(0)?, l.input(1)?, l.optional(2));
    require_float(&x, "the input")?;
    if !w.is_constant() || bias.as_ref().is_some_and(|bias| !bias.is_constant()) {
        return Err(Stop::hinted("the weights depend on the model's input", "convolve with parameters or constants"));
    }
    let groups = l.int("group", 1)?;
    let groups = usize::try_from(groups).ok().filter(|&g| g >= 1).ok_or_else(|| Stop::invalid(format!("group {groups}")))?;
    let extents = spatial(&x.shape)?;
    let rank = x.shape.len() - 2;
    if w.shape.len() != x.shape.len() || w.shape[0] != x.shape[1] || w.shape[0] % groups != 0 {
        return Err(Stop::invalid(format!("input {:?}, weights {:?}, {groups} groups", x.shape, w.shape)));
    }
    let kernel = spatial(&w.shape)?;
    if let Some(named) = list(l, "kernel_shape", rank, 1)?
        && named != w.shape[2..]
    {
        return Err(Stop::invalid(format!("kernel_shape {named:?}, weights {:?}", w.shape)));
    }
    let ones = || vec![1; rank];
    let strides = list(l, "strides", rank, 1)?.unwrap_or_else(ones);
    let dilations = list(l, "dilations", rank, 1)?.unwrap_or_else(ones);
    let extra = list(l, "output_padding", rank, 0)?.unwrap_or_else(|| vec![0; rank]);
    let pads = list(l, "pads", 2 * rank, 0)?.unwrap_or_else(|| vec![0; 2 * rank]);
    let wanted = list(l, "output_shape", rank, 1)?;
    let auto_pad = l.string("auto_pad", "NOTSET")?;

    let mut geometry = Geometry { steps: [1; 2], near: [0; 2], stuffed: [1; 2], dilations: [1; 2], out: [1; 2] };
    for k in 0..rank {
        let at = 2 - rank + k;
        let span = (kernel[at] - 1) * dilations[k];
        let full = (extents[at] - 1) * strides[k] + extra[k] + span + 1;
        let same = matches!(auto_pad.as_str(), "SAME_UPPER" | "SAME_LOWER");
        let target = wanted.as_ref().map(|wanted| wanted[k]).or(same.then_some(extents[at] * strides[k]));
        let (near, out) = match (target, auto_pad.as_str()) {
            (Some(out), _) => {
                let total = full.saturating_sub(out);
                let half = total / 2;
                (if auto_pad == "SAME_UPPER" { half } else { total - half }, out)
            }
            (None, "NOTSET" | "") => {
                let out = full.checked_sub(pads[k] + pads[rank + k]).filter(|&out| out > 0);
                (pads[k], out.ok_or_else(|| Stop::invalid(format!("pads {pads:?} leave nothing of {full}")))?)
            }
            (None, "VALID") => (0, full),
            (None, other) => return Err(Stop::invalid(format!("auto_pad `{other}`"))),
        };
        geometry.steps[at] = strides[k];
        geometry.dilations[at] = dilations[k];
        geometry.near[at] = near;
        geometry.stuffed[at] = (extents[at] - 1) * strides[k] + 1;
        geometry.out[at] = out;
    }
    let y = convolve(l, &x, &w, bias.as_ref(), groups, kernel, &geometry)?;
    let mut shape = x.shape.clone();
    shape[1] = w.shape[1].saturating_mul(groups);
    shape[2..].copy_from_slice(&geometry.out[2 - rank..]);
    let y = l.reshape("line", &y, shape)?;
    l.set(0, y);
    Ok(())
}

struct Geometry {
    steps: [usize; 2],
    near: [usize; 2],
    stuffed: [usize; 2],
    dilations: [usize; 2],
    out: [usize; 2],
}

fn convolve(
    l: &mut Lowering<'_>,
    x: &Operand,
    w: &Operand,
    bias: Option<&Operand>,
    groups: usize,
    kernel: [usize; 2],
    geometry: &Geometry,
) -> Result<Operand, Stop> {
    let x_shape = planes(&x.shape)?;
    let mut x = l.reshape("planes", x, x_shape)?;
    // result position p reads stuffed position p + near - span + tap, which is negative where the kernel hangs over:
    // what the padding of a convolution cannot hold is cropped from the stuffed tensor instead
    let mut pads = [0; 2];
    let mut crop = [0; 2];
    for k in 0..2 {
        let span = (kernel[k] - 1) * geometry.dilations[k];
        pads[k] = span.saturating_sub(geometry.near[k]);
        crop[k] = geometry.near[k].saturating_sub(span);
    }
    if geometry.steps != [1; 2] {
        let mut shape = x.shape.clone();
        shape[2..].copy_from_slice(&geometry.stuffed);
        let op = ModelOp::ZeroStuff { starts: vec![0; 4], steps: vec![1, 1, geometry.steps[0], geometry.steps[1]] };
        x = l.emit("stuff", op, &[&x], shape)?;
    }
    if crop != [0; 2] {
        let mut shape = x.shape.clone();
        for k in 0..2 {
            shape[2 + k] = shape[2 + k].checked_sub(crop[k]).filter(|&extent| extent > 0).ok_or_else(|| {
                Stop::unsupported("pads beyond the tensor")
            })?;
        }
        let op = ModelOp::Slice { starts: vec![0, 0, crop[0], crop[1]], steps: vec![1; 4] };
        x = l.emit("crop", op, &[&x], shape)?;
    }
    // [C, O/g, kh, kw] -> [g, C/g, O/g, kh, kw] -> [g, O/g, C/g, kh, kw] -> [O, C/g, kh, kw], flipped
    let (c, o) = (w.shape[0] / groups, w.shape[1]);
    let [height, width] = kernel;
    let grouped = l.reshape("groups", w, vec![groups, c, o, height, width])?;
    let exchanged = l.transpose("exchange", &grouped, &[0, 2, 1, 3, 4])?;
    let kernels = l.reshape("kernel", &exchanged, vec![groups.saturating_mul(o), c, height, width])?;
    let flip = ModelOp::Slice { starts: vec![0, 0, height - 1, width - 1], steps: vec![1, 1, -1, -1] };
    let flipped = l.emit("flip", flip, &[&kernels], kernels.shape.clone())?;
    let op = ModelOp::Conv { strides: [1; 2], pads, dilations: geometry.dilations, groups };
    let mut operands = vec![&x, &flipped];
    operands.extend(bias);
    l.emit("conv", op, &operands, vec![x.shape[0], groups.saturating_mul(o), geometry.out[0], geometry.out[1]])
}
