//! HARD_SWISH: `x * min(max(x + 3, 0), 6) / 6` in the 16-bit arithmetic of the kernel.
//!
//! `x` is shifted up by 7 bits; one product brings it to the output's scale, another to a scale on which -3 and 3 are the ends of 16 bits.

use veritorch_graph::model::FixedPoint;
use veritorch_onnx::building::Stop;

use super::function;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    let fine = 1.0 / 128.0 * input.scale;
    let (to_output, output_exponent) = multiplier(fine / output.scale)?;
    let (to_gate, gate_exponent) = multiplier(fine / (3.0 / 32_768.0))?;
    if output_exponent > 0 {
        return Err(Stop::invalid("the output's scale is finer than the input's over 128"));
    }
    function(l, |c, _, _| {
        let fine = c << 7;
        let scaled = high_half(fine, to_output);
        let mut gate = fine;
        if gate_exponent > 0 {
            gate = short(gate << (gate_exponent - 1).min(20));
        }
        gate = high_half(gate, to_gate);
        if gate_exponent > 0 {
            gate = short(gate << 1);
        } else {
            gate = shifted(gate, gate_exponent.unsigned_abs());
        }
        let gate = (gate + (1 << 15)) >> 1;
        // towards zero
        let product = short(gate * scaled / (1 << 15));
        shifted(product, output_exponent.unsigned_abs())
    })
}

/// A mantissa of 15 bits and an exponent.
fn multiplier(real: f32) -> Result<(i64, i32), Stop> {
    let (mantissa, exponent) = FixedPoint::multiplier(real.into()).ok_or_else(|| Stop::invalid(format!("a multiplier of {real}")))?;
    let short = ((i64::from(mantissa) + (1 << 15)) >> 16).min((1 << 15) - 1);
    Ok((short, exponent))
}

/// Saturates to 16 bits.
fn short(x: i64) -> i64 {
    x.clamp(-(1 << 15), (1 << 15) - 1)
}

/// `a b / 2^15` to the nearest, halves upwards.
fn high_half(a: i64, b: i64) -> i64 {
    short((a * b + (1 << 14)) >> 15)
}

/// `x / 2^by` to the nearest, halves away from zero.
fn shifted(x: i64, by: u32) -> i64 {
    match by {
        0 => x,
        1..=31 => (x + (1 << (by - 1)) - i64::from(x < 0)) >> by,
        _ => 0,
    }
}
