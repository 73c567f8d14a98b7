//! GRU: gates `z, r` from `x W + h R + b`; the candidate `h~ = tanh(x W_h + (r h) R_h + b)`, or `r (h R_h + b_R)` where
//! `linear_before_reset` is set; `h' = (1 - z) h~ + z h`; [unrolled](super::recurrent).

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::recurrent::{Cell, State, plus, run};
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    match l.int("linear_before_reset", 0)? {
        0 => run(l, 3, &[UnaryFn::Sigmoid, UnaryFn::Tanh], |l, at, x, state, cell| step(l, at, x, state, cell, false)),
        _ => run(l, 3, &[UnaryFn::Sigmoid, UnaryFn::Tanh], |l, at, x, state, cell| step(l, at, x, state, cell, true)),
    }
}

fn step(l: &mut Lowering<'_>, at: &str, x: &Operand, state: &State, cell: &Cell, linear_first: bool) -> Result<State, Stop> {
    let part = |name: &str| format!("{name}_{at}");
    let h = state.h.as_ref();
    let gate = |l: &mut Lowering<'_>, k: usize, name: &str| -> Result<Operand, Stop> {
        let own = cell.gates(l, &format!("{name}_input_{at}"), x, k, 1)?;
        let recurrent = cell.recur(l, &format!("{name}_recur_{at}"), h, k, 1)?;
        let sum = plus(l, &format!("{name}_sum_{at}"), &own, recurrent.as_ref())?;
        let bias = cell.bias(l, k)?;
        let sum = plus(l, &format!("{name}_total_{at}"), &sum, bias.as_ref())?;
        cell.activate(l, &format!("{name}_{at}"), 0, &sum)
    };
    let update = gate(l, 0, "update_gate")?;
    let own = cell.gates(l, &part("candidate_input"), x, 2, 1)?;
    let bias = cell.bias(l, 2)?;
    let sum = if linear_first {
        let recurrent = cell.recur(l, &part("candidate_recur"), h, 2, 1)?;
        let inner = match (recurrent, bias) {
            (Some(recurrent), bias) => Some(plus(l, &part("candidate_state"), &recurrent, bias.as_ref())?),
            (None, bias) => bias,
        };
        let gated = match inner {
            Some(inner) => {
                let reset = gate(l, 1, "reset_gate")?;
                Some(l.binary(&part("gated"), ModelOp::Mul, &reset, &inner)?)
            }
            None => None,
        };
        plus(l, &part("candidate_sum"), &own, gated.as_ref())?
    } else {
        let gated = match h {
            Some(h) => {
                let reset = gate(l, 1, "reset_gate")?;
                Some(l.binary(&part("gated"), ModelOp::Mul, &reset, h)?)
            }
            None => None,
        };
        let recurrent = cell.recur(l, &part("candidate_recur"), gated.as_ref(), 2, 1)?;
        let sum = plus(l, &part("candidate_sum"), &own, recurrent.as_ref())?;
        plus(l, &part("candidate_total"), &sum, bias.as_ref())?
    };
    let candidate = cell.activate(l, &part("candidate"), 1, &sum)?;
    // h~ + z (h - h~)
    let change = match h {
        Some(h) => l.binary(&part("change"), ModelOp::Sub, h, &candidate)?,
        None => l.scale(&part("change"), &candidate, -1.0)?,
    };
    let moved = l.binary(&part("moved"), ModelOp::Mul, &update, &change)?;
    let h = l.binary(&part("h"), ModelOp::Add, &candidate, &moved)?;
    Ok(State { h: Some(h), c: None })
}
