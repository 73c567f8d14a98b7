//! What RNN, LSTM and GRU share: one cell per step, unrolled forwards, backwards or both, with the inputs' products taken
//! for all steps at once.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

/// Most steps of one operator.
const MOST_STEPS: usize = 4096;

/// What a cell carries from step to step, `[batch, hidden]` each; absent where it is zero.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) h: Option<Operand>,
    pub(super) c: Option<Operand>,
}

/// One direction of a layer, in the operator's order of gates.
pub(super) struct Cell {
    pub(super) hidden: usize,
    /// `[hidden, gates * hidden]`
    pub(super) recurrence: Operand,
    /// `[gates * hidden]`, where there are biases.
    pub(super) recurrent_bias: Option<Operand>,
    /// `[3 * hidden]`, where there are peepholes.
    pub(super) peepholes: Option<Operand>,
    pub(super) activations: Vec<UnaryFn>,
    clip: Option<f32>,
}

impl Cell {
    /// Columns of gate `k`, and of the `count - 1` behind it.
    pub(super) fn gates(&self, l: &mut Lowering<'_>, part: &str, x: &Operand, k: usize, count: usize) -> Result<Operand, Stop> {
        slice(l, part, x, k * self.hidden, count * self.hidden)
    }

    /// `h R` with the columns of some gates; `None` where h is zero.
    pub(super) fn recur(&self, l: &mut Lowering<'_>, part: &str, h: Option<&Operand>, k: usize, count: usize) -> Result<Option<Operand>, Stop> {
        let Some(h) = h else { return Ok(None) };
        let matrix = self.gates(l, &format!("{part}_weights"), &self.recurrence, k, count)?;
        let shape = vec![h.shape[0], matrix.shape[1]];
        l.emit(part, ModelOp::MatMul, &[h, &matrix], shape).map(Some)
    }

    /// The recurrent bias of gate `k`.
    pub(super) fn bias(&self, l: &mut Lowering<'_>, k: usize) -> Result<Option<Operand>, Stop> {
        self.recurrent_bias.as_ref().map(|bias| self.gates(l, "recurrent_bias", bias, k, 1)).transpose()
    }

    /// The activation `k` of a sum that is cut first, where there is a bound.
    pub(super) fn activate(&self, l: &mut Lowering<'_>, part: &str, k: usize, sum: &Operand) -> Result<Operand, Stop> {
        let cut;
        let sum = match self.clip {
            Some(bound) => {
                cut = l.function(&format!("{part}_clip"), UnaryFn::Clip { min: -bound, max: bound }, sum)?;
                &cut
            }
            None => sum,
        };
        l.function(part, self.activations[k], sum)
    }
}

/// `a + b`, or `a` where there is no b.
pub(super) fn plus(l: &mut Lowering<'_>, part: &str, a: &Operand, b: Option<&Operand>) -> Result<Operand, Stop> {
    match b {
        Some(b) => l.binary(part, ModelOp::Add, a, b),
        None => Ok(a.clone()),
    }
}

fn slice(l: &mut Lowering<'_>, part: &str, x: &Operand, start: usize, count: usize) -> Result<Operand, Stop> {
    let rank = x.shape.len();
    if start == 0 && count == x.shape[rank - 1] {
        return Ok(x.clone());
    }
    let mut starts = vec![0; rank];
    starts[rank - 1] = start;
    let mut shape = x.shape.clone();
    shape[rank - 1] = count;
    l.emit(part, ModelOp::Slice { starts, steps: vec![1; rank] }, &[x], shape)
}

/// Entry `k` of the first axis, which goes.
fn entry(l: &mut Lowering<'_>, part: &str, x: &Operand, k: usize) -> Result<Operand, Stop> {
    let rank = x.shape.len();
    let mut starts = vec![0; rank];
    starts[0] = k;
    let mut shape = x.shape.clone();
    shape[0] = 1;
    let one = if x.shape[0] == 1 { x.clone() } else { l.emit(part, ModelOp::Slice { starts, steps: vec![1; rank] }, &[x], shape)? };
    l.reshape(&format!("{part}_entry"), &one, x.shape[1..].to_vec())
}

/// Runs the operator: `step` turns the inputs' share `[batch, gates * hidden]` and the state into the next state.
pub(super) fn run(
    l: &mut Lowering<'_>,
    gates: usize,
    defaults: &[UnaryFn],
    step: fn(&mut Lowering<'_>, &str, &Operand, &State, &Cell) -> Result<State, Stop>,
) -> Result<(), Stop> {
    let batch_first = l.int("layout", 0)? != 0;
    let clip = l.optional_float_attribute("clip")?.filter(|&clip| clip > 0.0);
    let backward: &[bool] = match l.string("direction", "forward")?.as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return Err(Stop::invalid(format!("direction `{other}`"))),
    };
    let activations = activations(l, defaults, backward.len())?;
    let (x, w, r, b) = (l.input(0)?, l.input(1)?, l.input(2)?, l.optional(3));
    let lengths = l.optional_ints(4, "the lengths")?;
    let (h, c, p) = (l.optional(5), l.optional(6), l.optional(7));
    require_float(&x, "the input")?;
    let x = if batch_first && x.shape.len() == 3 { l.transpose("steps", &x, &[1, 0, 2])? } else { x };
    let &[steps, batch, width] = x.shape.as_slice() else { return Err(Stop::invalid(format!("an input {:?}", x.shape))) };
    let hidden = r.shape.get(2).copied().unwrap_or(0);
    let directions = backward.len();
    if let Some(named) = l.optional_int("hidden_size")?
        && usize::try_from(named).ok() != Some(hidden)
    {
        return Err(Stop::invalid(format!("hidden_size {named}, weights {:?}", r.shape)));
    }
    let fits = hidden > 0
        && w.shape == [directions, gates * hidden, width]
        && r.shape == [directions, gates * hidden, hidden]
        && b.as_ref().is_none_or(|b| b.shape == [directions, 2 * gates * hidden])
        && p.as_ref().is_none_or(|p| p.shape == [directions, 3 * hidden]);
    if !fits {
        return Err(Stop::invalid(format!("input {:?}, weights {:?} and {:?}", x.shape, w.shape, r.shape)));
    }
    if lengths.is_some_and(|lengths| lengths.iter().any(|&len| usize::try_from(len).ok() != Some(steps))) {
        return Err(Stop::unsupported("sequences of different lengths"));
    }
    if steps > MOST_STEPS {
        return Err(Stop::unsupported(format!("{steps} steps, expected at most {MOST_STEPS}")));
    }
    let rows = l.reshape("rows", &x, vec![steps * batch, width])?;
    let (mut lines, mut last_h, mut last_c) = (Vec::new(), Vec::new(), Vec::new());
    for (d, &is_backward) in backward.iter().enumerate() {
        let part = |name: &str| format!("{name}_{d}");
        let matrix = |l: &mut Lowering<'_>, name: &str, x: &Operand| -> Result<Operand, Stop> {
            let x = entry(l, &part(name), x, d)?;
            l.transpose(&part(&format!("{name}_transposed")), &x, &[1, 0])
        };
        let w = matrix(l, "weights", &w)?;
        let recurrence = matrix(l, "recurrence", &r)?;
        let line = b.as_ref().map(|b| entry(l, &part("bias"), b, d)).transpose()?;
        let (bias, recurrent_bias) = match &line {
            Some(line) => {
                let half = gates * hidden;
                (Some(slice(l, &part("input_bias"), line, 0, half)?), Some(slice(l, &part("state_bias"), line, half, half)?))
            }
            None => (None, None),
        };
        let peepholes = p.as_ref().map(|p| entry(l, &part("peepholes"), p, d)).transpose()?;
        let cell = Cell { hidden, recurrence, recurrent_bias, peepholes, activations: activations[d].clone(), clip };
        let all = l.emit(&part("inputs"), ModelOp::MatMul, &[&rows, &w], vec![steps * batch, gates * hidden])?;
        let all = plus(l, &part("biased"), &all, bias.as_ref())?;
        let all = l.reshape(&part("lines"), &all, vec![steps, batch, gates * hidden])?;
        let initial = |l: &mut Lowering<'_>, name: &str, x: &Option<Operand>| -> Result<Option<Operand>, Stop> {
            let Some(x) = x else { return Ok(None) };
            if x.floats().is_some_and(|x| x.iter().all(|&x| x == 0.0)) {
                return Ok(None);
            }
            let x = if batch_first { l.transpose(&part(&format!("{name}_order")), x, &[1, 0, 2])? } else { x.clone() };
            if x.shape != [directions, batch, hidden] {
                return Err(Stop::invalid(format!("a state {:?}", x.shape)));
            }
            entry(l, &part(name), &x, d).map(Some)
        };
        let mut state = State { h: initial(l, "initial_h", &h)?, c: initial(l, "initial_c", &c)? };
        let mut outputs = Vec::with_capacity(steps);
        for k in 0..steps {
            let at = if is_backward { steps - 1 - k } else { k };
            let input = entry(l, &format!("input_{d}_{at}"), &all, at)?;
            state = step(l, &format!("{d}_{at}"), &input, &state, &cell)?;
            let h = state.h.as_ref().ok_or_else(|| Stop::invalid("a cell without a state"))?;
            outputs.push(l.reshape(&format!("step_{d}_{at}"), h, vec![1, 1, batch, hidden])?);
        }
        if is_backward {
            outputs.reverse();
        }
        lines.push(joined(l, &part("outputs"), &outputs, 0)?);
        let state_shape = vec![1, batch, hidden];
        if let Some(h) = &state.h {
            last_h.push(l.reshape(&part("last_h"), h, state_shape.clone())?);
        }
        if let Some(c) = &state.c {
            last_c.push(l.reshape(&part("last_c"), c, state_shape)?);
        }
    }
    // [steps, directions, batch, hidden]
    let mut y = joined(l, "directions", &lines, 1)?;
    let mut states = vec![joined(l, "states_h", &last_h, 0)?];
    if !last_c.is_empty() {
        states.push(joined(l, "states_c", &last_c, 0)?);
    }
    if batch_first {
        y = l.transpose("order", &y, &[2, 0, 1, 3])?;
    }
    l.set(0, y);
    for (k, state) in states.into_iter().enumerate() {
        let state = if batch_first { l.transpose("order_of_states", &state, &[1, 0, 2])? } else { state };
        l.set(k + 1, state);
    }
    Ok(())
}

fn joined(l: &mut Lowering<'_>, part: &str, parts: &[Operand], axis: usize) -> Result<Operand, Stop> {
    match parts {
        [only] => Ok(only.clone()),
        [first, ..] => {
            let mut shape = first.shape.clone();
            shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
            l.emit(part, ModelOp::Concat { axis }, &parts.iter().collect::<Vec<_>>(), shape)
        }
        [] => Err(Stop::invalid("no steps")),
    }
}

/// Functions of each direction.
fn activations(l: &Lowering<'_>, defaults: &[UnaryFn], directions: usize) -> Result<Vec<Vec<UnaryFn>>, Stop> {
    let names = l.strings("activations")?.unwrap_or_default();
    if names.is_empty() {
        return Ok(vec![defaults.to_vec(); directions]);
    }
    if names.len() != defaults.len() * directions {
        return Err(Stop::invalid(format!("activations {names:?}, expected {}", defaults.len() * directions)));
    }
    let functions = names
        .iter()
        .map(|name| match name.to_lowercase().as_str() {
            "sigmoid" => Ok(UnaryFn::Sigmoid),
            "tanh" => Ok(UnaryFn::Tanh),
            "relu" => Ok(UnaryFn::Relu),
            "softplus" => Ok(UnaryFn::Softplus),
            _ => Err(Stop::hinted(format!("activation `{name}`"), "use Sigmoid, Tanh, Relu or Softplus")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(functions.chunks(defaults.len()).map(<[UnaryFn]>::to_vec).collect())
}

/// A constant one, for `1 - x`.
pub(super) fn one_less(l: &mut Lowering<'_>, part: &str, x: &Operand) -> Result<Operand, Stop> {
    let one = l.constant(&format!("{part}_one"), Vec::new(), Data::Float(vec![1.0]))?;
    l.binary(part, ModelOp::Sub, &one, x)
}
