//! Cuts a circuit into segments: circuits of their own, chained by the tensors that cross the cuts.
//!
//! # Semantics
//! `cuts` are indices of tensors: segment `k` holds the tensors from `cuts[k-1]` up to `cuts[k]`. Inputs of the model belong to the first
//! segment, a weight to the segment of its users. A tensor that depends on neither stands in every segment that reads it. A tensor that a
//! later segment reads is *exported*: a committed output of its segment and a committed input of each reader.
//!
//! # Soundness
//! Segments compute what the circuit computes: every tensor, with its operator, stands in its segment, every constraint in the last segment
//! that one of its tensors belongs to. An imported tensor is range-checked to the least range `[0, 2^n)` or `[-2^n, 2^n)` that holds its own, so each
//! segment is a circuit whose hints are pinned by itself, which [`Circuit::check`] says; cuts for which it does not hold are refused.
//! That both sides of a cut speak of the same integers is for the proof to show: they share one commitment.
//!
//! # Cost
//! Of an imported entry: that of a private input.

use std::collections::{BTreeMap, BTreeSet};

mod cut;
#[cfg(test)]
mod tests;

pub use cut::{Demand, choose_cuts, demands};

use crate::circuit::{Circuit, CircuitBuilder, CircuitError, Constraint, Op, Policy, Port, Table, TableId, Tensor, TensorId, Visibility};
use crate::gadgets::{covering, range};

/// Segments of a circuit at most.
pub const MAX_SEGMENTS: usize = 1 << 10;

/// A part of a circuit that is proved by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its inputs are those of the model in the first segment and `imports` in the others; its outputs those of the model in the last one and
    /// tensors for later segments in the others.
    pub circuit: Circuit,
    /// Positions of its weights in the whole circuit.
    pub params: Vec<usize>,
    /// Where its inputs come from; none in the first segment.
    pub imports: Vec<Import>,
}

/// An output of an earlier segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// The segment.
    pub segment: usize,
    /// The output's position there.
    pub output: usize,
}

impl Segment {
    /// For each output, how many later segments read it.
    #[must_use]
    pub fn readers(segments: &[Self], segment: usize) -> Vec<usize> {
        let outputs = segments.get(segment).map_or(0, |own| own.circuit.outputs.len());
        let imports = || segments.iter().flat_map(|other| &other.imports);
        (0..outputs).map(|output| imports().filter(|import| **import == Import { segment, output }).count()).collect()
    }
}

impl Circuit {
    /// The segments that these cuts make; the whole circuit without any.
    ///
    /// # Errors
    /// If the circuit or a segment breaks a rule, there is a batch axis already, cuts do not rise, or a weight has users on both sides of a cut.
    pub fn segments(&self, cuts: &[u32]) -> Result<Vec<Segment>, CircuitError> {
        self.check()?;
        if self.batch != 0 {
            return Err(refused("the circuit has a batch axis".to_owned()));
        }
        let segments = Division::new(self, cuts)?.segments()?;
        segments.iter().try_for_each(|segment| segment.circuit.check())?;
        Ok(segments)
    }
}

fn refused(reason: String) -> CircuitError {
    CircuitError::Item { item: "segments".to_owned(), reason }
}

/// What a segment consists of.
#[derive(Clone, Debug, Default)]
struct Part {
    /// Tensors of earlier segments that it reads.
    imports: BTreeSet<TensorId>,
    /// Its own tensors, and constants that it reads.
    members: BTreeSet<TensorId>,
    /// Tensors of its own that later segments read.
    exports: BTreeSet<TensorId>,
    constraints: Vec<usize>,
}

/// Which segment each tensor and constraint of a checked circuit belongs to.
struct Division<'a> {
    circuit: &'a Circuit,
    num_segments: usize,
    /// Per tensor; `None` for what stands in every segment that reads it, and for weights that nothing reads.
    home: Vec<Option<usize>>,
    /// Per constraint.
    constraints: Vec<usize>,
}

impl<'a> Division<'a> {
    fn new(circuit: &'a Circuit, cuts: &[u32]) -> Result<Self, CircuitError> {
        let rising = cuts.is_sorted_by(|a, b| a < b);
        let inside = cuts.iter().all(|&cut| cut > 0 && (cut as usize) < circuit.tensors.len());
        if !rising || !inside || cuts.len() >= MAX_SEGMENTS {
            let reason = format!("cuts do not rise within the {} tensors, or make more than {MAX_SEGMENTS} segments", circuit.tensors.len());
            return Err(refused(reason));
        }
        let place = |index: usize| cuts.partition_point(|&cut| cut as usize <= index);
        let is_constant = constants(circuit);
        let mut home: Vec<Option<usize>> = Vec::with_capacity(circuit.tensors.len());
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            home.push(match tensor.op {
                Op::Input { .. } => Some(0),
                Op::Weight { .. } => None,
                _ if is_constant.get(index) == Some(&true) => None,
                _ => Some(place(index)),
            });
        }
        let mut division = Self { circuit, num_segments: cuts.len() + 1, home, constraints: Vec::new() };
        division.constraints = circuit.constraints.iter().map(|constraint| division.constraint_home(constraint)).collect();
        division.place_weights()?;
        Ok(division)
    }

    /// Tensors that a constraint speaks of, those of its table included.
    fn columns(&self, constraint: &Constraint) -> Vec<TensorId> {
        match constraint {
            Constraint::Zero { tensor } => vec![*tensor],
            Constraint::Lookup { table, columns } => {
                let rows = self.circuit.tables.get(table.index()).and_then(Table::tensor);
                columns.iter().copied().chain(rows).collect()
            }
        }
    }

    fn constraint_home(&self, constraint: &Constraint) -> usize {
        self.columns(constraint).iter().filter_map(|id| self.home[id.index()]).max().unwrap_or(0)
    }

    /// What segments read, as pairs of reader and tensor: operands of their tensors, and columns of their constraints.
    fn reads(&self) -> impl Iterator<Item = (usize, TensorId)> {
        let operands = self.circuit.tensors.iter().zip(&self.home).filter_map(|(tensor, home)| home.map(|home| (tensor, home)));
        let operands = operands.flat_map(|(tensor, home)| tensor.op.operands().into_iter().map(move |id| (home, id)));
        let columns = self.circuit.constraints.iter().zip(&self.constraints);
        let columns = columns.flat_map(|(constraint, &home)| self.columns(constraint).into_iter().map(move |id| (home, id)));
        let outputs = self.circuit.outputs.iter().map(|port| (self.num_segments - 1, port.tensor));
        operands.chain(columns).chain(outputs)
    }

    fn place_weights(&mut self) -> Result<(), CircuitError> {
        let mut placed = vec![None; self.circuit.tensors.len()];
        for (segment, id) in self.reads() {
            let tensor = self.circuit.tensor(id);
            if !matches!(tensor.op, Op::Weight { .. }) {
                continue;
            }
            if *placed[id.index()].get_or_insert(segment) != segment {
                return Err(refused(format!("weight `{}` has users in several segments", tensor.name)));
            }
        }
        for (home, placed) in self.home.iter_mut().zip(placed) {
            *home = home.or(placed);
        }
        Ok(())
    }

    /// What each segment consists of.
    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::default(); self.num_segments];
        for (id, home) in (0..).map(TensorId).zip(&self.home) {
            if let Some(home) = *home {
                parts[home].members.insert(id);
            }
        }
        let mut constants: Vec<(usize, TensorId)> = Vec::new();
        for (reader, id) in self.reads() {
            match self.home[id.index()] {
                Some(home) if home < reader => {
                    parts[reader].imports.insert(id);
                    parts[home].exports.insert(id);
                }
                Some(_) => {}
                None => constants.push((reader, id)),
            }
        }
        while let Some((reader, id)) = constants.pop() {
            if parts[reader].members.insert(id) {
                constants.extend(self.circuit.tensor(id).op.operands().into_iter().map(|operand| (reader, operand)));
            }
        }
        for (index, &home) in self.constraints.iter().enumerate() {
            parts[home].constraints.push(index);
        }
        parts
    }

    fn segments(&self) -> Result<Vec<Segment>, CircuitError> {
        let parts = self.parts();
        let sources = |part: &Part| {
            let import = |id: &TensorId| {
                let segment = self.home[id.index()]?;
                let output = parts[segment].exports.iter().position(|other| other == id)?;
                Some(Import { segment, output })
            };
            part.imports.iter().filter_map(import).collect()
        };
        let segment = |(index, part): (usize, &Part)| {
            let (circuit, params) = self.segment(index, part)?;
            Ok(Segment { circuit, params, imports: sources(part) })
        };
        parts.iter().enumerate().map(segment).collect()
    }

    fn segment(&self, segment: usize, part: &Part) -> Result<(Circuit, Vec<usize>), CircuitError> {
        let whole = self.circuit;
        let is_last = segment + 1 == self.num_segments;
        if !is_last && part.exports.is_empty() {
            return Err(refused(format!("no later segment reads anything of segment {}", segment + 1)));
        }
        let policy = Policy {
            input: if segment == 0 { whole.policy.input } else { Visibility::Committed },
            output: if is_last { whole.policy.output } else { Visibility::Committed },
            weights: whole.policy.weights,
        };
        let mut ids: BTreeMap<TensorId, TensorId> = BTreeMap::new();
        let mut builder = CircuitBuilder::new(&whole.name, policy);
        for &id in &part.imports {
            ids.insert(id, import(&mut builder, whole.tensor(id))?);
        }
        let mut circuit = builder.circuit().clone();
        let checks = std::mem::take(&mut circuit.constraints);
        let ranges = std::mem::take(&mut circuit.tables);

        let mut params = Vec::new();
        for &id in &part.members {
            let mut tensor = whole.tensor(id).clone();
            tensor.op.rename(|operand| ids.get(&operand).copied().unwrap_or(operand));
            if let Op::Weight { param } = &mut tensor.op {
                circuit.params.extend(whole.params.get(*param).cloned());
                params.push(std::mem::replace(param, params.len()));
            }
            ids.insert(id, TensorId(u32::try_from(circuit.tensors.len()).unwrap_or(u32::MAX)));
            circuit.tensors.push(tensor);
        }
        let renamed = |id: TensorId| ids.get(&id).copied().unwrap_or(id);
        let mut constraints: Vec<Constraint> = part.constraints.iter().filter_map(|&index| whole.constraints.get(index).cloned()).collect();
        for constraint in &mut constraints {
            match constraint {
                Constraint::Zero { tensor } => *tensor = renamed(*tensor),
                Constraint::Lookup { columns, .. } => columns.iter_mut().for_each(|id| *id = renamed(*id)),
            }
        }
        circuit.tables = self.tables(&mut circuit.tensors, &mut constraints, renamed);
        for mut check in checks {
            if let Constraint::Lookup { table, .. } = &mut check
                && let Some(range) = ranges.get(table.index())
            {
                *table = table_with(&mut circuit.tables, range);
            }
            circuit.constraints.push(check);
        }
        circuit.constraints.extend(constraints);
        if segment == 0 {
            circuit.inputs = renamed_ports(&whole.inputs, renamed);
        }
        circuit.outputs = if is_last {
            renamed_ports(&whole.outputs, renamed)
        } else {
            part.exports.iter().map(|&id| boundary(whole.tensor(id), renamed(id))).collect()
        };
        Ok((circuit, params))
    }

    /// The tables that these constraints and lookups use, in the circuit's order; theirs are renumbered. Imports' limbs use none.
    fn tables(&self, tensors: &mut [Tensor], constraints: &mut [Constraint], renamed: impl Fn(TensorId) -> TensorId) -> Vec<Table> {
        let mut used: BTreeMap<TableId, TableId> = BTreeMap::new();
        let lookups = tensors.iter().filter_map(|tensor| match tensor.op {
            Op::Lookup { table, .. } | Op::Noise { table, .. } => Some(table),
            _ => None,
        });
        let columns = constraints.iter().filter_map(|constraint| if let Constraint::Lookup { table, .. } = constraint { Some(*table) } else { None });
        used.extend(lookups.chain(columns).map(|table| (table, table)));
        let mut tables = Vec::with_capacity(used.len());
        for (table, new) in &mut used {
            *new = TableId(u32::try_from(tables.len()).unwrap_or(u32::MAX));
            tables.extend(self.circuit.tables.get(table.index()).map(|table| match table {
                Table::Tensor { tensor, log_len } => Table::Tensor { tensor: renamed(*tensor), log_len: *log_len },
                other => other.clone(),
            }));
        }
        let new = |table: TableId| used.get(&table).copied().unwrap_or(table);
        for tensor in tensors {
            if let Op::Lookup { table, .. } | Op::Noise { table, .. } = &mut tensor.op {
                *table = new(*table);
            }
        }
        for constraint in constraints {
            if let Constraint::Lookup { table, .. } = constraint {
                *table = new(*table);
            }
        }
        tables
    }
}

/// The index of a table among others, where it is put if it is not there.
fn table_with(tables: &mut Vec<Table>, table: &Table) -> TableId {
    let index = tables.iter().position(|other| other == table).unwrap_or_else(|| {
        tables.push(table.clone());
        tables.len() - 1
    });
    TableId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Whether a tensor is a function of nothing: linear maps of constants.
fn constants(circuit: &Circuit) -> Vec<bool> {
    let mut is_constant: Vec<bool> = Vec::with_capacity(circuit.tensors.len());
    for tensor in &circuit.tensors {
        let is_map = matches!(tensor.op, Op::Linear { .. } | Op::Reshape { .. });
        let constant = is_map && tensor.op.operands().iter().all(|id| is_constant[id.index()]);
        is_constant.push(constant);
    }
    is_constant
}

/// An input for a tensor of an earlier segment, with its range check.
fn import(builder: &mut CircuitBuilder, tensor: &Tensor) -> Result<TensorId, CircuitError> {
    let (min, log_len) = covering(tensor.min, tensor.max);
    builder.set_node(&tensor.node);
    let x = builder.source(&tensor.name, &tensor.shape, (min, min + ((1 << log_len) - 1)), 1.0)?;
    range(builder, &format!("{}:import", tensor.name), x, min, log_len)?;
    Ok(x)
}

fn boundary(tensor: &Tensor, id: TensorId) -> Port {
    Port { name: tensor.name.clone(), tensor: id, shape: tensor.shape.clone(), scale: vec![1.0] }
}

fn renamed_ports(ports: &[Port], renamed: impl Fn(TensorId) -> TensorId) -> Vec<Port> {
    ports.iter().map(|port| Port { tensor: renamed(port.tensor), ..port.clone() }).collect()
}
