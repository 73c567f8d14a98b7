//! TRANSPOSE_CONV: the transpose of CONV_2D from the result's shape (input 0) to `x` (input 2), with `w [O, kh, kw, C]`.

use veritorch_graph::model::Rounding;
use veritorch_onnx::building::{Attributes, Operand, Stop};

use super::window::{channels_last, channels_second, padding, strides};
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the type that biases of integers have
    l.skip(4);
    let out = l.ints(0, "the extents")?;
    let (w, x) = (l.input(1)?, l.input(2)?);
    let same = padding(l)? != "VALID";
    let strides = strides(l, 1)?;
    let (&[_, rows, columns, _], &[_, height, width, _], &[_, out_rows, out_columns, _]) =
        (w.shape.as_slice(), x.shape.as_slice(), out.as_slice())
    else {
        return Err(Stop::invalid(format!("input {:?}, weights {:?}, result {out:?}", x.shape, w.shape)));
    };
    let rows = ends(height, rows, strides[0], out_rows, same)?;
    let columns = ends(width, columns, strides[1], out_columns, same)?;
    let attributes = Attributes::new()
        .ints("strides", strides)
        .ints("pads", [rows.near, columns.near, rows.far, columns.far])
        .ints("output_padding", [rows.more, columns.more]);
    let x = channels_second(l, &x)?;
    let w = l.transpose(&w, &[3, 0, 1, 2])?;
    let bias = l.optional(3);
    let operands: Vec<&Operand> = [&x, &w].into_iter().chain(&bias).collect();
    let y = l.apply("ConvTranspose", attributes, &operands)?;
    let y = l.end_of_layer([2, 1], 3, 1, Rounding::Twice, y)?;
    let y = channels_last(l, &y)?;
    l.set(0, y);
    Ok(())
}

/// What is cut off at both ends of the whole transpose, and what is more than it.
struct Ends {
    near: i64,
    far: i64,
    more: i64,
}

/// The padding of the convolution from `out` to `extent` entries.
fn ends(extent: usize, kernel: usize, stride: i64, out: i64, same: bool) -> Result<Ends, Stop> {
    let fail = || Stop::invalid(format!("{extent} entries to {out} with a kernel of {kernel} and stride {stride}"));
    let number = |x: usize| i64::try_from(x).ok().filter(|x| (1..=1 << 24).contains(x)).ok_or_else(fail);
    let (extent, kernel) = (number(extent)?, number(kernel)?);
    if !(1..=1 << 24).contains(&out) {
        return Err(fail());
    }
    let full = (extent - 1) * stride + kernel;
    let steps = if same { (out + stride - 1) / stride } else { (out + stride - kernel) / stride };
    if steps != extent {
        return Err(fail());
    }
    let near = if same { (full - out).max(0) / 2 } else { 0 };
    let rest = full - near - out;
    Ok(Ends { near, far: rest.max(0), more: (-rest).max(0) })
}
