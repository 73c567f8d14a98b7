//! DEPTHWISE_CONV_2D: each channel of `x` by its own kernels `w [1, kh, kw, channels * multiplier]`.

use veritorch_onnx::building::Stop;

use super::window::convolution;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, w) = (l.input(0)?, l.input(1)?);
    // the multiplier follows from the shapes
    l.skip(3);
    let (&[_, _, _, channels], &[1, _, _, _]) = (x.shape.as_slice(), w.shape.as_slice()) else {
        return Err(Stop::invalid(format!("input {:?}, weights {:?}", x.shape, w.shape)));
    };
    let w = l.transpose(&w, &[3, 0, 1, 2])?;
    convolution(l, &w, channels, 5)
}
