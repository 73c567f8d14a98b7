//! What convolutions and pools share: planes with channels second, `SAME` and `VALID` padding, steps.
//!
//! `SAME`: `out = ceil(in / stride)`, the odd zero at the far end; `VALID`: whole windows only.

use veritorch_graph::model::Rounding;
use veritorch_onnx::building::{Attributes, Operand, Stop};

use crate::lowering::Lowering;

/// `[N, H, W, C]` to `[N, C, H, W]`.
pub(crate) fn channels_second(l: &mut Lowering<'_>, x: &Operand) -> Result<Operand, Stop> {
    if x.shape.len() != 4 {
        return Err(Stop::invalid(format!("expected rank 4, got {:?}", x.shape)));
    }
    l.transpose(x, &[0, 3, 1, 2])
}

/// `[N, C, H, W]` to `[N, H, W, C]`.
pub(crate) fn channels_last(l: &mut Lowering<'_>, x: &Operand) -> Result<Operand, Stop> {
    l.transpose(x, &[0, 2, 3, 1])
}

/// Strides of a window whose options have the horizontal one at `k` and the vertical one behind it.
pub(crate) fn strides(l: &Lowering<'_>, k: usize) -> Result<[i64; 2], Stop> {
    pair(l, k, "a stride")
}

/// Two whole numbers at `k`, the horizontal one first, as `[vertical, horizontal]`.
pub(crate) fn pair(l: &Lowering<'_>, k: usize, what: &str) -> Result<[i64; 2], Stop> {
    let number = |k: usize| -> Result<i64, Stop> { Ok(i64::try_from(l.count(k, 1, what)?).unwrap_or(i64::MAX)) };
    Ok([number(k + 1)?, number(k)?])
}

/// ONNX's name of the padding at option 0.
pub(crate) fn padding(l: &Lowering<'_>) -> Result<&'static str, Stop> {
    match l.byte(0)? {
        0 => Ok("SAME_UPPER"),
        1 => Ok("VALID"),
        other => Err(Stop::invalid(format!("padding {other}"))),
    }
}

/// A convolution of planes by `w [O, C / groups, kh, kw]`, with dilations at option `at` and the activation before it.
pub(crate) fn convolution(l: &mut Lowering<'_>, w: &Operand, groups: usize, at: usize) -> Result<(), Stop> {
    let x = l.input(0)?;
    let attributes = Attributes::new()
        .text("auto_pad", padding(l)?)
        .ints("strides", strides(l, 1)?)
        .ints("dilations", pair(l, at, "a dilation")?)
        .int("group", i64::try_from(groups).unwrap_or(i64::MAX));
    let x = channels_second(l, &x)?;
    let bias = l.optional(2);
    let operands: Vec<&Operand> = [&x, w].into_iter().chain(&bias).collect();
    let y = l.apply("Conv", attributes, &operands)?;
    let y = l.end_of_layer([0, 1], at - 1, 1, Rounding::Twice, y)?;
    let y = channels_last(l, &y)?;
    l.set(0, y);
    Ok(())
}

/// A pool of the planes of input 0.
pub(crate) fn pool(l: &mut Lowering<'_>, onnx: &str) -> Result<(), Stop> {
    let x = l.input(0)?;
    let attributes = Attributes::new()
        .text("auto_pad", padding(l)?)
        .ints("strides", strides(l, 1)?)
        .ints("kernel_shape", pair(l, 3, "an extent of the window")?);
    let x = channels_second(l, &x)?;
    let y = l.apply(onnx, attributes, &[&x])?;
    let y = l.activated(5, y)?;
    let y = channels_last(l, &y)?;
    l.set(0, y);
    Ok(())
}
