//! DFT: the discrete Fourier transform along an axis, a product with the constant matrix of its cosines and sines.
//!
//! `y[k] = sum_j x[j] exp(-2 pi i j k / N)`, with `+` and `1 / N` where it is inverse. Complex numbers have a last axis of two.

use super::linear_map::{Terms, map};
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let inverse = l.int("inverse", 0)? != 0;
    let one_sided = l.int("onesided", 0)? != 0;
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let rank = x.shape.len();
    let length = l.optional_ints(1, "the length")?;
    let at = match l.optional_ints(2, "the axis")?.as_deref() {
        Some(&[at]) => at,
        Some(other) => return Err(Stop::invalid(format!("axis {other:?}"))),
        None if l.opset < 20 => l.int("axis", 1)?,
        None => -2,
    };
    let at = axis(at, rank)?;
    if at + 1 == rank {
        return Err(Stop::invalid("the axis is the one of real and imaginary parts"));
    }
    let length = match length.as_deref() {
        None => x.shape[at],
        Some(&[length]) => usize::try_from(length).ok().filter(|&n| n > 0).ok_or_else(|| Stop::invalid("a length of zero"))?,
        Some(other) => return Err(Stop::invalid(format!("length {other:?}"))),
    };
    if inverse && one_sided {
        return Err(Stop::unsupported("an inverse transform of one side"));
    }
    let front = l.move_axis("front", &x, at, rank - 2)?;
    let kept = front.shape[..rank - 2].to_vec();
    let y = transform(l, &front, length, inverse, one_sided)?;
    let shape = [kept.as_slice(), &y.shape[1..]].concat();
    let y = l.reshape("shape", &y, shape)?;
    let y = l.move_axis("back", &y, rank - 2, at)?;
    l.set(0, y);
    Ok(())
}

/// The transform of `x [.., n, 1 or 2]`, cut or filled with zeros to `length`: `[rows, frequencies, 2]`.
#[expect(clippy::cast_precision_loss, reason = "lengths are charged")]
pub(super) fn transform(l: &mut Lowering<'_>, x: &Operand, length: usize, inverse: bool, one_sided: bool) -> Result<Operand, Stop> {
    let &[ref outer @ .., n, parts @ (1 | 2)] = x.shape.as_slice() else {
        return Err(Stop::invalid(format!("a signal {:?}", x.shape)));
    };
    let rows = outer.iter().product();
    let frequencies = if one_sided { length / 2 + 1 } else { length };
    let used = n.min(length);
    l.charge(frequencies.saturating_mul(used).saturating_mul(4))?;
    let (sign, factor) = if inverse { (1.0, 1.0 / length as f64) } else { (-1.0, 1.0) };
    let mut terms: Vec<Terms> = Vec::with_capacity(2 * frequencies);
    for k in 0..frequencies {
        let angle = |j: usize| std::f64::consts::TAU * ((j * k) % length) as f64 / length as f64;
        let (cos, sin) = (|j| libm::cos(angle(j)) * factor, |j| sign * libm::sin(angle(j)) * factor);
        let real = (0..used).flat_map(|j| [(j * parts, cos(j)), (j * parts + 1, -sin(j))].into_iter().take(parts));
        let imaginary = (0..used).flat_map(|j| [(j * parts, sin(j)), (j * parts + 1, cos(j))].into_iter().take(parts));
        terms.push(real.collect());
        terms.push(imaginary.collect());
    }
    let flat = l.reshape("signal", x, vec![rows, n * parts])?;
    let y = map(l, "transform", &flat, &terms)?;
    l.reshape("complex", &y, vec![rows, frequencies, 2])
}
