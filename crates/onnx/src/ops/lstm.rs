//! LSTM: gates `i, o, f` and the candidate `c~` from `x W + h R + b` (and peepholes on c); `c' = f c + i c~`, `h' = o tanh(c')`;
//! [unrolled](super::recurrent).

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::recurrent::{Cell, State, one_less, plus, run};
use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    match l.int("input_forget", 0)? {
        0 => run(l, 4, &[UnaryFn::Sigmoid, UnaryFn::Tanh, UnaryFn::Tanh], |l, at, x, state, cell| step(l, at, x, state, cell, false)),
        _ => run(l, 4, &[UnaryFn::Sigmoid, UnaryFn::Tanh, UnaryFn::Tanh], |l, at, x, state, cell| step(l, at, x, state, cell, true)),
    }
}

fn step(l: &mut Lowering<'_>, at: &str, x: &Operand, state: &State, cell: &Cell, coupled: bool) -> Result<State, Stop> {
    let recurrent = cell.recur(l, &format!("recur_{at}"), state.h.as_ref(), 0, 4)?;
    let sums = plus(l, &format!("sums_{at}"), x, recurrent.as_ref())?;
    let sums = plus(l, &format!("totals_{at}"), &sums, cell.recurrent_bias.as_ref())?;
    // the gates in ONNX's order: input, output, forget, candidate
    let gate = |l: &mut Lowering<'_>, k: usize, name: &str, c: Option<&Operand>, peephole: usize| -> Result<Operand, Stop> {
        let mut sum = cell.gates(l, &format!("{name}_sum_{at}"), &sums, k, 1)?;
        if let (Some(peepholes), Some(c)) = (&cell.peepholes, c) {
            let weights = cell.gates(l, &format!("{name}_peephole"), peepholes, peephole, 1)?;
            let seen = l.binary(&format!("{name}_seen_{at}"), ModelOp::Mul, c, &weights)?;
            sum = l.binary(&format!("{name}_total_{at}"), ModelOp::Add, &sum, &seen)?;
        }
        cell.activate(l, &format!("{name}_{at}"), usize::from(k == 3), &sum)
    };
    let c = state.c.as_ref();
    let input = gate(l, 0, "input_gate", c, 0)?;
    let candidate = gate(l, 3, "candidate", None, 0)?;
    let new = l.binary(&format!("new_{at}"), ModelOp::Mul, &input, &candidate)?;
    let next = match c {
        Some(c) => {
            let forget = if coupled { one_less(l, &format!("forget_gate_{at}"), &input)? } else { gate(l, 2, "forget_gate", Some(c), 2)? };
            let kept = l.binary(&format!("kept_{at}"), ModelOp::Mul, &forget, c)?;
            l.binary(&format!("c_{at}"), ModelOp::Add, &kept, &new)?
        }
        None => new,
    };
    let output = gate(l, 1, "output_gate", Some(&next), 1)?;
    let shown = l.function(&format!("shown_{at}"), cell.activations[2], &next)?;
    let h = l.binary(&format!("h_{at}"), ModelOp::Mul, &output, &shown)?;
    Ok(State { h: Some(h), c: Some(next) })
}
