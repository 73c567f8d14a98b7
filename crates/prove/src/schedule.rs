//! The order in which claims travel from results to operands: a public function of the circuit.
//!
//! A virtual tensor is reduced when the claims of all its consumers have arrived. Linear maps and shapes are rewrites;
//! contractions and products that are ready at the same time form a *wave*, one batch of sumchecks.

use veritorch_graph::circuit::{Circuit, Constraint, Op, TensorId, Visibility};

/// One step of the schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Rewrite the claims on a linear or reshaped tensor.
    Rewrite(TensorId),
    /// Reduce these contractions in one batch.
    Wave(Vec<TensorId>),
}

/// Tensors on which claims arise: looked-up columns, zeros, outputs that the statement speaks of.
fn seeds(circuit: &Circuit) -> Vec<TensorId> {
    let constrained = circuit.constraints.iter().flat_map(|constraint| match constraint {
        Constraint::Lookup { columns, .. } => columns.clone(),
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
    let mut pending = vec![0usize; circuit.tensors.len()];
    for seed in seeds(circuit) {
        live[seed.index()] = true;
    }
    for index in (0..circuit.tensors.len()).rev() {
        let op = &circuit.tensors[index].op;
        if live[index] && is_virtual(op) {
            for operand in op.operands() {
                live[operand.index()] = true;
                pending[operand.index()] += 1;
            }
        }
    }
    let mut waiting: Vec<usize> = (0..circuit.tensors.len()).rev().filter(|&i| live[i] && is_virtual(&circuit.tensors[i].op)).collect();
    let mut steps = Vec::new();
    while !waiting.is_empty() {
        let mut wave = Vec::new();
        let mut later = Vec::new();
        for index in waiting {
            let op = &circuit.tensors[index].op;
            let id = TensorId(index as u32);
            if pending[index] > 0 {
                later.push(index);
            } else if is_contraction(op) {
                wave.push(id);
            } else {
                steps.push(Step::Rewrite(id));
                op.operands().iter().for_each(|operand| pending[operand.index()] -= 1);
            }
        }
        for id in &wave {
            circuit.tensor(*id).op.operands().iter().for_each(|operand| pending[operand.index()] -= 1);
        }
        if !wave.is_empty() {
            steps.push(Step::Wave(wave));
        }
        waiting = later;
    }
    steps
}
