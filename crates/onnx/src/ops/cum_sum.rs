//! CumSum: running sums along an axis, `exclusive` of the entry itself, in `reverse` order: a product with a constant triangle.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let exclusive = l.int("exclusive", 0)? != 0;
    let reverse = l.int("reverse", 0)? != 0;
    let x = l.input(0)?;
    let at = match l.ints_input(1, "the axis")?.as_slice() {
        &[at] => axis(at, x.shape.len())?,
        other => return Err(Stop::invalid(format!("axis {other:?}"))),
    };
    let y = match x.data() {
        Some(Data::Int(data)) => {
            let data = data.clone();
            let sums = running(l, (&x.shape, &data), at, (exclusive, reverse), 0i64, |a, b| {
                a.checked_add(b).ok_or_else(|| Stop::invalid("the result does not fit 64 bits"))
            })?;
            l.constant("cum_sum", x.shape.clone(), Data::Int(sums))?
        }
        Some(Data::Float(data)) => {
            let data: Vec<f64> = data.iter().map(|&x| x.into()).collect();
            let sums = running(l, (&x.shape, &data), at, (exclusive, reverse), 0.0, |a, b| Ok(a + b))?;
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
            let sums = sums.into_iter().map(|sum| sum as f32).collect();
            l.constant("cum_sum", x.shape.clone(), Data::Float(sums))?
        }
        Some(Data::Bool(_)) => return Err(Stop::invalid("the input is boolean")),
        None => product(l, &x, at, exclusive, reverse)?,
    };
    l.set(0, y);
    Ok(())
}

/// Sums along an axis of known numbers.
fn running<T: Copy>(
    l: &mut Lowering<'_>,
    (shape, data): (&[usize], &[T]),
    at: usize,
    (exclusive, reverse): (bool, bool),
    zero: T,
    add: impl Fn(T, T) -> Result<T, Stop>,
) -> Result<Vec<T>, Stop> {
    l.charge(data.len().saturating_mul(2))?;
    let (extent, inner) = (shape[at], shape[at + 1..].iter().product::<usize>());
    let mut out = data.to_vec();
    for line in 0..data.len().checked_div(extent).unwrap_or(0) {
        let start = line / inner * extent * inner + line % inner;
        let mut sum = zero;
        for k in 0..extent {
            let k = if reverse { extent - 1 - k } else { k };
            let place = start + k * inner;
            let next = add(sum, data[place])?;
            out[place] = if exclusive { sum } else { next };
            sum = next;
        }
    }
    Ok(out)
}

/// The same of a value that depends on the input.
fn product(l: &mut Lowering<'_>, x: &Operand, at: usize, exclusive: bool, reverse: bool) -> Result<Operand, Stop> {
    if x.kind == Kind::Bool {
        return Err(Stop::invalid("the input is boolean"));
    }
    let (kind, last, extent) = (x.kind, x.shape.len() - 1, x.shape[at]);
    let front = l.real(x)?;
    let front = l.move_axis("front", &front, at, last)?;
    let moved = front.shape.clone();
    l.charge(extent.saturating_mul(extent))?;
    let counts = |from: usize, to: usize| {
        let (from, to) = if reverse { (to, from) } else { (from, to) };
        from < to || (from == to && !exclusive)
    };
    let triangle = (0..extent * extent).map(|k| f32::from(u8::from(counts(k / extent, k % extent)))).collect();
    let triangle = l.constant("triangle", vec![extent, extent], Data::Float(triangle))?;
    let rows = l.reshape("rows", &front, vec![moved.iter().product::<usize>() / extent, extent])?;
    let sums = l.emit("sums", ModelOp::MatMul, &[&rows, &triangle], rows.shape.clone())?;
    let sums = l.reshape("lines", &sums, moved)?;
    let y = l.move_axis("back", &sums, last, at)?;
    l.of_kind(y, kind)
}
