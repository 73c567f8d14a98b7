//! Cast: floats of every width are one kind and are not rounded to fewer bits; whole numbers and truth values keep their
//! numbers. Floats become whole numbers by cutting what is behind the point, and truth values by comparing with zero.

use veritorch_graph::model::UnaryFn;

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::{Element, Kind, type_name};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let code = l.optional_int("to")?.ok_or_else(|| Stop::invalid("attribute `to` is missing"))?;
    l.int("saturate", 1)?;
    l.string("round_mode", "up")?;
    let to = Element::from_code(code)
        .ok_or_else(|| Stop::unsupported(format!("casts to {}", type_name(code))))?;
    let x = l.input(0)?;
    let y = cast(l, &x, to)?;
    l.set(0, y);
    Ok(())
}

pub(super) fn cast(l: &mut Lowering<'_>, x: &Operand, to: Element) -> Result<Operand, Stop> {
    match x.data() {
        Some(data) => {
            let data = convert(data, to)?;
            l.constant("cast", x.shape.clone(), data)
        }
        None => {
            let real = l.real(x)?;
            let y = match (x.kind, to.kind()) {
                (Kind::Float, Kind::Float) => return Ok(x.clone()),
                (Kind::Float | Kind::Int, Kind::Bool) => {
                    let zero = l.function("zero", UnaryFn::Zero, &real)?;
                    l.opposite("truth", &zero)?
                }
                (Kind::Float, Kind::Int) => l.function("whole", UnaryFn::Truncate, &real)?,
                (Kind::Int, Kind::Int) if !matches!(to, Element::I32 | Element::I64 | Element::U32 | Element::U64) => {
                    return Err(Stop::hinted(
                        "casts whole numbers that depend on the model's input to fewer bits",
                        "keep them in 32 or 64 bits: circuits do not wrap around",
                    ));
                }
                _ => real,
            };
            l.of_kind(y, to.kind())
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "casts round; ranges are checked")]
fn convert(data: &Data, to: Element) -> Result<Data, Stop> {
    let into_range = |x: i128| -> Result<i64, Stop> {
        let (min, max) = to.integer_range().unwrap_or((i64::MIN.into(), i64::MAX.into()));
        if (min..=max).contains(&x) {
            i64::try_from(x).map_err(|_| Stop::unsupported(format!("casts {x}, which does not fit 63 bits")))
        } else {
            Err(Stop::unsupported(format!("casts {x}, which does not fit the integer type")))
        }
    };
    Ok(match (data, to.kind()) {
        (Data::Float(x), Kind::Float) => Data::Float(x.clone()),
        (Data::Bool(x), Kind::Bool) => Data::Bool(x.clone()),
        (Data::Int(x), Kind::Int) => Data::Int(x.iter().map(|&x| into_range(x.into())).collect::<Result<_, _>>()?),
        (Data::Float(x), Kind::Bool) => Data::Bool(x.iter().map(|&x| x != 0.0).collect()),
        (Data::Int(x), Kind::Bool) => Data::Bool(x.iter().map(|&x| x != 0).collect()),
        (Data::Int(x), Kind::Float) => Data::Float(x.iter().map(|&x| x as f32).collect()),
        (Data::Bool(x), Kind::Float) => Data::Float(x.iter().map(|&x| f32::from(u8::from(x))).collect()),
        (Data::Bool(x), Kind::Int) => Data::Int(x.iter().map(|&x| i64::from(x)).collect()),
        (Data::Float(x), Kind::Int) => Data::Int(
            x.iter()
                .map(|&x| {
                    // what an infinity becomes differs from machine to machine: exporters choose another number behind it
                    let (min, max) = to.integer_range().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                    match x {
                        f32::NEG_INFINITY => into_range(min),
                        f32::INFINITY => into_range(max.min(i64::MAX.into())),
                        x if x.is_finite() => into_range(x.trunc() as i128),
                        _ => Err(Stop::invalid(format!("casts {x} to an integer"))),
                    }
                })
                .collect::<Result<_, _>>()?,
        ),
    })
}
