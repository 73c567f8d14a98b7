//! Conv: `y[n,o,p] = b[o] + sum_{c,i} x[n, c, p * stride + i * dilation - pad] * w[o,c,i]`, one or two spatial axes.
//!
//! One spatial axis becomes two with extent 1 in front, and back.

use veritorch_graph::model::ModelOp;

use super::window::{planes, window};
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, w, bias) = (l.input(0)?, l.input(1)?, l.optional(2));
    require_float(&x, "the input")?;
    if !w.is_constant() || bias.as_ref().is_some_and(|bias| !bias.is_constant()) {
        return Err(Stop::hinted("the weights depend on the model's input", "convolve with parameters or constants"));
    }
    let groups = l.int("group", 1)?;
    let groups = usize::try_from(groups).ok().filter(|&g| g >= 1).ok_or_else(|| Stop::invalid(format!("group {groups}")))?;
    let x_shape = planes(&x.shape)?;
    if w.shape.len() != x.shape.len() {
        return Err(Stop::invalid(format!("input {:?}, weights {:?}", x.shape, w.shape)));
    }
    let window = window(l, &x.shape, Some(&w.shape[2..]), false)?;
    let mut shape = x.shape.clone();
    shape[1] = w.shape[0];
    let rank = shape.len() - 2;
    shape[2..].copy_from_slice(&window.out[2 - rank..]);
    let out_planes = planes(&shape)?;
    let x = l.reshape("planes", &x, x_shape)?;
    let w_shape = planes(&w.shape)?;
    let w = l.reshape("kernel", &w, w_shape)?;
    let op = ModelOp::Conv { strides: window.strides, pads: window.pads, dilations: window.dilations, groups };
    let mut operands = vec![&x, &w];
    operands.extend(bias.as_ref());
    let y = l.emit("conv", op, &operands, out_planes)?;
    let y = l.reshape("line", &y, shape)?;
    l.set(0, y);
    Ok(())
}
