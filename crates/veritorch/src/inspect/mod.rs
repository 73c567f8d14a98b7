//! What is in a file, for people and programs: the graph, the plan, sizes and the security level.

mod cost;
mod file;
mod html;
mod layout;
mod nodes;
mod text;

pub use cost::{Seconds, Work};
pub use file::inspect_file;
pub use nodes::{NodeKind, NodeRow, TensorRow};

use serde::Serialize;
use veritorch_graph::circuit::{Circuit, Constraint, Policy, Port, Table};
use veritorch_graph::segments::demands;
use veritorch_prove::{Profile, ProveError, SecurityReport, VerifyingKey};
use veritorch_quantise::QuantisationReport;

use crate::memory;

/// Everything that is known about a key or a proof.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// `prover's key`, `verifier's key` or `proof`.
    pub kind: &'static str,
    /// The file, where there is one.
    pub file: Option<FileRow>,
    /// Name of the model.
    pub model: String,
    /// Digest of the circuit, in hex.
    pub circuit_digest: String,
    /// The model commitment, in hex.
    pub model_commitment: String,
    /// Security profile: `standard` (100 bits) or `high` (128 bits).
    pub profile: &'static str,
    /// What a proof shows.
    pub policy: PolicyRow,
    /// Proofs that the model commitment covers; 0 where the weights are public and nothing limits them. Absent for a proof.
    pub lifetime: Option<usize>,
    /// How many of them are left in the ledger beside a `.vt`, where it can be read.
    pub openings_left: Option<u64>,
    /// How often the model commitment was renewed.
    pub renewals: usize,
    /// Samples that predictions and the security level are for.
    pub batch: usize,
    /// The segments that the circuit is proved in; none where it is proved as one.
    pub segments: Vec<SegmentRow>,
    /// Inputs of the model.
    pub inputs: Vec<PortRow>,
    /// Outputs of the model.
    pub outputs: Vec<PortRow>,
    /// Nodes of the user's model; empty for a proof, which does not carry the circuit.
    pub nodes: Vec<NodeRow>,
    /// Lookup tables.
    pub tables: Vec<TableRow>,
    /// Sums over all nodes.
    pub totals: Option<Totals>,
    /// The prover's phases.
    pub phases: Vec<PhaseRow>,
    /// What a proof is worth.
    pub security: SecurityReport,
    /// How the integer model compares with the float model, as measured at compile time.
    pub quantisation: Option<QuantisationReport>,
    /// The parts of a proof.
    pub proof: Option<ProofRow>,
}

/// A file's size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileRow {
    /// Where it is.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// Bytes of each section.
    pub sections: Vec<SizeRow>,
}

/// Bytes of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SizeRow {
    /// The part.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
}

/// An input or output of the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortRow {
    /// Name in the model.
    pub name: String,
    /// Shape of one sample.
    pub shape: Vec<usize>,
    /// Least and greatest integer.
    pub range: [i64; 2],
    /// Real value of one step; one per index of the last axis where there are several.
    pub scale: Vec<f64>,
}

/// A segment of a circuit that is proved in several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentRow {
    /// The user's node that its first tensor belongs to.
    pub first_node: String,
    /// Byte planes times entries of its weights.
    pub weight_bytes: u64,
    /// Committed cells, for one sample.
    pub committed: u64,
    /// Memory that proving one sample of it is thought to take.
    pub predicted_bytes: u64,
}

/// A lookup table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRow {
    /// Position in the circuit.
    pub index: usize,
    /// What it is.
    pub name: String,
    /// Least and greatest key.
    pub keys: [i64; 2],
    /// Rows.
    pub rows: usize,
    /// Tuples that are looked up in it, for one sample.
    pub lookups: u64,
}

/// Sums over all nodes, for one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Weights of the model.
    pub parameters: u64,
    /// Byte planes times entries of all weights: what the model commitment holds.
    pub weight_cells: u64,
    /// Tensors of the circuit.
    pub tensors: usize,
    /// Lookup and zero constraints.
    pub constraints: usize,
    /// Work of all nodes.
    pub work: Work,
    /// Predicted seconds on one core, for the batch at hand.
    pub predicted_seconds: f64,
}

/// A phase of the prover.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseRow {
    /// Its name.
    pub name: String,
    /// Predicted seconds on one core; absent where nothing is predicted.
    pub predicted_seconds: Option<f64>,
    /// Measured seconds.
    pub measured_seconds: Option<f64>,
}

/// A proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProofRow {
    /// Bytes of the proof's messages.
    pub transcript_bytes: usize,
    /// Bytes by part.
    pub parts: Vec<SizeRow>,
    /// Public inputs of the statement; empty where they are private.
    pub inputs: Vec<ValueRow>,
    /// Public outputs of the statement; empty where they are private.
    pub outputs: Vec<ValueRow>,
}

/// Values of a statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueRow {
    /// Name in the model.
    pub name: String,
    /// Extents, samples first where there are several.
    pub shape: Vec<usize>,
    /// Entries in the model's units.
    pub values: Vec<f64>,
}

/// The name of a profile.
#[must_use]
pub fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Standard => "standard",
        Profile::High => "high",
    }
}

/// Who sees what: `public`, `private` or `committed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    /// The model's weights.
    pub weights: &'static str,
    /// Its inputs.
    pub input: &'static str,
    /// Its outputs.
    pub output: &'static str,
}

impl PolicyRow {
    /// The names of a policy's parts.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        Self { weights: policy.weights.name(), input: policy.input.name(), output: policy.output.name() }
    }
}

impl std::fmt::Display for PolicyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "weights {}, input {}, output {}", self.weights, self.input, self.output)
    }
}

/// Bits of security as they are printed: rounded down to a tenth, so that nothing is promised that is not there.
#[must_use]
pub fn bits(bits: f64) -> String {
    format!("{:.1}", whole_tenths(bits))
}

/// Bits rounded down to a tenth; what is a tenth already stays.
#[must_use]
pub fn whole_tenths(bits: f64) -> f64 {
    (bits * 10.0 + 1e-6).floor() / 10.0
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What both keys and proofs say of a model.
pub(crate) struct Subject<'a> {
    pub(crate) kind: &'static str,
    pub(crate) model: &'a str,
    pub(crate) circuit_digest: &'a [u8; 32],
    /// Hash of the model commitment's layout and root.
    pub(crate) model_identity: &'a [u8; 32],
    pub(crate) profile: Profile,
    pub(crate) policy: Policy,
    pub(crate) batch: usize,
    pub(crate) security: SecurityReport,
}

impl Inspection {
    /// What can be said without a circuit.
    pub(crate) fn new(subject: Subject<'_>) -> Self {
        Self {
            kind: subject.kind,
            file: None,
            model: subject.model.to_owned(),
            circuit_digest: hex(subject.circuit_digest),
            model_commitment: hex(subject.model_identity),
            profile: profile_name(subject.profile),
            policy: PolicyRow::of(subject.policy),
            lifetime: None,
            openings_left: None,
            renewals: 0,
            batch: subject.batch,
            segments: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            nodes: Vec::new(),
            tables: Vec::new(),
            totals: None,
            phases: Vec::new(),
            security: subject.security,
            quantisation: None,
            proof: None,
        }
    }

    /// Adds what a circuit tells.
    pub(crate) fn with_circuit(mut self, circuit: &Circuit) -> Self {
        let port_row = |port: &Port| {
            let tensor = circuit.tensor(port.tensor);
            let (name, shape, scale) = (port.name.clone(), port.shape.clone(), port.scale.clone());
            PortRow { name, shape, range: [tensor.min, tensor.max], scale }
        };
        self.inputs = circuit.inputs.iter().map(port_row).collect();
        self.outputs = circuit.outputs.iter().map(port_row).collect();
        self.nodes = nodes::rows(circuit, self.batch);
        self.tables = tables(circuit);
        let mut work = Work::default();
        self.nodes.iter().for_each(|node| work += node.work);
        let mut predicted = work.predict(self.batch);
        predicted += cost::overhead(circuit);
        self.phases = predicted
            .phases()
            .into_iter()
            .map(|(name, seconds)| PhaseRow { name: name.to_owned(), predicted_seconds: Some(seconds), measured_seconds: None })
            .collect();
        self.totals = Some(Totals {
            parameters: circuit.params.iter().map(|info| info.shape.iter().product::<usize>() as u64).sum(),
            weight_cells: work.weights,
            tensors: circuit.tensors.len(),
            constraints: circuit.constraints.len(),
            work,
            predicted_seconds: predicted.total(),
        });
        self
    }

    /// Adds the segments that the circuit is proved in, with the memory that each is thought to take for one sample.
    pub(crate) fn set_segments(&mut self, key: &VerifyingKey) -> Result<(), ProveError> {
        let cuts: Vec<u32> = key.segments.iter().skip(1).map(|segment| segment.start).collect();
        if cuts.is_empty() {
            return Ok(());
        }
        let demands = demands(&key.circuit, &cuts)?;
        let rows = key.segments.iter().zip(demands).map(|(segment, demand)| SegmentRow {
            first_node: key.circuit.tensors.get(segment.start as usize).map_or_else(String::new, |tensor| tensor.node.clone()),
            weight_bytes: demand.weights,
            committed: demand.cells,
            predicted_bytes: memory::estimate(demand),
        });
        self.segments = rows.collect();
        Ok(())
    }

    /// Adds the quantiser's report, and its scales to the nodes that it names.
    pub(crate) fn set_quantisation(&mut self, report: &QuantisationReport) {
        for node in &mut self.nodes {
            let of_node = |name: &str| name == node.name || node.tensors.iter().any(|tensor| tensor.name == name);
            if node.scale.is_none() {
                node.scale = report.nodes.iter().rev().find(|row| of_node(&row.name)).map(|row| row.scale);
            }
        }
        self.quantisation = Some(report.clone());
    }

    /// Puts measured seconds beside the predicted ones. A phase's seconds are split among the nodes by their predicted
    /// seconds in it.
    pub fn set_measured(&mut self, phases: &[(String, f64)]) {
        for (name, seconds) in phases {
            match self.phases.iter_mut().find(|row| row.name == *name) {
                Some(row) => row.measured_seconds = Some(*seconds),
                None => self.phases.push(PhaseRow {
                    name: name.clone(),
                    predicted_seconds: None,
                    measured_seconds: Some(*seconds),
                }),
            }
        }
        let mut work = Work::default();
        self.nodes.iter().for_each(|node| work += node.work);
        let all = work.predict(self.batch).phases();
        for node in &mut self.nodes {
            let own = node.work.predict(self.batch).phases();
            let shares = own.into_iter().zip(all).filter(|(_, (_, total))| *total > 0.0).filter_map(|((name, own), (_, total))| {
                Some(self.phases.iter().find(|row| row.name == name)?.measured_seconds? * own / total)
            });
            node.measured_seconds = Some(shares.sum());
        }
    }
}

fn tables(circuit: &Circuit) -> Vec<TableRow> {
    let mut rows: Vec<TableRow> = circuit
        .tables
        .iter()
        .enumerate()
        .map(|(index, table)| TableRow {
            index,
            name: match table {
                Table::Range { .. } => "range".to_owned(),
                Table::Function { name, .. } => name.clone(),
                Table::Tensor { tensor, .. } => format!("entries of {}", circuit.tensor(*tensor).name),
            },
            keys: [table.min(), table.max()],
            rows: table.len(),
            lookups: 0,
        })
        .collect();
    for constraint in &circuit.constraints {
        if let Constraint::Lookup { table, columns } = constraint
            && let Some(column) = columns.first()
        {
            rows[table.index()].lookups += circuit.tensor(*column).len() as u64;
        }
    }
    rows
}

#[cfg(test)]
mod tests;
