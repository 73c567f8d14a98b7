//! What an operator's file sees of its operator: inputs, options, and the means to emit model operators.
//!
//! Every option and input that a lowering does not touch is reported as unsupported, so that nothing of the user's model is
//! dropped in silence.

use std::cell::RefCell;
use std::collections::BTreeSet;

use veritorch_graph::model::{ModelOp, Rounding, UnaryFn};
use veritorch_onnx::building::{Attributes, Builder, Constant, Data, Operand, Site, Stop, apply};

use crate::flatbuffer::{Fault, Table};
use crate::integer::{Steps, end_of_layer};

/// What a tensor's entries stand for.
pub(crate) struct Meaning {
    /// Number of the entry type.
    pub(crate) element: u8,
    /// Quantisation of integers that depend on the input.
    pub(crate) steps: Option<Steps>,
}

/// One operator on its way to model operators.
pub(crate) struct Lowering<'a> {
    /// The tensor that it gives first.
    pub(crate) name: &'a str,
    builder: &'a mut Builder,
    options: Option<Table<'a>>,
    operands: Vec<Option<Operand>>,
    touched_inputs: RefCell<BTreeSet<usize>>,
    touched_options: RefCell<BTreeSet<usize>>,
    /// The outputs' entry types and quantisation.
    results: Vec<Meaning>,
    /// The inputs' quantisation, where the operator works on integers.
    steps: Vec<Option<Steps>>,
    outputs: Vec<Option<Operand>>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        name: &'a str,
        builder: &'a mut Builder,
        options: Option<Table<'a>>,
        operands: Vec<Option<Operand>>,
        results: Vec<Meaning>,
        steps: Vec<Option<Steps>>,
    ) -> Self {
        Self {
            name,
            builder,
            options,
            operands,
            touched_inputs: RefCell::default(),
            touched_options: RefCell::default(),
            outputs: vec![None; results.len()],
            results,
            steps,
        }
    }

    // ---- inputs and outputs ----

    /// Number of inputs, those left out included.
    pub(crate) fn num_inputs(&self) -> usize {
        self.operands.len()
    }

    /// Number of outputs.
    pub(crate) fn num_outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Number of the entry type of output `k`.
    pub(crate) fn output_element(&self, k: usize) -> u8 {
        self.results.get(k).map_or(0, |result| result.element)
    }

    /// The quantisation of input `k`; its operand holds integers less the zero point.
    pub(crate) fn input_steps(&self, k: usize) -> Result<&Steps, Stop> {
        self.steps.get(k).and_then(Option::as_ref).ok_or_else(|| Stop::invalid(format!("input {k} is not quantised")))
    }

    /// The same of output `k`.
    pub(crate) fn output_steps(&self, k: usize) -> Result<&Steps, Stop> {
        let steps = self.results.get(k).and_then(|result| result.steps.as_ref());
        steps.ok_or_else(|| Stop::invalid(format!("output {k} is not quantised")))
    }

    /// Whether a result is integers of the model's own quantisation.
    pub(crate) fn is_integer(&self) -> bool {
        self.results.iter().any(|result| result.steps.is_some())
    }

    /// Input `k`, which must be there.
    pub(crate) fn input(&self, k: usize) -> Result<Operand, Stop> {
        self.optional(k).ok_or_else(|| Stop::invalid(format!("input {k} is missing")))
    }

    /// Input `k`, if it is there.
    pub(crate) fn optional(&self, k: usize) -> Option<Operand> {
        self.touched_inputs.borrow_mut().insert(k);
        self.operands.get(k).cloned().flatten()
    }

    /// Input `k` as whole numbers known now.
    pub(crate) fn ints(&mut self, k: usize, what: &str) -> Result<Vec<i64>, Stop> {
        match self.input(k)?.data() {
            Some(Data::Int(data)) => {
                self.builder.charge(data.len())?;
                Ok(data.clone())
            }
            Some(other) => Err(Stop::invalid(format!("{what} are {}, expected integer", other.kind().name()))),
            None => Err(Stop::hinted(
                format!("{what} depend on the model's input"),
                "circuits have static shapes: convert with fixed shapes",
            )),
        }
    }

    /// Sets output `k`.
    pub(crate) fn set(&mut self, k: usize, operand: Operand) {
        if let Some(slot) = self.outputs.get_mut(k) {
            *slot = Some(operand);
        }
    }

    // ---- options ----

    fn option<T>(&self, k: usize, default: T, read: impl FnOnce(&Table<'a>) -> Result<T, Fault>) -> Result<T, Stop> {
        self.touched_options.borrow_mut().insert(k);
        self.options.as_ref().map_or(Ok(default), read).map_err(Stop::invalid)
    }

    /// A whole number of the options.
    pub(crate) fn int(&self, k: usize, default: i32) -> Result<i32, Stop> {
        self.option(k, default, |table| table.i32(k, default))
    }

    /// A whole number of the options that is at least 1.
    pub(crate) fn count(&self, k: usize, default: i32, what: &str) -> Result<usize, Stop> {
        let number = self.int(k, default)?;
        let count = usize::try_from(number).ok().filter(|count| (1..=1 << 24).contains(count));
        count.ok_or_else(|| Stop::invalid(format!("{what} is {number}, expected at least 1")))
    }

    /// A number of one byte of the options; truth values are 0 and 1.
    pub(crate) fn byte(&self, k: usize) -> Result<u8, Stop> {
        self.option(k, 0, |table| table.u8(k))
    }

    pub(crate) fn flag(&self, k: usize) -> Result<bool, Stop> {
        Ok(self.byte(k)? != 0)
    }

    pub(crate) fn float(&self, k: usize) -> Result<f32, Stop> {
        self.option(k, 0.0, |table| table.f32(k))
    }

    pub(crate) fn int_list(&self, k: usize) -> Result<Vec<i32>, Stop> {
        self.option(k, Vec::new(), |table| match table.vector(k, 4)?.len() {
            0..=64 => table.ints(k),
            count => Err(format!("a list of {count} numbers in the options")),
        })
    }

    /// Notes that an option is not needed.
    pub(crate) fn skip(&self, k: usize) {
        self.touched_options.borrow_mut().insert(k);
    }

    // ---- emission ----

    /// The one result of an ONNX operator on operands.
    pub(crate) fn apply(&mut self, op_type: &str, attributes: Attributes, operands: &[&Operand]) -> Result<Operand, Stop> {
        let operands: Vec<Option<&Operand>> = operands.iter().map(|&operand| Some(operand)).collect();
        let results = apply(self.builder, self.name, op_type, attributes, &operands, 1)?;
        results.into_iter().next().ok_or_else(|| Stop::invalid(format!("{op_type} gives nothing")))
    }

    /// Emits a model operator; computes it now where every operand is constant.
    pub(crate) fn emit(&mut self, part: &str, op: ModelOp, operands: &[&Operand], shape: Vec<usize>) -> Result<Operand, Stop> {
        self.builder.emit(Site { name: self.name, part, source: None }, op, operands, shape)
    }

    /// Reserves memory for a constant before it is made.
    pub(crate) fn charge(&mut self, entries: usize) -> Result<(), Stop> {
        self.builder.charge(entries)
    }

    /// A constant made by this operator.
    pub(crate) fn constant(&mut self, part: &str, shape: Vec<usize>, data: Data) -> Result<Operand, Stop> {
        self.builder.charge(data.len())?;
        Ok(Operand::constant(format!("{}/{part}", self.name), Constant { shape, data }))
    }

    /// A list of whole numbers.
    pub(crate) fn list(&mut self, part: &str, numbers: Vec<i64>) -> Result<Operand, Stop> {
        self.constant(part, vec![numbers.len()], Data::Int(numbers))
    }

    /// A single number.
    pub(crate) fn scalar(&mut self, part: &str, value: f32) -> Result<Operand, Stop> {
        self.constant(part, Vec::new(), Data::Float(vec![value]))
    }

    /// `x` in another shape of as many entries.
    pub(crate) fn reshape(&mut self, x: &Operand, shape: &[usize]) -> Result<Operand, Stop> {
        if x.shape == shape {
            return Ok(x.clone());
        }
        let list = shape.iter().map(|&extent| i64::try_from(extent)).collect::<Result<Vec<_>, _>>();
        let list = self.list("extents", list.map_err(|_| Stop::invalid(format!("shape {shape:?}")))?)?;
        self.apply("Reshape", Attributes::new().int("allowzero", 1), &[x, &list])
    }

    /// Result axis `k` is operand axis `perm[k]`.
    pub(crate) fn transpose(&mut self, x: &Operand, perm: &[i64]) -> Result<Operand, Stop> {
        self.apply("Transpose", Attributes::new().ints("perm", perm.iter().copied()), &[x])
    }

    /// A function of each entry.
    pub(crate) fn function(&mut self, part: &str, function: UnaryFn, x: &Operand) -> Result<Operand, Stop> {
        self.emit(part, ModelOp::Unary(function), &[x], x.shape.clone())
    }

    /// What a linear layer of two inputs, operand and weights, gives: rescaled, where it works on integers, and the activation of option `k`.
    /// `axis` has the output channels.
    pub(crate) fn end_of_layer(
        &mut self,
        inputs: [usize; 2],
        k: usize,
        axis: usize,
        rounding: Rounding,
        y: Operand,
    ) -> Result<Operand, Stop> {
        if self.is_integer() { end_of_layer(self, inputs, k, axis, rounding, &y) } else { self.activated(k, y) }
    }

    /// The activation that an operator's options fuse with it, on what it gives.
    pub(crate) fn activated(&mut self, k: usize, y: Operand) -> Result<Operand, Stop> {
        if self.is_integer() && self.byte(k)? != 0 {
            return Err(Stop::unsupported("a fused activation on integers that are not rescaled"));
        }
        let function = match self.byte(k)? {
            0 => return Ok(y),
            1 => UnaryFn::Relu,
            2 => UnaryFn::Clip { min: -1.0, max: 1.0 },
            3 => UnaryFn::Clip { min: 0.0, max: 6.0 },
            4 => UnaryFn::Tanh,
            other => return Err(Stop::unsupported(format!("fused activation {other}"))),
        };
        self.function("activation", function, &y)
    }

    // ---- the end ----

    /// The results, or the first thing that the lowering did not touch.
    pub(crate) fn finish(self) -> Result<Vec<Operand>, Stop> {
        let options = self.touched_options.borrow();
        if let Some(k) = self.options.iter().flat_map(Table::present).find(|k| !options.contains(k)) {
            return Err(Stop::unsupported(format!("option {k}")));
        }
        let inputs = self.touched_inputs.borrow();
        if let Some(k) = (0..self.operands.len()).find(|k| self.operands[*k].is_some() && !inputs.contains(k)) {
            return Err(Stop::unsupported(format!("input {k}")));
        }
        let missing = |k: usize| Stop::unsupported(format!("output {k}"));
        self.outputs.into_iter().enumerate().map(|(k, output)| output.ok_or_else(|| missing(k))).collect()
    }
}

/// An axis counted from the end where it is negative.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Stop> {
    let from_front = if axis < 0 { i64::try_from(rank).ok().and_then(|rank| axis.checked_add(rank)) } else { Some(axis) };
    from_front
        .and_then(|k| usize::try_from(k).ok())
        .filter(|&k| k < rank)
        .ok_or_else(|| Stop::invalid(format!("axis {axis} of a tensor of rank {rank}")))
}
