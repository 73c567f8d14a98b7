//! What the windows share: `w[k] = a_0 - a_1 cos(2 pi k / N) + a_2 cos(4 pi k / N)` for a constant size; `N` is the size where the window is
//! periodic, else one less.

use crate::builder::Stop;
use crate::constant::Data;
use crate::element::{Element, Kind, type_name};
use crate::lowering::Lowering;

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounds to the graph's number type")]
pub(super) fn window(l: &mut Lowering<'_>, [a0, a1, a2]: [f64; 3]) -> Result<(), Stop> {
    let periodic = l.int("periodic", 1)? != 0;
    let code = l.int("output_datatype", 1)?;
    if Element::from_code(code).map(Element::kind) != Some(Kind::Float) {
        return Err(Stop::unsupported(format!("a window of type {}", type_name(code))));
    }
    let size = match l.ints_input(0, "the size")?.as_slice() {
        &[size] => usize::try_from(size).map_err(|_| Stop::invalid(format!("size {size}")))?,
        other => return Err(Stop::invalid(format!("size {other:?}"))),
    };
    l.charge(size)?;
    let period = if periodic { size } else { size.saturating_sub(1) }.max(1) as f64;
    let data = (0..size)
        .map(|k| {
            let angle = std::f64::consts::TAU * k as f64 / period;
            (a0 - a1 * libm::cos(angle) + a2 * libm::cos(2.0 * angle)) as f32
        })
        .collect();
    let y = l.constant("window", vec![size], Data::Float(data))?;
    l.set(0, y);
    Ok(())
}
