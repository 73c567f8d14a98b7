//! Which axis of every tensor is the sequence, and what a step of the decoder reads of it.
//!
//! A tensor that depends on no input is computed once. Every other one has an axis along which row i stands for position i: the inputs
//! have it, and an operator keeps it where its result's rows need no other rows of its operands. One operand may be read at all positions
//! instead: the right factor of a product of activations, by its columns (keys of scores) or along the sum (values). Where an operator mixes
//! positions in another way (pooling, convolution, a sum over the sequence), there is no plan.

use std::collections::BTreeMap;

use veritorch_graph::circuit::{AxisLink, AxisMap, Circuit, Op, Tensor, TensorId, Term};

/// What a tensor holds while rows are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Depends on no input.
    Fixed,
    /// The sequence is this axis.
    Rows(usize),
}

/// Another reading of a tensor than the one it is computed in, as a tensor of its own behind those of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reading {
    /// All positions of a tensor that is computed row by row: the cache.
    Whole(TensorId),
    /// Rows along this axis of a fixed tensor.
    Slice(TensorId, usize),
}

/// A circuit that can be computed row by row.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Places of the circuit's tensors.
    pub(super) places: Vec<Place>,
    /// Its tensors; operands may be readings.
    pub(super) tensors: Vec<Tensor>,
    /// Readings with their indices behind the tensors.
    pub(super) readings: BTreeMap<Reading, TensorId>,
}

impl Plan {
    /// A plan for an instantiated circuit whose input i has the sequence on axis `axes[i]`, or is the same for all positions; `None` where an
    /// operator mixes positions.
    pub(super) fn new(circuit: &Circuit, axes: &[Option<usize>]) -> Option<Self> {
        let mut plan = Self { places: Vec::new(), tensors: circuit.tensors.clone(), readings: BTreeMap::new() };
        for tensor in &circuit.tensors {
            let place = plan.place(circuit, tensor, axes)?;
            plan.places.push(place);
        }
        Some(plan)
    }

    fn at(&self, id: TensorId) -> Place {
        self.places[id.index()]
    }

    /// Index of a reading, which is given one if it has none.
    fn reading(&mut self, reading: Reading) -> TensorId {
        let next = TensorId((self.tensors.len() + self.readings.len()) as u32);
        *self.readings.entry(reading).or_insert(next)
    }

    /// An operand's rows along an axis.
    fn rows_of(&mut self, id: TensorId, axis: usize) -> Option<TensorId> {
        match self.at(id) {
            Place::Fixed => Some(self.reading(Reading::Slice(id, axis))),
            Place::Rows(own) => (own == axis).then_some(id),
        }
    }

    /// An operand at all positions.
    fn whole(&mut self, id: TensorId) -> TensorId {
        match self.at(id) {
            Place::Fixed => id,
            Place::Rows(_) => self.reading(Reading::Whole(id)),
        }
    }

    fn place(&mut self, circuit: &Circuit, tensor: &Tensor, axes: &[Option<usize>]) -> Option<Place> {
        let operands = tensor.op.operands();
        if let Op::Input { index } = tensor.op {
            return match *axes.get(index)? {
                Some(axis) => (axis < tensor.shape.len()).then_some(Place::Rows(axis)),
                None => Some(Place::Fixed),
            };
        }
        if operands.iter().all(|&x| self.at(x) == Place::Fixed) {
            return Some(Place::Fixed);
        }
        let index = self.places.len();
        let shape = |id: TensorId| circuit.tensor(id).shape.as_slice();
        let (axis, op) = match &tensor.op {
            Op::Input { .. } | Op::Weight { .. } | Op::Conv { .. } | Op::Gather { .. } | Op::Noise { .. } => return None,
            Op::Linear { terms, constant } => {
                let axis = self.result_axis(terms)?;
                let terms = terms.iter().map(|term| self.term(circuit, tensor, term, axis)).collect::<Option<_>>()?;
                (axis, Op::Linear { terms, constant: constant.clone() })
            }
            Op::Dense { x, .. } => match self.at(*x) {
                Place::Rows(axis) if axis + 1 < tensor.shape.len() => (axis, tensor.op.clone()),
                _ => return None,
            },
            Op::MatMul { a, b } => {
                let (rows, columns) = (tensor.shape.len() - 2, tensor.shape.len() - 1);
                match (self.at(*a), self.at(*b)) {
                    (Place::Rows(axis), Place::Fixed | Place::Rows(_)) if axis == rows => {
                        if matches!(self.at(*b), Place::Rows(lead) if lead < rows) {
                            return None;
                        }
                        (axis, Op::MatMul { a: *a, b: self.whole(*b) })
                    }
                    (Place::Fixed, Place::Rows(axis)) if axis == columns => (axis, tensor.op.clone()),
                    (Place::Rows(axis), _) | (_, Place::Rows(axis)) if axis < rows => {
                        (axis, Op::MatMul { a: self.rows_of(*a, axis)?, b: self.rows_of(*b, axis)? })
                    }
                    _ => return None,
                }
            }
            Op::Mul { a, b } | Op::Divide { a, b } => {
                let ((Place::Rows(axis), _) | (_, Place::Rows(axis))) = (self.at(*a), self.at(*b)) else { return None };
                let (a, b) = (self.rows_of(*a, axis)?, self.rows_of(*b, axis)?);
                (axis, if matches!(tensor.op, Op::Mul { .. }) { Op::Mul { a, b } } else { Op::Divide { a, b } })
            }
            Op::Reshape { x } => {
                let Place::Rows(axis) = self.at(*x) else { return None };
                (reshaped(shape(*x), axis, &tensor.shape)?, tensor.op.clone())
            }
            Op::Largest { x, .. } => match self.at(*x) {
                Place::Rows(axis) if axis + 1 < tensor.shape.len() => (axis, tensor.op.clone()),
                _ => return None,
            },
            Op::FloorShift { x, .. } | Op::Lookup { x, .. } | Op::Reciprocal { x, .. } | Op::SquareRoot { x } => {
                let Place::Rows(axis) = self.at(*x) else { return None };
                (axis, tensor.op.clone())
            }
        };
        self.tensors[index].op = op;
        Some(Place::Rows(axis))
    }

    /// The axis of the result to which the terms bring the sequence.
    fn result_axis(&self, terms: &[Term]) -> Option<usize> {
        terms.iter().find_map(|term| {
            let Place::Rows(axis) = self.at(term.x) else { return None };
            term.map.links.iter().find_map(|link| match link {
                AxisLink::Map { input, output, .. } if *input == axis => Some(*output),
                _ => None,
            })
        })
    }

    /// A summand that reads its operand's rows where it makes rows along this axis.
    fn term(&mut self, circuit: &Circuit, tensor: &Tensor, term: &Term, axis: usize) -> Option<Term> {
        let linked = term.map.links.iter().find_map(|link| match link {
            AxisLink::Map { input, output, map } if *output == axis => Some((*input, map)),
            _ => None,
        });
        let Some((input, map)) = linked else {
            return (self.at(term.x) == Place::Fixed).then(|| term.clone());
        };
        let extents = (circuit.tensor(term.x).shape.get(input), tensor.shape.get(axis));
        let keeps = match map {
            AxisMap::Identity | AxisMap::Diagonal(_) => true,
            AxisMap::Strided { start, step } => (*start, *step) == (0, 1) && extents.0 == extents.1,
            _ => false,
        };
        if !keeps {
            return None;
        }
        Some(Term { x: self.rows_of(term.x, input)?, ..term.clone() })
    }
}

/// Where an axis stands after a reshape that neither splits nor merges it.
fn reshaped(from: &[usize], axis: usize, to: &[usize]) -> Option<usize> {
    let before: usize = from.get(..axis)?.iter().product();
    let extent = from.get(axis)?;
    (0..to.len()).find(|&axis| to.get(axis) == Some(extent) && to.iter().take(axis).product::<usize>() == before)
}
