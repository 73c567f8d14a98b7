//! Trilu: the upper or lower triangle of the last two axes from diagonal `k` on, zeros elsewhere.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let upper = l.int("upper", 1)? != 0;
    let x = l.input(0)?;
    let diagonal = match l.optional_ints(1, "the diagonal")?.as_deref() {
        None => 0,
        Some(&[diagonal]) => i128::from(diagonal),
        Some(other) => return Err(Stop::invalid(format!("diagonal {other:?}"))),
    };
    let Some((_, &[rows, columns])) = x.shape.split_last_chunk::<2>() else {
        return Err(Stop::invalid(format!("expected two axes or more, got {:?}", x.shape)));
    };
    let stays = |at: usize| {
        let (row, column) = (at / columns.max(1) % rows.max(1), at % columns.max(1));
        let distance = column as i128 - row as i128;
        if upper { distance >= diagonal } else { distance <= diagonal }
    };
    let y = match x.data() {
        Some(data) => {
            let data = match data {
                Data::Float(data) => Data::Float(triangle(data, stays)),
                Data::Int(data) => Data::Int(triangle(data, stays)),
                Data::Bool(data) => Data::Bool(triangle(data, stays)),
            };
            l.constant("trilu", x.shape, data)?
        }
        None => {
            require_float(&x, "the input")?;
            l.charge(rows.saturating_mul(columns))?;
            let mask = (0..rows * columns).map(|at| f32::from(u8::from(stays(at)))).collect();
            let mask = l.constant("triangle", vec![rows, columns], Data::Float(mask))?;
            l.binary("trilu", ModelOp::Mul, &x, &mask)?
        }
    };
    l.set(0, y);
    Ok(())
}

fn triangle<T: Copy + Default>(data: &[T], stays: impl Fn(usize) -> bool) -> Vec<T> {
    data.iter().enumerate().map(|(at, &x)| if stays(at) { x } else { T::default() }).collect()
}
