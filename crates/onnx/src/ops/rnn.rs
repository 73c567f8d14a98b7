//! RNN: `h' = f(x W + h R + b)` for each step, [unrolled](super::recurrent).

use veritorch_graph::model::UnaryFn;

use super::recurrent::{Cell, State, plus, run};
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    run(l, 1, &[UnaryFn::Tanh], step)
}

fn step(l: &mut Lowering<'_>, at: &str, x: &Operand, state: &State, cell: &Cell) -> Result<State, Stop> {
    let recurrent = cell.recur(l, &format!("recur_{at}"), state.h.as_ref(), 0, 1)?;
    let sum = plus(l, &format!("sum_{at}"), x, recurrent.as_ref())?;
    let bias = cell.bias(l, 0)?;
    let sum = plus(l, &format!("total_{at}"), &sum, bias.as_ref())?;
    let h = cell.activate(l, &format!("h_{at}"), 0, &sum)?;
    Ok(State { h: Some(h), c: None })
}
