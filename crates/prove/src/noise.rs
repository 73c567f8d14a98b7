//! Noise of the statement's seeds: the verifier makes it itself, and evaluates the claims on it as those on public inputs.

use veritorch_graph::circuit::{Circuit, Op, Table, Tensor, TensorId, noise};

use crate::statement::Statement;

/// Tensors of noise.
pub(crate) fn noises(circuit: &Circuit) -> impl Iterator<Item = TensorId> {
    let is_noise = |(_, tensor): &(usize, &Tensor)| matches!(tensor.op, Op::Noise { .. });
    circuit.tensors.iter().enumerate().filter(is_noise).map(|(index, _)| TensorId(index as u32))
}

/// The entries of a tensor of noise, samples one behind the other; empty where the statement has no such seeds.
pub(crate) fn entries(circuit: &Circuit, statement: &Statement, tensor: TensorId) -> Vec<i64> {
    let tensor = circuit.tensor(tensor);
    let Op::Noise { seed, table } = tensor.op else { return Vec::new() };
    let Op::Input { index } = circuit.tensor(seed).op else { return Vec::new() };
    let (Some(Table::Function { values, .. }), Some(seeds)) = (circuit.tables.get(table.index()), statement.inputs.get(index)) else {
        return Vec::new();
    };
    let samples = circuit.batch.max(1);
    let (own, len) = (seeds.len() / samples, tensor.len() / samples);
    seeds.chunks_exact(own.max(1)).flat_map(|seed| noise::noise(seed, values, len)).collect()
}
