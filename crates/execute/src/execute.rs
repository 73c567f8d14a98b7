//! The executor: every tensor of an instantiated circuit from its inputs and weights, exactly.
//!
//! Arithmetic wraps at the width of each result; since the circuit's static range holds every value, results are
//! exact. Where a constraint narrows that range (a lookup's key), values are compared before they are cut, and an input
//! that leaves the table's domain is refused. Debug builds check the range of every tensor.

use veritorch_graph::circuit::{Circuit, Constraint, Op, Table, Tensor, TensorId};

use crate::data::{TensorData, TensorView, Width};
use crate::{ExecuteError, Params, ops};

/// All values of one execution.
#[derive(Clone, PartialEq, Eq)]
pub struct Witness {
    /// One entry per tensor of the circuit, in its order. Weights that are read by convolutions and dense layers
    /// alone are empty here: they stay in [`Params`].
    pub values: Vec<TensorData>,
}

/// Inputs and intermediate values are secrets: not one of them is printed.
impl std::fmt::Debug for Witness {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Witness({} tensors)", self.values.len())
    }
}

impl Witness {
    /// Values of a tensor.
    ///
    /// # Panics
    /// If the circuit has no such tensor.
    #[must_use]
    pub fn get(&self, tensor: TensorId) -> &TensorData {
        &self.values[tensor.index()]
    }

    /// Values of the circuit's outputs, in its order, batch-major.
    #[must_use]
    pub fn outputs(&self, circuit: &Circuit) -> Vec<Vec<i64>> {
        circuit.outputs.iter().map(|port| self.get(port.tensor).to_i64()).collect()
    }
}

/// Runs an instantiated circuit that passes [`Circuit::check`] and keeps every tensor.
///
/// `inputs[i]` holds the samples of `circuit.inputs[i]` one after the other, row-major.
///
/// # Errors
/// [`ExecuteError::Refused`] if an input, the operand of a hint or a constrained tensor leaves its domain; any other
/// variant if the circuit, the weights and the inputs do not fit together.
pub fn execute(circuit: &Circuit, params: &Params, inputs: &[Vec<i64>]) -> Result<Witness, ExecuteError> {
    evaluate(circuit, params, inputs, true).map(|values| Witness { values })
}

/// Runs an instantiated circuit and keeps its outputs only: each tensor is dropped after its last use.
///
/// # Errors
/// As [`execute`].
pub fn run(circuit: &Circuit, params: &Params, inputs: &[Vec<i64>]) -> Result<Vec<Vec<i64>>, ExecuteError> {
    let witness = Witness { values: evaluate(circuit, params, inputs, false)? };
    Ok(witness.outputs(circuit))
}

fn evaluate(
    circuit: &Circuit,
    params: &Params,
    inputs: &[Vec<i64>],
    keep: bool,
) -> Result<Vec<TensorData>, ExecuteError> {
    if circuit.batch == 0 {
        return Err(ExecuteError::NotInstantiated { circuit: circuit.name.clone() });
    }
    params.check(&circuit.params)?;
    if inputs.len() != circuit.inputs.len() {
        return Err(ExecuteError::InputCount { expected: circuit.inputs.len(), actual: inputs.len() });
    }
    let last_use = last_use(circuit);
    let reads_values = weights_read_as_tensors(circuit);
    let domains = domains(circuit);
    let mut values: Vec<TensorData> = Vec::with_capacity(circuit.tensors.len());
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        let data = match tensor.op {
            Op::Weight { param } => weight(params, param, reads_values[index]),
            Op::Input { index: input_index } => input(tensor, &circuit.inputs[input_index].name, &inputs[input_index], circuit.batch, domains[index])?,
            _ => Operands { circuit, params, values: &values }.checked(tensor, domains[index])?,
        };
        if cfg!(debug_assertions) && !matches!(tensor.op, Op::Weight { .. }) {
            check_range(tensor, &data);
        }
        values.push(data);
        if !keep {
            for operand in tensor.op.operands() {
                if last_use[operand.index()] == index {
                    values[operand.index()] = TensorData::I16(Vec::new());
                }
            }
        }
    }
    Ok(values)
}

/// The values of a weight, if some operator reads them as a tensor.
pub(crate) fn weight(params: &Params, param: usize, reads_values: bool) -> TensorData {
    if !reads_values {
        return TensorData::I16(Vec::new());
    }
    let (min, max) = params.bounds(param);
    TensorData::from_values(&params.values(param), min, max)
}

/// The last tensor that reads each tensor; outputs are never dropped.
pub(crate) fn last_use(circuit: &Circuit) -> Vec<usize> {
    let mut last_use = vec![usize::MAX; circuit.tensors.len()];
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        for operand in tensor.op.operands() {
            last_use[operand.index()] = index;
        }
    }
    for port in &circuit.outputs {
        last_use[port.tensor.index()] = usize::MAX;
    }
    last_use
}

/// Weights that some operator beside convolutions and dense layers reads.
pub(crate) fn weights_read_as_tensors(circuit: &Circuit) -> Vec<bool> {
    let mut read = vec![false; circuit.tensors.len()];
    for tensor in &circuit.tensors {
        if !matches!(tensor.op, Op::Conv { .. } | Op::Dense { .. }) {
            tensor.op.operands().iter().for_each(|operand| read[operand.index()] = true);
        }
    }
    circuit.outputs.iter().for_each(|port| read[port.tensor.index()] = true);
    read
}

/// What the constraints admit: per tensor, the keys of the tables in which it is looked up, and 0 where it must vanish.
pub(crate) fn domains(circuit: &Circuit) -> Vec<Option<(i64, i64)>> {
    let mut domains = vec![None; circuit.tensors.len()];
    for constraint in &circuit.constraints {
        let (tensor, (min, max)) = match constraint {
            Constraint::Zero { tensor } => (*tensor, (0, 0)),
            Constraint::Lookup { table, columns } => {
                let Some(&key) = columns.first() else { continue };
                let table = &circuit.tables[table.index()];
                (key, (table.min(), table.max()))
            }
        };
        let domain: &mut Option<(i64, i64)> = &mut domains[tensor.index()];
        *domain = Some(domain.map_or((min, max), |(a, b)| (a.max(min), b.min(max))));
    }
    domains
}

pub(crate) fn input(
    tensor: &Tensor,
    name: &str,
    values: &[i64],
    batch: usize,
    domain: Option<(i64, i64)>,
) -> Result<TensorData, ExecuteError> {
    if values.len() != tensor.len() {
        return Err(ExecuteError::InputLength {
            input: name.to_owned(),
            expected: tensor.len(),
            actual: values.len(),
        });
    }
    let (min, max) = domain.map_or((tensor.min, tensor.max), |(a, b)| (a.max(tensor.min), b.min(tensor.max)));
    if let Some(index) = values.iter().position(|value| !(min..=max).contains(value)) {
        return Err(ExecuteError::Refused {
            node: tensor.node.clone(),
            tensor: tensor.name.clone(),
            value: values[index],
            min,
            max,
            sample: index / (values.len() / batch),
        });
    }
    Ok(TensorData::from_values(values, tensor.min, tensor.max))
}

pub(crate) fn check_range(tensor: &Tensor, data: &TensorData) {
    if let Some(value) = data.iter().find(|value| !(tensor.min..=tensor.max).contains(value)) {
        panic!(
            "tensor `{}` of node `{}`: value {value} outside its static range [{}, {}]",
            tensor.name, tensor.node, tensor.min, tensor.max
        );
    }
}

/// What an operator reads.
pub(crate) struct Operands<'a> {
    pub(crate) circuit: &'a Circuit,
    pub(crate) params: &'a Params,
    pub(crate) values: &'a [TensorData],
}

impl Operands<'_> {
    fn view(&self, id: TensorId) -> TensorView<'_> {
        self.values[id.index()].view()
    }

    fn shape(&self, id: TensorId) -> &[usize] {
        &self.circuit.tensor(id).shape
    }

    fn bounds(&self, id: TensorId) -> (i64, i64) {
        let tensor = self.circuit.tensor(id);
        match tensor.op {
            Op::Weight { param } => self.params.bounds(param),
            _ => (tensor.min, tensor.max),
        }
    }

    fn weight(&self, id: TensorId) -> (&Params, usize) {
        match self.circuit.tensor(id).op {
            Op::Weight { param } => (self.params, param),
            _ => panic!("tensor `{}` must be a weight", self.circuit.tensor(id).name),
        }
    }

    /// The values of a tensor, all within the domain that constraints admit.
    pub(crate) fn checked(&self, tensor: &Tensor, domain: Option<(i64, i64)>) -> Result<TensorData, ExecuteError> {
        let width = Width::of(tensor.min, tensor.max);
        let Some(domain) = domain else { return self.evaluate(tensor, width) };
        let range = (domain.0.max(tensor.min), domain.1.min(tensor.max));
        let (data, within) = match &tensor.op {
            Op::Linear { .. } => self.linear(tensor, width, Some(range)),
            Op::FloorShift { x, shift } => ops::floor_shift(self.view(*x), *shift, width, Some(range)),
            _ => {
                let wide = self.evaluate(tensor, Width::W64)?;
                (ops::convert(wide.view(), width), ops::outside(wide.view(), range.0, range.1).is_none())
            }
        };
        if within {
            return Ok(data);
        }
        let wide = self.evaluate(tensor, Width::W64)?;
        let Some(outside) = ops::outside(wide.view(), range.0, range.1) else { return Ok(data) };
        let (min, max) = if (domain.0..=domain.1).contains(&outside.value) { range } else { domain };
        Err(self.refusal(tensor, tensor, outside, min, max))
    }

    fn linear(&self, tensor: &Tensor, width: Width, range: Option<(i64, i64)>) -> (TensorData, bool) {
        let Op::Linear { terms, constant } = &tensor.op else { panic!("tensor `{}` must be linear", tensor.name) };
        let operands: Vec<_> = terms.iter().map(|term| (self.view(term.x), self.shape(term.x))).collect();
        ops::linear(terms, &operands, constant, (&tensor.shape, width), range)
    }

    /// The values of a tensor modulo `2^width`.
    fn evaluate(&self, tensor: &Tensor, width: Width) -> Result<TensorData, ExecuteError> {
        Ok(match &tensor.op {
            Op::Input { .. } | Op::Weight { .. } => unreachable!("sources have no operands"),
            Op::Linear { .. } => self.linear(tensor, width, None).0,
            Op::Conv { x, w, geometry } => {
                let x = (self.view(*x), self.shape(*x), self.bounds(*x));
                ops::conv(x, self.weight(*w), *geometry, (&tensor.shape, width))
            }
            Op::Dense { x, w } => ops::dense((self.view(*x), self.bounds(*x)), self.weight(*w), width),
            Op::MatMul { a, b } => {
                let operand = |id: TensorId| (self.view(id), self.shape(id), self.bounds(id));
                ops::matmul(operand(*a), operand(*b), width)
            }
            Op::Mul { a, b } => ops::mul(self.view(*a), self.view(*b), width),
            Op::Reshape { x } => ops::convert(self.view(*x), width),
            Op::FloorShift { x, shift } => ops::floor_shift(self.view(*x), *shift, width, None).0,
            Op::Lookup { x, table } => match &self.circuit.tables[table.index()] {
                Table::Function { min, values, .. } => ops::lookup(self.view(*x), *min, values, width)
                    .map_err(|outside| {
                        self.refusal(self.circuit.tensor(*x), tensor, outside, *min, *min + values.len() as i64 - 1)
                    })?,
                Table::Range { .. } | Table::Tensor { .. } => panic!("tensor `{}` must look up a function table", tensor.name),
            },
            Op::Reciprocal { x, log_numerator } => ops::reciprocal(self.view(*x), *log_numerator, width)
                .map_err(|outside| self.refusal(self.circuit.tensor(*x), tensor, outside, 1, i64::MAX))?,
            Op::SquareRoot { x } => ops::square_root(self.view(*x), width)
                .map_err(|outside| self.refusal(self.circuit.tensor(*x), tensor, outside, 0, i64::MAX))?,
            Op::Divide { a, b } => ops::divide(self.view(*a), self.view(*b), width)
                .map_err(|outside| self.refusal(self.circuit.tensor(*b), tensor, outside, 1, i64::MAX))?,
            Op::Gather { index, data } => {
                let is_weight = matches!(self.circuit.tensor(*data).op, Op::Weight { .. });
                let samples = if is_weight { 1 } else { self.circuit.batch };
                ops::gather(self.view(*index), self.view(*data), samples, width).map_err(|outside| {
                    let last = self.circuit.tensor(*data).len() / samples - 1;
                    self.refusal(self.circuit.tensor(*index), tensor, outside, 0, last as i64)
                })?
            }
            Op::Noise { seed, table } => match &self.circuit.tables[table.index()] {
                Table::Function { values, .. } => {
                    let samples = self.circuit.batch;
                    ops::noise_of(self.view(*seed), (samples, tensor.len() / samples), values, width)
                }
                Table::Range { .. } | Table::Tensor { .. } => panic!("tensor `{}` must read a function table", tensor.name),
            },
            Op::Largest { x, rank } => ops::largest(self.view(*x), self.shape(*x).last().copied().unwrap_or(1), *rank, width),
        })
    }

    /// The refusal of `operand`'s entry by `tensor`'s node.
    fn refusal(
        &self,
        operand: &Tensor,
        tensor: &Tensor,
        outside: ops::Outside,
        min: i64,
        max: i64,
    ) -> ExecuteError {
        ExecuteError::Refused {
            node: tensor.node.clone(),
            tensor: operand.name.clone(),
            value: outside.value,
            min,
            max,
            sample: outside.index / (operand.len() / self.circuit.batch),
        }
    }
}
