//! The executor: every tensor of an instantiated circuit from its inputs and weights, exactly.
//!
//! Arithmetic wraps at the width of each result; since the circuit's static range holds every value, results are
//! exact. Debug builds check the range of every tensor.

use veritorch_graph::circuit::{Circuit, Op, Table, Tensor, TensorId};

use crate::data::{TensorData, TensorView, Width};
use crate::{ExecuteError, Params, ops};

/// All values of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// One entry per tensor of the circuit, in its order. Weights that are read by convolutions and dense layers
    /// alone are empty here: they stay in [`Params`].
    pub values: Vec<TensorData>,
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
/// [`ExecuteError::Refused`] if an input or the operand of a hint leaves its domain; any other variant if the circuit,
/// the weights and the inputs do not fit together.
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
    let mut values: Vec<TensorData> = Vec::with_capacity(circuit.tensors.len());
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        let data = match tensor.op {
            Op::Weight { param } if reads_values[index] => {
                let (min, max) = params.bounds(param);
                TensorData::from_values(&params.values(param), min, max)
            }
            Op::Weight { .. } => TensorData::I16(Vec::new()),
            Op::Input { index } => input(tensor, &circuit.inputs[index].name, &inputs[index], circuit.batch)?,
            _ => Operands { circuit, params, values: &values }.evaluate(tensor)?,
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

/// The last tensor that reads each tensor; outputs are never dropped.
fn last_use(circuit: &Circuit) -> Vec<usize> {
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
fn weights_read_as_tensors(circuit: &Circuit) -> Vec<bool> {
    let mut read = vec![false; circuit.tensors.len()];
    for tensor in &circuit.tensors {
        if !matches!(tensor.op, Op::Conv { .. } | Op::Dense { .. }) {
            tensor.op.operands().iter().for_each(|operand| read[operand.index()] = true);
        }
    }
    circuit.outputs.iter().for_each(|port| read[port.tensor.index()] = true);
    read
}

fn input(tensor: &Tensor, name: &str, values: &[i64], batch: usize) -> Result<TensorData, ExecuteError> {
    if values.len() != tensor.len() {
        return Err(ExecuteError::InputLength {
            input: name.to_owned(),
            expected: tensor.len(),
            actual: values.len(),
        });
    }
    if let Some(index) = values.iter().position(|value| !(tensor.min..=tensor.max).contains(value)) {
        return Err(ExecuteError::Refused {
            node: tensor.node.clone(),
            tensor: tensor.name.clone(),
            value: values[index],
            min: tensor.min,
            max: tensor.max,
            sample: index / (values.len() / batch),
        });
    }
    Ok(TensorData::from_values(values, tensor.min, tensor.max))
}

fn check_range(tensor: &Tensor, data: &TensorData) {
    if let Some(value) = data.iter().find(|value| !(tensor.min..=tensor.max).contains(value)) {
        panic!(
            "tensor `{}` of node `{}`: value {value} outside its static range [{}, {}]",
            tensor.name, tensor.node, tensor.min, tensor.max
        );
    }
}

/// What an operator reads.
struct Operands<'a> {
    circuit: &'a Circuit,
    params: &'a Params,
    values: &'a [TensorData],
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

    fn evaluate(&self, tensor: &Tensor) -> Result<TensorData, ExecuteError> {
        let width = Width::of(tensor.min, tensor.max);
        Ok(match &tensor.op {
            Op::Input { .. } | Op::Weight { .. } => unreachable!("sources have no operands"),
            Op::Linear { terms, constant } => {
                let operands: Vec<_> = terms.iter().map(|term| (self.view(term.x), self.shape(term.x))).collect();
                ops::linear(terms, &operands, constant, &tensor.shape, width)
            }
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
            Op::FloorShift { x, shift } => ops::floor_shift(self.view(*x), *shift, width),
            Op::Lookup { x, table } => match &self.circuit.tables[table.index()] {
                Table::Function { min, values, .. } => ops::lookup(self.view(*x), *min, values, width)
                    .map_err(|outside| self.refusal(*x, tensor, outside, *min, *min + values.len() as i64 - 1))?,
                Table::Range { .. } => panic!("tensor `{}` must look up a function table", tensor.name),
            },
            Op::Reciprocal { x, log_numerator } => ops::reciprocal(self.view(*x), *log_numerator, width)
                .map_err(|outside| self.refusal(*x, tensor, outside, 1, i64::MAX))?,
        })
    }

    fn refusal(&self, x: TensorId, tensor: &Tensor, outside: ops::Outside, min: i64, max: i64) -> ExecuteError {
        let operand = self.circuit.tensor(x);
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
