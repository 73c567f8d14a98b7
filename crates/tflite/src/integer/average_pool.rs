//! AVERAGE_POOL_2D: the sum of each window over the number of its entries, halves away from zero; a table of the sum.

use veritorch_graph::model::ModelOp;
use veritorch_onnx::building::Stop;

use super::tabulated;
use crate::lowering::Lowering;
use crate::ops::window::{channels_last, channels_second, padding, pair, strides};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    if (input.scale, input.zero_point) != (output.scale, output.zero_point) {
        return Err(Stop::invalid("the result has another scale than the operand"));
    }
    let same = padding(l)? != "VALID";
    let (strides, kernel) = (strides(l, 1)?, pair(l, 3, "an extent of the window")?);
    let [min, max] = output.activated(l.byte(5)?)?.map(i64::from);
    let x = l.input(0)?;
    let x = channels_second(l, &x)?;
    let mut shape = x.shape.clone();
    let [mut taps, mut steps] = [[1usize; 2]; 2];
    for k in 0..2 {
        let size = |number: i64| usize::try_from(number).map_err(|_| Stop::invalid(format!("extent {number}")));
        (taps[k], steps[k]) = (size(kernel[k])?, size(strides[k])?);
        let extent = x.shape[2 + k];
        let out = if same { extent.div_ceil(steps[k]) } else { (extent + steps[k]).saturating_sub(taps[k]) / steps[k] };
        if out == 0 || (out - 1).saturating_mul(steps[k]).saturating_add(taps[k]) > extent {
            return Err(Stop::hinted("averages over padding, on integers", "use padding VALID"));
        }
        shape[2 + k] = out;
    }
    let op = ModelOp::SumPool { kernel: taps, strides: steps, pads: [0; 2], dilations: [1; 2] };
    let sums = l.emit("sums", op, &[&x], shape)?;
    let count = i64::try_from(taps[0].saturating_mul(taps[1])).unwrap_or(i64::MAX);
    let range = [i64::from(input.min).saturating_mul(count), i64::from(input.max).saturating_mul(count)];
    let mean = |sum: i64| (divided(sum + count * input.zero_point, count) - input.zero_point).clamp(min, max);
    let y = tabulated(l, "mean", &sums, range, mean)?;
    let y = channels_last(l, &y)?;
    l.set(0, y);
    Ok(())
}

/// The nearest whole number to a quotient, halves away from zero.
fn divided(sum: i64, count: i64) -> i64 {
    if sum > 0 { (sum + count / 2) / count } else { (sum - count / 2) / count }
}
