//! LRN: `y = x * (bias + alpha / size * sum x^2)^-beta`, the sum over `size` neighbouring channels.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1e-4)?;
    let beta = l.float("beta", 0.75)?;
    let bias = l.float("bias", 1.0)?;
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let &[batch, channels, ref rest @ ..] = x.shape.as_slice() else {
        return Err(Stop::invalid(format!("an input {:?}", x.shape)));
    };
    let size = l.optional_int("size")?.and_then(|size| usize::try_from(size).ok()).filter(|size| (1..=1 << 16).contains(size));
    let size = size.ok_or_else(|| Stop::invalid("attribute `size` is missing or out of range"))?;
    if !(bias > 0.0 && alpha >= 0.0 && bias.is_finite() && alpha.is_finite() && beta.is_finite()) {
        return Err(Stop::unsupported(format!("alpha {alpha}, beta {beta}, bias {bias}")));
    }
    let squares = l.binary("squares", ModelOp::Mul, &x, &x)?;
    let planes = vec![batch, 1, channels, rest.iter().product()];
    let squares = l.reshape("planes", &squares, planes.clone())?;
    let op = ModelOp::SumPool { kernel: [size, 1], strides: [1; 2], pads: [(size - 1) / 2, 0], dilations: [1; 2] };
    let sums = l.emit("sums", op, &[&squares], planes)?;
    let sums = l.reshape("shape", &sums, x.shape.clone())?;
    #[expect(clippy::cast_precision_loss, reason = "at most 2^16")]
    let scaled = l.scale("mean", &sums, alpha / size as f32)?;
    let bias = l.scalar("bias", bias)?;
    let base = l.binary("base", ModelOp::Add, &scaled, &bias)?;
    let factor = l.function("factor", UnaryFn::Pow { exponent: -beta }, &base)?;
    let y = l.binary("normalised", ModelOp::Mul, &x, &factor)?;
    l.set(0, y);
    Ok(())
}
