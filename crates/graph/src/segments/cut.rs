//! Where to cut: as few segments as fit a budget, at the narrowest places.
//!
//! Segments are filled one after the other. The next cut is the one with the fewest bytes across it in the second half of what still fits
//! (if there is one, else anywhere in it); of equals the last.

use super::refused;
use crate::circuit::{Circuit, CircuitError, Constraint, Op, Table, TensorId, plane_range};

/// What a run of tensors asks of a prover, for one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Committed cells, each tensor's axes padded to powers of two.
    pub cells: u64,
    /// Entries of all tensors that are not weights.
    pub entries: u64,
    /// Bytes of weights.
    pub weights: u64,
    /// Bytes of tensors that cross the cuts on either side.
    pub boundary: u64,
}

impl Demand {
    fn plus(self, other: Self) -> Self {
        Self {
            cells: self.cells.saturating_add(other.cells),
            entries: self.entries.saturating_add(other.entries),
            weights: self.weights.saturating_add(other.weights),
            boundary: self.boundary.saturating_add(other.boundary),
        }
    }
}

/// What each segment asks for.
///
/// # Errors
/// As [`Circuit::segments`].
pub fn demands(circuit: &Circuit, cuts: &[u32]) -> Result<Vec<Demand>, CircuitError> {
    let places = Places::new(circuit);
    circuit.segments(cuts)?;
    let end = circuit.tensors.len();
    let edges: Vec<usize> = [0].into_iter().chain(cuts.iter().map(|&cut| cut as usize)).chain([end]).collect();
    Ok(edges.windows(2).map(|edge| places.demand(edge[0], edge[1])).collect())
}

/// Cuts such that the estimate for each segment is at most the budget; none where the whole circuit fits.
///
/// # Errors
/// If the circuit breaks a rule, or there is nowhere to cut so that a segment fits.
pub fn choose_cuts(circuit: &Circuit, budget: u64, estimate: impl Fn(Demand) -> u64) -> Result<Vec<u32>, CircuitError> {
    circuit.check()?;
    let places = Places::new(circuit);
    let end = circuit.tensors.len();
    let mut cuts: Vec<u32> = Vec::new();
    let mut start = 0;
    while estimate(places.demand(start, end)) > budget {
        let cost = |at: usize| estimate(places.demand(start, at));
        let mut candidates: Vec<usize> = (start + 1..end).filter(|&at| places.is_open(at) && cost(at) <= budget).collect();
        let most = candidates.iter().map(|&at| cost(at)).max().unwrap_or(0);
        let half = most / 2 + estimate(Demand::default()) / 2;
        candidates.sort_by_key(|&at| (cost(at) < half, places.crossing(at), std::cmp::Reverse(at)));
        let whole = |at: usize| [cuts.as_slice(), &[u32::try_from(at).unwrap_or(u32::MAX)]].concat();
        // A cut through a gadget leaves a hint that nothing pins on its side.
        let Some(next) = candidates.into_iter().map(whole).find(|cuts| circuit.segments(cuts).is_ok()) else {
            let node = circuit.tensors.get(start).map_or("", |tensor| tensor.node.as_str());
            let least = (start + 1..=end).filter(|&at| at == end || places.is_open(at)).map(cost).min().unwrap_or(u64::MAX);
            return Err(refused(format!("the part that begins at `{node}` takes about {} MB, more than the {} MB allowed", least >> 20, budget >> 20)));
        };
        start = next.last().map_or(end, |&cut| cut as usize);
        cuts = next;
    }
    Ok(cuts)
}

/// What stands before each place between two tensors.
struct Places {
    /// Sums over the tensors before the place.
    before: Vec<Demand>,
    /// Bytes of tensors before the place that are read behind it.
    crossing: Vec<u64>,
    /// How many weights and constraints the place would cut through.
    through: Vec<i64>,
}

impl Places {
    fn new(circuit: &Circuit) -> Self {
        let len = circuit.tensors.len();
        let is_constant = super::constants(circuit);
        let kept = |id: TensorId| !is_constant[id.index()] && !matches!(circuit.tensor(id).op, Op::Weight { .. });
        // First and last place where each tensor is read.
        let mut first = vec![usize::MAX; len];
        let mut last = vec![0; len];
        let mut read = |id: TensorId, at: usize| {
            first[id.index()] = first[id.index()].min(at);
            last[id.index()] = last[id.index()].max(at);
        };
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            tensor.op.operands().into_iter().for_each(|id| read(id, index));
        }
        let mut through = vec![0i64; len + 1];
        let mut close = |from: usize, to: usize| {
            if from < to {
                through[from + 1] += 1;
                through[to + 1] -= 1;
            }
        };
        for constraint in &circuit.constraints {
            let columns: Vec<TensorId> = match constraint {
                Constraint::Zero { tensor } => vec![*tensor],
                Constraint::Lookup { table, columns } => {
                    let rows = circuit.tables.get(table.index()).and_then(Table::tensor);
                    columns.iter().copied().chain(rows).collect()
                }
            };
            let at = columns.iter().map(|id| id.index()).max().unwrap_or(0);
            columns.iter().for_each(|&id| read(id, at));
            // Hints are pinned where they are made.
            let hints = columns.iter().filter(|id| circuit.tensor(**id).op.is_hint());
            if let Some(from) = hints.map(|id| id.index()).min() {
                close(from, at);
            }
        }
        circuit.outputs.iter().for_each(|port| read(port.tensor, len));
        // A weight is where it is first read.
        let mut weights = vec![0u64; len + 1];
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            if let Op::Weight { param } = tensor.op {
                close(first[index].min(len), last[index]);
                let planes = circuit.params.get(param).map_or(1, |info| info.num_planes);
                weights[first[index].min(len)] += (tensor.len() * planes) as u64;
            }
        }
        let mut crossing = vec![0i128; len + 2];
        let mut before = vec![Demand::default(); len + 1];
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            let id = TensorId(u32::try_from(index).unwrap_or(u32::MAX));
            let entries = tensor.len() as u64;
            let mut own = Demand { weights: weights[index], ..Demand::default() };
            if !matches!(tensor.op, Op::Weight { .. }) {
                own.entries = entries;
            }
            if circuit.is_committed(id) {
                own.cells = tensor.shape.iter().map(|extent| extent.next_power_of_two() as u64).product();
            }
            if kept(id) && last[index] > index {
                let bytes = i128::from(entries) * num_planes(tensor.min, tensor.max);
                // Inputs are made at the start.
                let from = if matches!(tensor.op, Op::Input { .. }) { 0 } else { index };
                crossing[from + 1] += bytes;
                crossing[last[index] + 1] -= bytes;
            }
            before[index + 1] = before[index].plus(own);
        }
        running_sum(&mut through);
        running_sum(&mut crossing);
        let crossing = crossing.into_iter().map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX)).collect();
        Self { before, crossing, through }
    }

    /// Whether a cut before this tensor keeps weights and constraints whole.
    fn is_open(&self, at: usize) -> bool {
        self.through[at] == 0
    }

    fn crossing(&self, at: usize) -> u64 {
        self.crossing[at]
    }

    fn demand(&self, start: usize, end: usize) -> Demand {
        let (from, to) = (self.before[start], self.before[end]);
        let edge = |at: usize| if at == 0 || at + 1 == self.before.len() { 0 } else { self.crossing(at) };
        Demand {
            cells: to.cells - from.cells,
            entries: to.entries - from.entries,
            weights: to.weights - from.weights,
            boundary: edge(start).saturating_add(edge(end)),
        }
    }
}

fn num_planes(min: i64, max: i64) -> i128 {
    let fits = |planes: &usize| {
        let (low, high) = plane_range(*planes);
        low <= min && max <= high
    };
    (1..=7).find(fits).unwrap_or(8) as i128
}

fn running_sum<T: Copy + std::ops::Add<Output = T>>(values: &mut [T]) {
    for index in 1..values.len() {
        values[index] = values[index - 1] + values[index];
    }
}
