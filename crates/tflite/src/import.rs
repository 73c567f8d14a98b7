//! A file's tables to a model graph: names, inputs, then each operator in the file's order through its lowering.

use std::collections::{BTreeMap, BTreeSet};

use veritorch_graph::model::index::element_count;
use veritorch_graph::model::{ModelGraph, Names};
use veritorch_onnx::ImportOptions;
use veritorch_onnx::building::{Builder, Constant, Data, Kind, Operand, Source, Stop};

use crate::builtin::{Element, operator_name};
use crate::constant;
use crate::error::{TfliteError, UnsupportedOperator};
use crate::integer::{self, Steps};
use crate::lowering::{Lowering, Meaning};
use crate::ops;
use crate::schema::{Model, Operator, Tensor};

/// Reads a file into a graph.
pub(crate) fn import(bytes: &[u8], options: &ImportOptions) -> Result<ModelGraph, TfliteError> {
    let model = Model::read(bytes).map_err(|reason| TfliteError::Malformed { reason })?;
    if let Some(axis) = options.axes.keys().next() {
        return Err(TfliteError::Axis { axis: axis.clone() });
    }
    let mut state = State::new(&model, bytes.len());
    state.add_inputs(options)?;
    for operator in &model.operators {
        state.lower(operator)?;
    }
    if !state.unsupported.is_empty() {
        return Err(TfliteError::Unsupported(state.unsupported));
    }
    state.finish()
}

struct State<'a> {
    model: &'a Model<'a>,
    builder: Builder,
    /// Names of the tensors: the signature's, then the file's, made unique.
    names: Vec<String>,
    /// Quantised tensors that depend on the input are their integers less the zero point.
    known: BTreeMap<usize, Operand>,
    /// Constants: as real numbers, or as integers less their zero points.
    constants: BTreeMap<(usize, bool), Operand>,
    /// Tensors behind operators without a lowering.
    unknown: BTreeSet<usize>,
    unsupported: Vec<UnsupportedOperator>,
}

impl<'a> State<'a> {
    fn new(model: &'a Model<'a>, num_bytes: usize) -> Self {
        let names = names(model);
        let constants = (0..names.len()).filter(|&at| !model.tensors[at].data.is_empty());
        let constants = constants.map(|at| names[at].clone()).collect();
        let builder = Builder::new(model.name, names.iter().cloned().collect(), constants, num_bytes);
        Self { model, builder, names, known: BTreeMap::new(), constants: BTreeMap::new(), unknown: BTreeSet::new(), unsupported: Vec::new() }
    }

    // ---- inputs ----

    fn add_inputs(&mut self, options: &ImportOptions) -> Result<(), TfliteError> {
        let mut given = options.input_shapes.keys().chain(options.fixed_inputs.keys());
        let is_input = |name: &str| self.model.inputs.iter().any(|&at| self.names[at] == name);
        if let Some(name) = given.find(|name| !is_input(name)) {
            let reason = "it is spoken of, but the model has no such input".to_owned();
            return Err(TfliteError::Input { input: name.clone(), reason });
        }
        for &at in &self.model.inputs {
            let operand = self.input(at, options)?;
            if self.known.insert(at, operand).is_some() {
                return Err(TfliteError::Malformed { reason: format!("input `{}` is there twice", self.names[at]) });
            }
        }
        Ok(())
    }

    fn input(&mut self, at: usize, options: &ImportOptions) -> Result<Operand, TfliteError> {
        let tensor = &self.model.tensors[at];
        let name = self.names[at].clone();
        let fail = |reason: String| TfliteError::Input { input: name.clone(), reason };
        if let Some(reason) = tensor.unsupported {
            return Err(fail(format!("is {reason}")));
        }
        if !tensor.data.is_empty() {
            return Err(fail("is a constant".to_owned()));
        }
        let kind = constant::kind(tensor).map_err(fail)?;
        let shape = input_shape(tensor, options.input_shapes.get(&name)).map_err(fail)?;
        let count = element_count(&shape).filter(|&count| count > 0).ok_or_else(|| fail(format!("shape {shape:?} is empty or too large")))?;
        if let Some(&number) = options.fixed_inputs.get(&name) {
            let data = filled(kind, number, count).ok_or_else(|| fail(format!("{number} is no {} number", kind.name())))?;
            return Ok(Operand::constant(name, Constant { shape, data }));
        }
        let id = self.builder.add_value(name.clone(), shape.clone(), None);
        self.builder.graph.inputs.push(id);
        if kind != Kind::Float {
            self.builder.graph.integers.insert(id);
        }
        let operand = Operand { shape, kind, source: Source::Value(id) };
        match self.steps(at).map_err(fail)? {
            None => Ok(operand),
            Some(steps) => integer::entered(&mut self.builder, &name, &operand, &steps).map_err(|stop| stopped(stop, fail)),
        }
    }

    // ---- operators ----

    fn lower(&mut self, operator: &Operator<'_>) -> Result<(), TfliteError> {
        let op = operator.custom.map_or_else(|| operator_name(operator.code), |name| format!("CUSTOM {name}"));
        let Some(&first) = operator.outputs.first() else {
            return Err(TfliteError::Malformed { reason: format!("{op} has no output") });
        };
        let tensor = self.names[first].clone();
        match self.lower_named(operator, &tensor) {
            Ok(()) => Ok(()),
            Err(Stop::Unsupported { reason, hint }) => {
                self.unsupported.push(UnsupportedOperator { tensor, op, reason, hint });
                self.give_up(operator);
                Ok(())
            }
            Err(Stop::Invalid(reason)) => Err(TfliteError::Operator { tensor, op, reason }),
            Err(Stop::Fatal(error)) => Err(error.into()),
        }
    }

    fn lower_named(&mut self, operator: &Operator<'_>, tensor: &str) -> Result<(), Stop> {
        let depends = |at: &&usize| self.model.tensors[**at].data.is_empty();
        let tensors = operator.inputs.iter().flatten().filter(depends).chain(&operator.outputs);
        let on_integers = tensors.into_iter().any(|&at| self.model.tensors[at].quantisation.is_some());
        let lower = ops::find(operator, on_integers)?;
        if operator.inputs.iter().flatten().any(|at| self.unknown.contains(at)) {
            self.give_up(operator);
            return Ok(());
        }
        for &at in &operator.outputs {
            if let Some(reason) = self.model.tensors[at].unsupported {
                return Err(Stop::unsupported(format!("output `{}` is {reason}", self.names[at])));
            }
            if self.known.contains_key(&at) || !self.model.tensors[at].data.is_empty() {
                return Err(Stop::invalid(format!("tensor `{}` is there already", self.names[at])));
            }
        }
        let operands = operator.inputs.iter().map(|at| at.map(|at| self.operand(at, on_integers)).transpose()).collect::<Result<_, _>>()?;
        let invalid = |reason: String| Stop::invalid(reason);
        let steps = operator.inputs.iter().map(|at| at.map_or(Ok(None), |at| self.steps(at))).collect::<Result<_, _>>().map_err(invalid)?;
        let name = self.builder.unique_node_name(tensor);
        let first_value = self.builder.graph.values.len();
        let first_node = self.builder.graph.nodes.len();
        let result = |&at: &usize| Ok(Meaning { element: self.model.tensors[at].element, steps: self.steps(at)? });
        let results = operator.outputs.iter().map(result).collect::<Result<_, _>>().map_err(invalid)?;
        let mut lowering = Lowering::new(&name, &mut self.builder, operator.options, operands, results, steps);
        lower(&mut lowering)?;
        let results = lowering.finish()?;
        self.builder.name_principal(first_node, &name);
        let mut renamed = BTreeSet::new();
        for (&at, operand) in operator.outputs.iter().zip(results) {
            self.check_shape(at, &operand.shape)?;
            if let Source::Value(id) = operand.source
                && id.index() >= first_value
                && !self.is_integer_output(at)
                && renamed.insert(id)
            {
                self.builder.rename(id, &self.names[at]);
            }
            self.known.insert(at, operand);
        }
        Ok(())
    }

    /// An input of an operator; constants are read here.
    fn operand(&mut self, at: usize, on_integers: bool) -> Result<Operand, Stop> {
        if let Some(operand) = self.known.get(&at).or_else(|| self.constants.get(&(at, on_integers))) {
            return Ok(operand.clone());
        }
        let tensor = &self.model.tensors[at];
        let name = &self.names[at];
        if let Some(reason) = tensor.unsupported {
            return Err(Stop::unsupported(format!("input `{name}` is {reason}")));
        }
        let empty = tensor.shape.contains(&0);
        if tensor.data.is_empty() && !empty {
            return Err(Stop::invalid(format!("reads `{name}`, which nothing produces before")));
        }
        let count = element_count(&tensor.shape).unwrap_or(usize::MAX);
        self.builder.charge(count)?;
        let fail = |reason: String| Stop::invalid(format!("constant `{name}`: {reason}"));
        let mut constant = constant::read(tensor).map_err(fail)?;
        if let Some(quantisation) = &tensor.quantisation {
            let numbers = if on_integers { constant::centred } else { constant::dequantised };
            constant = numbers(constant, quantisation).map_err(fail)?;
        }
        let operand = Operand::constant(name.clone(), constant);
        self.constants.insert((at, on_integers), operand.clone());
        Ok(operand)
    }

    /// Quantisation of a tensor, where it has one.
    fn steps(&self, at: usize) -> Result<Option<Steps>, String> {
        let tensor = &self.model.tensors[at];
        let Some(quantisation) = &tensor.quantisation else { return Ok(None) };
        let (scales, zero_points) = constant::steps(quantisation, &tensor.shape)?;
        let (low, high) = match constant::element(tensor)? {
            Element::I8 => (-128, 127),
            Element::U8 => (0, 255),
            Element::I16 => (-32_768, 32_767),
            _ => (i32::MIN.into(), i32::MAX.into()),
        };
        Ok(Some(Steps { scales, zero_points, low, high }))
    }

    /// Whether a tensor is an output of the model that shows its integers.
    fn is_integer_output(&self, at: usize) -> bool {
        self.model.tensors[at].quantisation.is_some() && self.model.outputs.contains(&at)
    }

    /// Refuses a shape that contradicts the file.
    fn check_shape(&self, at: usize, inferred: &[usize]) -> Result<(), Stop> {
        let tensor = &self.model.tensors[at];
        // the converter leaves shapes that it does not know empty
        let agrees = |k: usize| tensor.open[k] || tensor.shape[k] == inferred[k];
        if tensor.shape.is_empty() || (tensor.shape.len() == inferred.len() && (0..inferred.len()).all(agrees)) {
            return Ok(());
        }
        Err(Stop::invalid(format!("its shape is {inferred:?}, but the file says {:?}", tensor.shape)))
    }

    /// Lets the operators behind an unsupported one be looked at, with the shapes that the file declares.
    fn give_up(&mut self, operator: &Operator<'_>) {
        for &at in &operator.outputs {
            let tensor = &self.model.tensors[at];
            let shape = tensor.shape.clone();
            match constant::kind(tensor) {
                Ok(kind) if element_count(&shape).is_some_and(|count| count > 0) && !self.known.contains_key(&at) => {
                    let id = self.builder.add_value(self.names[at].clone(), shape.clone(), None);
                    self.known.insert(at, Operand { shape, kind, source: Source::Value(id) });
                }
                _ => {
                    self.unknown.insert(at);
                }
            }
        }
    }

    // ---- the end ----

    fn finish(mut self) -> Result<ModelGraph, TfliteError> {
        if self.model.outputs.is_empty() {
            return Err(TfliteError::Malformed { reason: "the model has no outputs".to_owned() });
        }
        for &at in &self.model.outputs {
            let name = &self.names[at];
            let malformed = |reason: String| TfliteError::Malformed { reason: format!("output `{name}` {reason}") };
            let mut operand = self.known.get(&at).cloned().ok_or_else(|| malformed("is produced by nothing".to_owned()))?;
            if let Some(steps) = self.steps(at).map_err(malformed)? {
                operand = integer::shown(&mut self.builder, name, &operand, &steps).map_err(|stop| stopped(stop, malformed))?;
            }
            self.builder.add_output(name, operand)?;
        }
        Ok(self.builder.finish()?)
    }
}

/// Why a value at the border of the graph cannot be made.
fn stopped(stop: Stop, fail: impl Fn(String) -> TfliteError) -> TfliteError {
    match stop {
        Stop::Fatal(error) => error.into(),
        Stop::Invalid(reason) | Stop::Unsupported { reason, .. } => fail(reason),
    }
}

/// A name for each tensor.
fn names<'a>(model: &Model<'a>) -> Vec<String> {
    let mut given: BTreeMap<usize, &str> = BTreeMap::new();
    let [inputs, outputs] = &model.signature;
    for (names, tensors) in [(inputs, &model.inputs), (outputs, &model.outputs)] {
        if tensors.iter().all(|at| names.iter().any(|(name, named)| named == at && !name.is_empty())) {
            names.iter().for_each(|&(name, at)| _ = given.entry(at).or_insert(name));
        }
    }
    let mut unique = Names::default();
    let mut names: BTreeMap<usize, String> = given.into_iter().map(|(at, name)| (at, unique.unique(name))).collect();
    // the converter joins the names of all operators that it made one
    let base = |tensor: &Tensor<'a>| tensor.name.split(';').next().filter(|name| !name.is_empty()).unwrap_or("tensor");
    let tensors = model.tensors.iter().enumerate();
    tensors.map(|(at, tensor)| names.remove(&at).unwrap_or_else(|| unique.unique(base(tensor)))).collect()
}

/// Static shape of an input: the file's, and the caller's extents on open axes; 1 without these.
fn input_shape(tensor: &Tensor<'_>, given: Option<&Vec<usize>>) -> Result<Vec<usize>, String> {
    let Some(given) = given else { return Ok(tensor.shape.clone()) };
    let fits = |k: usize| tensor.open[k] || given[k] == tensor.shape[k];
    if given.len() != tensor.shape.len() || !(0..given.len()).all(fits) {
        let extents: Vec<String> = (0..tensor.shape.len()).map(|k| if tensor.open[k] { "?".to_owned() } else { tensor.shape[k].to_string() }).collect();
        return Err(format!("the given shape is {given:?}, the file's is [{}]", extents.join(", ")));
    }
    Ok(given.clone())
}

/// One number in every entry.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "rounds to the graph's number type; whole numbers are checked"
)]
fn filled(kind: Kind, number: f64, count: usize) -> Option<Data> {
    let whole = number as i64;
    match kind {
        Kind::Float => Some(Data::Float(vec![number as f32; count])),
        Kind::Int if whole as f64 == number => Some(Data::Int(vec![whole; count])),
        Kind::Bool if number == 0.0 || number == 1.0 => Some(Data::Bool(vec![number == 1.0; count])),
        _ => None,
    }
}
