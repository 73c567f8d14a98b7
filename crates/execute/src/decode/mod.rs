//! Row-by-row execution of a circuit over a sequence: a decoder with its cache of keys and values.
//!
//! A circuit of a causal model gives row i of its outputs from rows up to i of its inputs. The decoder computes only the rows that
//! it is given, with the executor's own kernels on a circuit that is cut to them, and keeps what later rows read of earlier ones: the right
//! factors of products of activations. Rows that are not there yet are read as zeros; that they count for nothing is checked at each
//! sum over positions, whose weights must be zero there. Results equal those of [`run`](crate::run) on the whole sequence, bit for bit.

mod plan;
mod rows;
#[cfg(test)]
mod tests;

use std::ops::Range;

use veritorch_graph::circuit::{Circuit, Op, Port, TensorId};

use self::plan::{Place, Plan, Reading};
use self::rows::{Layout, filler, restricted, sees_no_later};
use crate::data::TensorData;
use crate::execute::{Operands, check_range, domains, input, last_use, weight, weights_read_as_tensors};
use crate::{ExecuteError, Params};

/// How an input of a circuit stands to its sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// This axis is the sequence; rows are given step by step.
    Rows(usize),
    /// These numbers, whatever the position.
    Fixed(Vec<i64>),
}

/// A sequence under way.
pub struct Decoder<'a> {
    params: &'a Params,
    plan: Plan,
    /// The circuit with the plan's readings behind its tensors, cut to the rows of the step at hand.
    circuit: Circuit,
    /// Fixed tensors, the caches, and rows of the step at hand.
    values: Vec<TensorData>,
    domains: Vec<Option<(i64, i64)>>,
    last_use: Vec<usize>,
    seq_len: usize,
    len: usize,
}

/// Caches hold what was said: not one of their values is printed.
impl std::fmt::Debug for Decoder<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Decoder({} of {} positions)", self.len, self.seq_len)
    }
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of its sequence, for one sample of a circuit without a batch axis that passes [`Circuit::check`]. `feeds[i]`
    /// says what input i is. `None` where the circuit mixes positions in another way than attention does.
    ///
    /// # Errors
    /// As [`run`](crate::run), of what depends on no input.
    pub fn new(circuit: &Circuit, params: &'a Params, feeds: &[Feed]) -> Result<Option<Self>, ExecuteError> {
        params.check(&circuit.params)?;
        let mut circuit = circuit.instantiate(1);
        let axis = |feed: &Feed| match feed {
            Feed::Rows(axis) => Some(axis + 1),
            Feed::Fixed(_) => None,
        };
        let axes: Vec<Option<usize>> = feeds.iter().map(axis).collect();
        let extent = |(port, axis): (&Port, &Option<usize>)| axis.map(|axis| circuit.tensor(port.tensor).shape.get(axis).copied());
        let extents: Vec<Option<usize>> = circuit.inputs.iter().zip(&axes).filter_map(extent).collect();
        let Some(seq_len) = extents.first().copied().flatten() else { return Ok(None) };
        if axes.len() != circuit.inputs.len() || extents.iter().any(|&extent| extent != Some(seq_len)) {
            return Ok(None);
        }
        let Some(plan) = Plan::new(&circuit, &axes) else { return Ok(None) };
        let reads_values = weights_read_as_tensors(&circuit);
        let (domains, last_use) = (domains(&circuit), last_use(&circuit));
        let mut values: Vec<TensorData> = Vec::with_capacity(plan.tensors.len() + plan.readings.len());
        for (index, (tensor, place)) in plan.tensors.iter().zip(&plan.places).enumerate() {
            values.push(match (&tensor.op, place) {
                (_, Place::Rows(_)) => TensorData::I16(Vec::new()),
                (Op::Weight { param }, _) => weight(params, *param, reads_values[index]),
                (Op::Input { index: of }, _) => {
                    let Some(Feed::Fixed(values)) = feeds.get(*of) else { return Ok(None) };
                    input(tensor, &circuit.inputs[*of].name, values, 1, domains[index])?
                }
                _ => Operands { circuit: &circuit, params, values: &values }.checked(tensor, domains[index])?,
            });
        }
        let mut readings: Vec<(&Reading, &TensorId)> = plan.readings.iter().collect();
        readings.sort_by_key(|(_, id)| **id);
        for (reading, _) in readings {
            let (Reading::Whole(of) | Reading::Slice(of, _)) = reading;
            let tensor = plan.tensors[of.index()].clone();
            values.push(match reading {
                Reading::Whole(_) => filler(&tensor),
                Reading::Slice(..) => TensorData::I16(Vec::new()),
            });
            circuit.tensors.push(tensor);
        }
        Ok(Some(Self { params, plan, circuit, values, domains, last_use, seq_len, len: 0 }))
    }

    /// Positions that are computed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is computed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Positions that can be computed.
    #[must_use]
    pub fn seq_len(&self) -> usize {
        self.seq_len
    }

    /// Computes the next positions. `inputs[i]` holds their rows of input i, row-major, and nothing of a fixed input; so do the results of
    /// the outputs.
    ///
    /// # Errors
    /// As [`run`](crate::run); [`ExecuteError::NotCausal`] if an earlier position would see a later one. The decoder stays where it was.
    pub fn extend(&mut self, count: usize, inputs: &[Vec<i64>]) -> Result<Vec<Vec<i64>>, ExecuteError> {
        if inputs.len() != self.circuit.inputs.len() {
            return Err(ExecuteError::InputCount { expected: self.circuit.inputs.len(), actual: inputs.len() });
        }
        if count > self.seq_len - self.len {
            return Err(ExecuteError::SequenceLength { expected: self.seq_len, actual: self.len + count });
        }
        let rows = self.len..self.len + count;
        self.slice(&rows);
        for index in 0..self.plan.tensors.len() {
            if let Place::Rows(axis) = self.plan.places[index] {
                self.circuit.tensors[index] = restricted(&self.plan.tensors[index], axis, &rows);
                self.values[index] = self.compute(index, inputs, &rows)?;
                if cfg!(debug_assertions) {
                    check_range(&self.circuit.tensors[index], &self.values[index]);
                }
                self.keep(index, axis, &rows);
                self.drop_operands(index);
            }
        }
        let outputs = self.circuit.outputs.iter().map(|port| self.values[port.tensor.index()].to_i64()).collect();
        self.len = rows.end;
        Ok(outputs)
    }

    /// Takes the rows of fixed tensors.
    fn slice(&mut self, rows: &Range<usize>) {
        for (reading, id) in &self.plan.readings {
            if let Reading::Slice(of, axis) = reading {
                let layout = Layout::new(&self.plan.tensors[of.index()].shape, *axis);
                self.values[id.index()] = layout.take(self.values[of.index()].view(), rows);
                self.circuit.tensors[id.index()].shape[*axis] = rows.len();
            }
        }
    }

    fn compute(&self, index: usize, inputs: &[Vec<i64>], rows: &Range<usize>) -> Result<TensorData, ExecuteError> {
        let tensor = &self.circuit.tensors[index];
        match &tensor.op {
            Op::Input { index: of } => input(tensor, &self.circuit.inputs[*of].name, &inputs[*of], 1, self.domains[index]),
            op => {
                if let Op::MatMul { a, b } = op
                    && self.sums_over_positions(*b)
                {
                    let shape = &self.circuit.tensor(*a).shape;
                    let (num_rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
                    if !sees_no_later(self.values[a.index()].view(), rows.start, num_rows, columns) {
                        return Err(ExecuteError::NotCausal { node: tensor.node.clone() });
                    }
                }
                Operands { circuit: &self.circuit, params: self.params, values: &self.values }.checked(tensor, self.domains[index])
            }
        }
    }

    /// Whether a right factor is a cache whose positions the product sums over.
    fn sums_over_positions(&self, b: TensorId) -> bool {
        let cached = self.plan.readings.iter().find(|(_, id)| **id == b);
        matches!(cached, Some((Reading::Whole(of), _))
            if self.plan.places[of.index()] == Place::Rows(self.plan.tensors[of.index()].shape.len() - 2))
    }

    /// Puts rows into their tensor's cache, if it has one.
    fn keep(&mut self, index: usize, axis: usize, rows: &Range<usize>) {
        if let Some(cache) = self.plan.readings.get(&Reading::Whole(TensorId(index as u32))) {
            let (values, caches) = self.values.split_at_mut(self.plan.tensors.len());
            let layout = Layout::new(&self.plan.tensors[index].shape, axis);
            layout.put(&mut caches[cache.index() - values.len()], values[index].view(), rows);
        }
    }

    /// Forgets the rows that this tensor was the last to read.
    fn drop_operands(&mut self, index: usize) {
        for operand in self.circuit.tensors[index].op.operands() {
            let is_rows = matches!(self.plan.places.get(operand.index()), Some(Place::Rows(_)));
            if is_rows && self.last_use[operand.index()] == index {
                self.values[operand.index()] = TensorData::I16(Vec::new());
            }
        }
    }
}
