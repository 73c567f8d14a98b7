//! What a node costs the prover: counts that follow from the circuit, and seconds predicted from them.
//!
//! `seconds(phase) = sum_i count_i * nanoseconds_i` on one core, and an overhead that belongs to no node. The constants
//! serve to compare nodes and plans, not to promise a time.

use serde::Serialize;
use veritorch_graph::circuit::{Circuit, Constraint, Op, TensorId};

/// Work of one tensor or one node, for one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Multiplications of a weight or activation by an activation.
    pub macs: u64,
    /// Cells committed in the witness.
    pub committed: u64,
    /// Tuples looked up in tables.
    pub lookups: u64,
    /// Byte planes of weights times their entries; does not grow with the batch.
    pub weights: u64,
    /// Cells that sumchecks of contractions and products run over.
    pub contracted: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.macs += other.macs;
        self.committed += other.committed;
        self.lookups += other.lookups;
        self.weights += other.weights;
        self.contracted += other.contracted;
    }
}

/// Predicted seconds of the prover's phases on one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Seconds {
    /// Integer execution.
    pub execute: f64,
    /// Witness commitment.
    pub commit: f64,
    /// Lookup argument.
    pub lookups: f64,
    /// Sumchecks of the linear layers.
    pub linear: f64,
    /// Opening of the model commitment.
    pub open_model: f64,
    /// Opening of the witness commitment.
    pub open_witness: f64,
}

impl std::ops::AddAssign for Seconds {
    fn add_assign(&mut self, other: Self) {
        self.execute += other.execute;
        self.commit += other.commit;
        self.lookups += other.lookups;
        self.linear += other.linear;
        self.open_model += other.open_model;
        self.open_witness += other.open_witness;
    }
}

impl Seconds {
    /// All phases together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.phases().iter().map(|(_, seconds)| seconds).sum()
    }

    /// The phases by the names under which the prover times them.
    #[must_use]
    pub fn phases(&self) -> [(&'static str, f64); 6] {
        [
            ("execute", self.execute),
            ("commit", self.commit),
            ("lookups", self.lookups),
            ("linear layers", self.linear),
            ("open model", self.open_model),
            ("open witness", self.open_witness),
        ]
    }
}

/// Nanoseconds per unit of work on one core, fitted to the phases of the built-in models on a server with AVX-512.
mod nanoseconds {
    pub(super) const MAC: f64 = 0.055;
    pub(super) const EXECUTED_LOOKUP: f64 = 1.5;
    pub(super) const COMMITTED: f64 = 30.0;
    pub(super) const LOOKUP: f64 = 46.0;
    pub(super) const TABLE_ROW: f64 = 95.0;
    pub(super) const CONTRACTED: f64 = 9.5;
    pub(super) const WEIGHT: f64 = 0.6;
    pub(super) const OPENED_WEIGHT: f64 = 13.0;
    pub(super) const OPENED_CELL: f64 = 45.0;
    /// Of one opening: grinding and queries.
    pub(super) const OPENING: f64 = 4e6;
}

impl Work {
    /// Predicted seconds for this many samples in one proof.
    #[must_use]
    pub fn predict(&self, batch: usize) -> Seconds {
        let samples = batch as f64;
        let seconds = |count: u64, nanoseconds: f64| count as f64 * nanoseconds * 1e-9;
        Seconds {
            execute: samples * (seconds(self.macs, nanoseconds::MAC) + seconds(self.lookups, nanoseconds::EXECUTED_LOOKUP)),
            commit: samples * seconds(self.committed, nanoseconds::COMMITTED),
            lookups: samples * seconds(self.lookups, nanoseconds::LOOKUP),
            linear: samples * seconds(self.contracted, nanoseconds::CONTRACTED) + seconds(self.weights, nanoseconds::WEIGHT),
            open_model: seconds(self.weights, nanoseconds::OPENED_WEIGHT),
            open_witness: samples * seconds(self.committed, nanoseconds::OPENED_CELL),
        }
    }
}

/// Predicted seconds that belong to no node: table rows and their multiplicities, grinding.
pub(super) fn overhead(circuit: &Circuit) -> Seconds {
    let used = |index: usize| {
        circuit.constraints.iter().any(|constraint| match constraint {
            Constraint::Lookup { table, .. } => table.index() == index,
            Constraint::Zero { .. } => false,
        })
    };
    let rows: usize = circuit.tables.iter().enumerate().filter(|(index, _)| used(*index)).map(|(_, table)| table.len()).sum();
    let extra = rows as f64;
    Seconds {
        commit: extra * nanoseconds::COMMITTED * 1e-9,
        lookups: rows as f64 * nanoseconds::TABLE_ROW * 1e-9,
        open_model: nanoseconds::OPENING * 1e-9,
        open_witness: (extra * nanoseconds::OPENED_CELL + nanoseconds::OPENING) * 1e-9,
        ..Seconds::default()
    }
}

/// Work of each tensor of a circuit; a lookup counts for its first column.
pub(super) fn work(circuit: &Circuit) -> Vec<Work> {
    let len = |id: TensorId| circuit.tensor(id).len() as u64;
    let mut work: Vec<Work> = circuit
        .tensors
        .iter()
        .enumerate()
        .map(|(index, tensor)| {
            let id = TensorId(index as u32);
            let entries = tensor.len() as u64;
            let mut work = Work::default();
            if circuit.is_committed(id) {
                work.committed = entries;
            }
            match &tensor.op {
                Op::Weight { param } => {
                    let planes = circuit.params.get(*param).map_or(1, |info| info.num_planes);
                    work.weights = entries * planes as u64;
                }
                Op::Conv { x, w, geometry } => {
                    let channels = tensor.shape.len().checked_sub(3).map_or(1, |axis| tensor.shape[axis]) as u64;
                    let taps = (geometry.kernel[0] * geometry.kernel[1]) as u64;
                    // each output entry reads one weight per tap and channel of its group
                    work.macs = entries * (len(*w) / channels.max(1));
                    work.contracted = len(*x) * (geometry.kernel[0] as u64 + 2) + taps;
                }
                Op::Dense { x, w } => {
                    work.macs = len(*w) * (len(*x) / circuit.tensor(*x).shape.last().map_or(1, |&k| k as u64).max(1));
                    work.contracted = len(*x);
                }
                Op::MatMul { a, b } => {
                    work.macs = entries * circuit.tensor(*a).shape.last().map_or(1, |&k| k as u64);
                    work.contracted = len(*a) + len(*b);
                }
                Op::Mul { .. } => {
                    work.macs = entries;
                    work.contracted = 3 * entries;
                }
                _ => {}
            }
            work
        })
        .collect();
    for constraint in &circuit.constraints {
        if let Constraint::Lookup { columns, .. } = constraint
            && let Some(first) = columns.first()
        {
            work[first.index()].lookups += len(*first);
        }
    }
    work
}
