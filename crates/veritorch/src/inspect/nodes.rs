//! Rows of the report: tensors gathered by the user's node they belong to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use veritorch_graph::circuit::{Circuit, Constraint, Op, Table, TensorId, Visibility};

use super::cost::{self, Work};

/// What a node mostly does; the picture colours by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// An input of the model.
    Input,
    /// Convolution.
    Convolution,
    /// Matrix product.
    Matrix,
    /// Product of activations.
    Product,
    /// Tables and rescales only.
    Function,
    /// Comparisons.
    Maximum,
    /// Sums and wiring: nothing committed, nothing multiplied.
    Wiring,
}

/// One tensor of the circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorRow {
    /// Name in the circuit.
    pub name: String,
    /// Operator.
    pub op: &'static str,
    /// Extents for one sample.
    pub shape: Vec<usize>,
    /// Bits of the worst-case range, sign included.
    pub bits: u32,
    /// Least and greatest value for any input.
    pub range: [i64; 2],
    /// How the proof treats it.
    pub protocol: String,
    /// What it costs.
    pub work: Work,
}

/// One node of the user's model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRow {
    /// Name in the user's model.
    pub name: String,
    /// What it does, in short.
    pub op: String,
    /// The same as a class.
    pub kind: NodeKind,
    /// Shape of its result for one sample.
    pub shape: Vec<usize>,
    /// Bits of its result's worst-case range, sign included.
    pub bits: u32,
    /// Least and greatest value of its result.
    pub range: [i64; 2],
    /// Real value of one step of its result, where it is known.
    pub scale: Option<f64>,
    /// How it is proved.
    pub protocol: String,
    /// What it costs, for one sample.
    pub work: Work,
    /// Predicted seconds on one core for the batch at hand.
    pub predicted_seconds: f64,
    /// Measured seconds: each phase's, split by its nodes' predicted shares.
    pub measured_seconds: Option<f64>,
    /// Positions of the nodes whose results it reads.
    pub reads: Vec<usize>,
    /// Names of the model's outputs that it gives.
    pub outputs: Vec<String>,
    /// Its tensors.
    pub tensors: Vec<TensorRow>,
}

/// Bits of a range in two's complement, without a sign where nothing is negative; at least 1.
pub(super) fn bits(min: i64, max: i64) -> u32 {
    let magnitude = |value: i64| 64 - (if value < 0 { !value } else { value }).leading_zeros();
    (magnitude(min).max(magnitude(max)) + u32::from(min < 0)).max(1)
}

/// Rows of a circuit in the order of its nodes.
pub(super) fn rows(circuit: &Circuit, batch: usize) -> Vec<NodeRow> {
    let work = cost::work(circuit);
    let mut position = BTreeMap::new();
    let mut members: Vec<(&str, Vec<TensorId>)> = Vec::new();
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        let at = *position.entry(tensor.node.as_str()).or_insert_with(|| {
            members.push((&tensor.node, Vec::new()));
            members.len() - 1
        });
        members[at].1.push(TensorId(index as u32));
    }
    let read_outside = read_outside(circuit);
    let node_of = |id: TensorId| position.get(circuit.tensor(id).node.as_str()).copied();
    members
        .iter()
        .enumerate()
        .map(|(at, (name, ids))| {
            let result = *ids.iter().rev().find(|id| read_outside[id.index()]).unwrap_or(&ids[ids.len() - 1]);
            let tensor = circuit.tensor(result);
            let mut total = Work::default();
            ids.iter().for_each(|id| total += work[id.index()]);
            let reads: BTreeSet<usize> =
                ids.iter().flat_map(|id| circuit.tensor(*id).op.operands()).filter_map(node_of).filter(|&from| from < at).collect();
            let port = |id: TensorId| circuit.inputs.iter().chain(&circuit.outputs).find(|port| port.tensor == id);
            let outputs = circuit.outputs.iter().filter(|port| ids.contains(&port.tensor));
            NodeRow {
                name: (*name).to_owned(),
                op: label(circuit, ids),
                kind: kind(circuit, ids),
                shape: tensor.shape.clone(),
                bits: bits(tensor.min, tensor.max),
                range: [tensor.min, tensor.max],
                scale: port(result).and_then(|port| port.scale.first().copied()),
                protocol: protocol(circuit, ids),
                work: total,
                predicted_seconds: total.predict(batch).total(),
                measured_seconds: None,
                reads: reads.into_iter().collect(),
                outputs: outputs.map(|port| port.name.clone()).collect(),
                tensors: ids.iter().map(|id| tensor_row(circuit, *id, work[id.index()])).collect(),
            }
        })
        .collect()
}

fn read_outside(circuit: &Circuit) -> Vec<bool> {
    let mut read = vec![false; circuit.tensors.len()];
    for tensor in &circuit.tensors {
        for operand in tensor.op.operands() {
            read[operand.index()] |= circuit.tensor(operand).node != tensor.node;
        }
    }
    for port in &circuit.outputs {
        read[port.tensor.index()] = true;
    }
    read
}

fn tensor_row(circuit: &Circuit, id: TensorId, work: Work) -> TensorRow {
    let tensor = circuit.tensor(id);
    let mut protocol = match &tensor.op {
        Op::Input { .. } if circuit.policy.input == Visibility::Public => "public: checked by the verifier".to_owned(),
        Op::Input { .. } => "committed".to_owned(),
        Op::Weight { .. } => "model commitment".to_owned(),
        Op::Linear { .. } | Op::Reshape { .. } => "virtual: claim rewrite".to_owned(),
        Op::Conv { .. } => "virtual: convolution sumcheck".to_owned(),
        Op::Dense { .. } | Op::MatMul { .. } => "virtual: matrix sumcheck".to_owned(),
        Op::Mul { .. } => "virtual: product sumcheck".to_owned(),
        Op::FloorShift { .. }
        | Op::Lookup { .. }
        | Op::Reciprocal { .. }
        | Op::SquareRoot { .. }
        | Op::Divide { .. }
        | Op::Gather { .. }
        | Op::Largest { .. } => "committed".to_owned(),
        Op::Noise { .. } => "public: computed by the verifier".to_owned(),
    };
    for constraint in &circuit.constraints {
        match constraint {
            Constraint::Lookup { table, columns } if columns.contains(&id) => {
                protocol.push_str(&format!("; looked up in table {}", table.0));
            }
            Constraint::Zero { tensor } if *tensor == id => protocol.push_str("; zero"),
            _ => {}
        }
    }
    TensorRow {
        name: tensor.name.clone(),
        op: tensor.op.name(),
        shape: tensor.shape.clone(),
        bits: bits(tensor.min, tensor.max),
        range: [tensor.min, tensor.max],
        protocol,
        work,
    }
}

fn is_maximum(circuit: &Circuit, id: TensorId) -> bool {
    match &circuit.tensor(id).op {
        Op::Lookup { x, .. } => circuit.tensor(*x).name.ends_with(":difference"),
        _ => false,
    }
}

fn kind(circuit: &Circuit, ids: &[TensorId]) -> NodeKind {
    let has = |test: fn(&Op) -> bool| ids.iter().any(|id| test(&circuit.tensor(*id).op));
    if has(|op| matches!(op, Op::Input { .. })) {
        NodeKind::Input
    } else if has(|op| matches!(op, Op::Conv { .. })) {
        NodeKind::Convolution
    } else if has(|op| matches!(op, Op::Dense { .. } | Op::MatMul { .. })) {
        NodeKind::Matrix
    } else if ids.iter().any(|id| is_maximum(circuit, *id)) {
        NodeKind::Maximum
    } else if has(|op| matches!(op, Op::Mul { .. })) {
        NodeKind::Product
    } else if has(Op::is_hint) {
        NodeKind::Function
    } else {
        NodeKind::Wiring
    }
}

/// `conv 3x3, rescale, relu`.
fn label(circuit: &Circuit, ids: &[TensorId]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for id in ids {
        let part = match &circuit.tensor(*id).op {
            Op::Input { .. } => "input".to_owned(),
            Op::Conv { geometry: g, .. } if g.groups > 1 => format!("conv {}x{} in {} groups", g.kernel[0], g.kernel[1], g.groups),
            Op::Conv { geometry: g, .. } => format!("conv {}x{}", g.kernel[0], g.kernel[1]),
            Op::Dense { .. } => "linear".to_owned(),
            Op::MatMul { .. } => "matmul".to_owned(),
            Op::Mul { .. } => "product".to_owned(),
            Op::FloorShift { .. } => "rescale".to_owned(),
            Op::Reciprocal { .. } => "reciprocal".to_owned(),
            Op::SquareRoot { .. } => "square root".to_owned(),
            Op::Divide { .. } => "quotient".to_owned(),
            Op::Gather { .. } => "gather".to_owned(),
            Op::Noise { .. } => "noise".to_owned(),
            Op::Largest { rank, .. } => format!("{rank} greatest"),
            Op::Lookup { .. } if is_maximum(circuit, *id) => "maximum".to_owned(),
            Op::Lookup { table, .. } => match circuit.tables.get(table.index()) {
                Some(Table::Function { name, .. }) => name.clone(),
                _ => "table".to_owned(),
            },
            Op::Weight { .. } | Op::Linear { .. } | Op::Reshape { .. } => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if parts.is_empty() { "wiring".to_owned() } else { parts.join(", ") }
}

/// How a node is proved, in the order of its tensors.
fn protocol(circuit: &Circuit, ids: &[TensorId]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut add = |part| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    for id in ids {
        match &circuit.tensor(*id).op {
            Op::Input { .. } if circuit.policy.input == Visibility::Public => add("public"),
            Op::Input { .. } => add("committed"),
            Op::Conv { .. } => add("convolution sumcheck"),
            Op::Dense { .. } | Op::MatMul { .. } => add("matrix sumcheck"),
            Op::Mul { .. } => add("product sumcheck"),
            Op::FloorShift { .. }
            | Op::Lookup { .. }
            | Op::Reciprocal { .. }
            | Op::SquareRoot { .. }
            | Op::Divide { .. }
            | Op::Gather { .. }
            | Op::Largest { .. } => add("commit + lookup"),
            Op::Noise { .. } => add("public"),
            Op::Weight { .. } => {}
            Op::Linear { .. } | Op::Reshape { .. } => {}
        }
    }
    if parts.is_empty() { "claim rewrite".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn widths_are_those_of_two_complement() {
        for (min, max, expected) in [
            (0, 255, 8),
            (0, 256, 9),
            (-128, 127, 8),
            (-129, 0, 9),
            (0, 0, 1),
            (-1, 0, 1),
            (0, 1, 1),
            (i64::MIN, i64::MAX, 64),
        ] {
            assert_eq!(bits(min, max), expected, "{min}..={max}");
        }
    }
}
