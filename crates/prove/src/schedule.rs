//! The order in which claims travel from results to operands: a public function of the circuit.
//!
//! A virtual tensor is reduced when the claims of all its consumers have arrived. Linear maps and shapes are rewrites;
//! contractions and products that are ready at the same time form a *wave*, one batch of sumchecks.

use veritorch_graph::circuit::{Circuit, Constraint, Op, Table, TensorId, Visibility};

/// One step of the schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Rewrite the claims on a linear or reshaped tensor.
    Rewrite(TensorId),
    /// Reduce these contractions in one batch.
    Wave(Vec<TensorId>),
}

/// Tensors on which claims arise: looked-up columns and tensors that are looked up in, zeros, outputs that the statement speaks of.
fn seeds(circuit: &Circuit) -> Vec<TensorId> {
    let constrained = circuit.constraints.iter().flat_map(|constraint| match constraint {
        Constraint::Lookup { table, columns } => {
            columns.iter().copied().chain(circuit.tables.get(table.index()).and_then(Table::tensor)).collect()
        }
        Constraint::Zero { tensor } => vec![*tensor],
    });
    let outputs = circuit.outputs.iter().filter(|_| circuit.policy.output != Visibility::Private);
    constrained.chain(outputs.map(|port| port.tensor)).collect()
}

fn is_contraction(op: &Op) -> bool {
    matches!(op, Op::Conv { .. } | Op::Dense { .. } | Op::MatMul { .. } | Op::Mul { .. })
}

fn is_virtual(op: &Op) -> bool {
    is_contraction(op) || matches!(op, Op::Linear { .. } | Op::Reshape { .. })
}

/// The schedule of a circuit.
pub(crate) fn schedule(circuit: &Circuit) -> Vec<Step> {
    let mut live = vec![false; circuit.tensors.len()];
    // When the claims on a tensor have arrived: in the pass of its last reader, behind it where that is a rewrite, else in the next.
    let mut pass = vec![0usize; circuit.tensors.len()];
    for seed in seeds(circuit) {
        live[seed.index()] = true;
    }
    let mut passes: Vec<(Vec<Step>, Vec<TensorId>)> = Vec::new();
    for index in (0..circuit.tensors.len()).rev() {
        let op = &circuit.tensors[index].op;
        if !live[index] || !is_virtual(op) {
            continue;
        }
        let (own, waits) = (pass[index], is_contraction(op));
        for operand in op.operands() {
            live[operand.index()] = true;
            pass[operand.index()] = pass[operand.index()].max(own + usize::from(waits));
        }
        passes.resize_with(passes.len().max(own + 1), Default::default);
        let (rewrites, wave) = &mut passes[own];
        let id = TensorId(index as u32);
        if waits { wave.push(id) } else { rewrites.push(Step::Rewrite(id)) }
    }
    let steps = passes.into_iter().flat_map(|(rewrites, wave)| {
        let wave = (!wave.is_empty()).then_some(Step::Wave(wave));
        rewrites.into_iter().chain(wave)
    });
    steps.collect()
}
