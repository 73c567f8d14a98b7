//! Functions of one integer: tables, filled as the kernels fill theirs, or as they compute each entry.
//!
//! LOGISTIC, TANH, ELU and GELU: single precision, rounded to the output's scale. RELU and its kin: a multiplication in fixed point, then bounds.

use veritorch_onnx::building::Stop;

use super::{Step, function, hard_swish, times};
use crate::lowering::Lowering;
use crate::ops::Lower;

pub(super) fn find(name: &str) -> Option<Lower> {
    Some(match name {
        "ELU" => |l| real(l, |x| if x < 0.0 { single(libm::expm1(f64::from(x))) } else { x }),
        "HARD_SWISH" => hard_swish::lower,
        "LEAKY_RELU" => leaky_relu,
        "LOGISTIC" => |l| real(l, |x| 1.0 / (1.0 + single(libm::exp(-f64::from(x))))),
        "RELU" => |l| bounded(l, 1),
        "RELU6" => |l| bounded(l, 3),
        "RELU_N1_TO_1" => |l| bounded(l, 2),
        "TANH" => |l| real(l, |x| single(libm::tanh(f64::from(x)))),
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
fn single(x: f64) -> f32 {
    x as f32
}

/// The nearest integer to `f(scale * c)`, in single precision throughout.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "single precision is meant; saturates")]
fn real(l: &mut Lowering<'_>, f: fn(f32) -> f32) -> Result<(), Stop> {
    function(l, |c, input: Step, output: Step| (f(input.scale * c as f32) * (1.0 / output.scale)).round() as i64)
}

fn bounded(l: &mut Lowering<'_>, activation: u8) -> Result<(), Stop> {
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    let [min, max] = output.activated(activation)?.map(i64::from);
    let scaled = times(f64::from(input.scale / output.scale))?;
    function(l, |c, _, _| scaled(c).clamp(min, max))
}

fn leaky_relu(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float(0)?;
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    let (positive, negative) = (times(f64::from(input.scale / output.scale))?, times(f64::from(input.scale * alpha / output.scale))?);
    function(l, |c, _, _| if c >= 0 { positive(c) } else { negative(c) })
}
