//! CONV_2D: `y[n,p,o] = b[o] + sum_{i,c} x[n, p * stride + i * dilation - pad, c] * w[o,i,c]`; fewer channels in `w` than in `x`
//! are groups.

use veritorch_onnx::building::Stop;

use super::window::{channels_second, convolution};
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, w) = (l.input(0)?, l.input(1)?);
    // the type that biases of integers have
    l.skip(6);
    let w = channels_second(l, &w)?;
    let (channels, taken) = (x.shape.get(3).copied().unwrap_or(0), w.shape[1]);
    if taken == 0 || channels == 0 || channels % taken != 0 {
        return Err(Stop::invalid(format!("{channels} channels, weights for {taken}")));
    }
    convolution(l, &w, channels / taken, 4)
}
