//! Lowering: the model graph becomes a circuit, node by node.
//!
//! A value of the model is an integer tensor with a scale, or a sum that is not rescaled yet ([`sum`]). Linear operators only
//! build sums; whatever needs an integer tensor rescales them once, with the activation function in the rescale's table.

mod attention;
mod embedding;
mod emit;
mod kept;
mod linear;
mod nonlinear;
mod normalize;
mod quotient;
mod sum;
mod trees;
mod wiring;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use veritorch_graph::circuit::{CircuitBuilder, CircuitError, Op, SeparableMap, TensorId, Term};
use veritorch_graph::gadgets;
use veritorch_graph::model::{ModelGraph, ModelOp, Node, ValueId};

use self::attention::Scores;
use self::sum::{Int, Part, Sum};
use crate::calibrate::Calibration;
use crate::scales::{Format, Formats, tidy};
use crate::QuantiseError;
use crate::options::Settings;

/// Largest magnitude of a linear layer's operand: 16 bits, signed or not.
const OPERAND: i64 = 1 << 16;
/// An output's unit is its calibrated magnitude over this.
const OUTPUT_STEPS: f64 = (1u64 << 24) as f64;

/// Greatest weight of a layer that gives a language model's output, at least.
const OUTPUT_WEIGHT: f64 = 8192.0;

/// Least multiplier of a tensor in an output.
const PART_STEPS: f64 = 1024.0;

/// What a value of the model has become.
#[derive(Clone, Debug)]
enum State {
    Absent,
    Constant,
    Int(Int),
    Sum(Sum),
    /// A softmax whose probabilities are never there: a product reads it.
    Scores(Scores),
}

/// Why a node cannot be lowered; the node's name is added by the caller.
#[derive(Debug)]
pub(crate) enum Unsupported {
    Reason(String),
    Circuit(CircuitError),
}

impl Unsupported {
    fn reason(reason: impl Into<String>) -> Self {
        Self::Reason(reason.into())
    }
}

impl From<CircuitError> for Unsupported {
    fn from(error: CircuitError) -> Self {
        Self::Circuit(error)
    }
}

/// A circuit under construction.
pub(crate) struct Lowering<'a> {
    graph: &'a ModelGraph,
    calibration: &'a Calibration,
    settings: &'a Settings,
    /// Weights that get two byte planes.
    wide: &'a BTreeSet<String>,
    formats: Formats,
    uses: Vec<usize>,
    states: Vec<State>,
    builder: CircuitBuilder,
    /// Byte planes of weights by their name in the circuit.
    weights: BTreeMap<String, Vec<Vec<i8>>>,
    /// Integer tensors by value of the model: tensor name and scale.
    trace: BTreeMap<usize, (String, f64)>,
    /// Values of more than 16 bits, cut to 16.
    narrow: BTreeMap<usize, Int>,
    /// Real values of 1 of inputs that only trees read: one for each feature.
    steps: BTreeMap<usize, Vec<f64>>,
}

/// The result of lowering.
pub(crate) struct Lowered {
    pub(crate) builder: CircuitBuilder,
    pub(crate) weights: BTreeMap<String, Vec<Vec<i8>>>,
    pub(crate) trace: BTreeMap<usize, (String, f64)>,
}

/// Lowers a prepared graph.
///
/// # Errors
/// A combination that has no lowering, or a value that can leave the field's safe range, naming the node.
pub(crate) fn lower(
    graph: &ModelGraph,
    calibration: &Calibration,
    settings: &Settings,
    wide: &BTreeSet<String>,
) -> Result<Lowered, QuantiseError> {
    let states = graph
        .values
        .iter()
        .map(|value| if value.constant.is_some() { State::Constant } else { State::Absent })
        .collect();
    let mut lowering = Lowering {
        graph,
        calibration,
        settings,
        wide,
        formats: Formats::choose(graph, calibration, settings),
        uses: crate::prepare::count_uses(graph),
        states,
        builder: CircuitBuilder::new(&graph.name, settings.options.policy),
        weights: BTreeMap::new(),
        trace: BTreeMap::new(),
        narrow: BTreeMap::new(),
        steps: BTreeMap::new(),
    };
    for &id in &graph.inputs {
        let value = graph.value(id);
        lowering.builder.set_node(&value.name);
        if let Some(features) = crate::features::choose(graph, calibration, settings, id) {
            let range = (-(1 << (features.bits - 1)), features.bits);
            let tensor = gadgets::input(&mut lowering.builder, &value.name, &value.shape, range, 1.0)?;
            lowering.builder.set_input_scale(tensor, features.steps.clone());
            lowering.steps.insert(id.index(), features.steps);
            lowering.states[id.index()] = State::Int(Int { tensor, scale: 1.0 });
            continue;
        }
        let format = lowering.formats.of(id.index());
        let range = (format.min, format.log_len());
        let tensor = gadgets::input(&mut lowering.builder, &value.name, &value.shape, range, format.scale)?;
        lowering.set_int(id, Int { tensor, scale: format.scale });
    }
    for node in &graph.nodes {
        lowering.builder.set_node(&node.name);
        let state = lowering.node(node).map_err(|error| at(node, error))?;
        match state {
            State::Int(int) => lowering.set_int(node.output, int),
            state => lowering.states[node.output.index()] = state,
        }
    }
    for &id in &graph.outputs {
        let value = graph.value(id);
        lowering.builder.set_node(&value.name);
        let is_whole = value.data().is_some_and(|data| data.iter().all(|x| x.fract() == 0.0));
        let int = if is_whole { lowering.constant_int(id, Some(1.0)) } else { lowering.exact(id) };
        let int = int.map_err(|error| match error {
            Unsupported::Circuit(error) => error.into(),
            Unsupported::Reason(reason) => {
                QuantiseError::Unsupported { node: value.name.clone(), op: "Output".to_owned(), reason }
            }
        })?;
        lowering.builder.output(&value.name, int.tensor, &value.shape, vec![int.scale]);
    }
    Ok(Lowered { builder: lowering.builder, weights: lowering.weights, trace: lowering.trace })
}

fn at(node: &Node, error: Unsupported) -> QuantiseError {
    match error {
        Unsupported::Circuit(error) => error.into(),
        Unsupported::Reason(reason) => {
            let name = match &node.source {
                Some(source) => format!("{} ({source})", node.name),
                None => node.name.clone(),
            };
            QuantiseError::Unsupported { node: name, op: node.op.name().to_owned(), reason }
        }
    }
}

impl Lowering<'_> {
    fn node(&mut self, node: &Node) -> Result<State, Unsupported> {
        match &node.op {
            ModelOp::Conv { .. } => self.conv(node),
            ModelOp::MatMul => self.matmul(node),
            ModelOp::Add => self.add(node, 1.0),
            ModelOp::Sub => self.add(node, -1.0),
            ModelOp::Mul => self.mul(node),
            ModelOp::ReduceSum { axes } => self.reduce_sum(node, axes),
            ModelOp::SumPool { kernel, strides, pads, dilations } => {
                self.sum_pool(node, [*kernel, *strides, *dilations, *pads])
            }
            ModelOp::Unary(function) => self.unary(node, *function),
            ModelOp::MaxPool { kernel, strides, pads, dilations } => {
                self.max_pool(node, [*kernel, *strides, *dilations, *pads])
            }
            ModelOp::ReduceMax { axes } => self.reduce_max(node, axes),
            ModelOp::ArgMax { axis, select_last } => self.argmax(node, *axis, *select_last),
            ModelOp::Sample { temperature, top_k } => self.sample(node, *temperature, *top_k),
            ModelOp::Softmax { axis } => self.softmax(node, *axis),
            ModelOp::Div => self.div(node),
            ModelOp::Normalize { axes, epsilon, centred } => self.normalize(node, axes, f64::from(*epsilon), *centred),
            ModelOp::Embedding => self.embedding(node),
            ModelOp::Quantize { scale, min, max } => self.quantize(node, *scale, [*min, *max]),
            ModelOp::FixedPoint(rule) => self.fixed_point(node, rule),
            ModelOp::Table { min, values } => self.integer_table(node, *min, values),
            ModelOp::Trees { num_trees, depth, num_outputs } => self.trees(node, *num_trees, *depth, *num_outputs),
            ModelOp::Transpose { .. }
            | ModelOp::Reshape
            | ModelOp::Slice { .. }
            | ModelOp::Pad { .. }
            | ModelOp::Concat { .. }
            | ModelOp::Expand
            | ModelOp::ZeroStuff { .. }
            | ModelOp::Gather { .. } => self.wiring(node),
        }
    }

    fn set_int(&mut self, id: ValueId, int: Int) {
        self.trace.insert(id.index(), (self.builder.name(int.tensor).to_owned(), int.scale));
        self.states[id.index()] = State::Int(int);
    }

    fn shape(&self, id: ValueId) -> &[usize] {
        &self.graph.value(id).shape
    }

    fn is_constant(&self, id: ValueId) -> bool {
        self.graph.value(id).constant.is_some()
    }

    fn constant(&self, id: ValueId) -> Option<Cow<'_, [f32]>> {
        self.graph.value(id).data()
    }

    /// The value as an integer tensor, rescaled to its own format where it is a sum.
    fn int(&mut self, id: ValueId) -> Result<Int, Unsupported> {
        let sum = match &self.states[id.index()] {
            State::Int(int) => return Ok(*int),
            State::Sum(sum) => sum.clone(),
            State::Constant => {
                let int = self.constant_int(id, None)?;
                if self.settings.language {
                    self.states[id.index()] = State::Int(int);
                }
                return Ok(int);
            }
            State::Scores(_) => return Err(Unsupported::reason("probabilities that only an average reads")),
            State::Absent => return Err(Unsupported::reason("an operand is not computed before it is used")),
        };
        let name = self.graph.value(id).name.clone();
        let unscaled = match self.virtual_int(&name, &sum)? {
            Some(int) => Some(int),
            None => self.unscaled(&name, &sum)?,
        };
        let int = match unscaled {
            Some(int) => int,
            None => self.settle(&name, sum, self.formats.of(id.index()), self.calibration.magnitude(id.index()))?,
        };
        self.set_int(id, int);
        Ok(int)
    }

    /// The same, of at most 16 bits.
    fn operand(&mut self, id: ValueId) -> Result<Int, Unsupported> {
        let int = self.int(id)?;
        let (lo, hi) = self.builder.range(int.tensor);
        if lo >= -OPERAND && hi < OPERAND {
            return Ok(int);
        }
        if let Some(&narrow) = self.narrow.get(&id.index()) {
            return Ok(narrow);
        }
        let name = format!("{}:narrow", self.graph.value(id).name);
        let sum = Sum::of_tensor(self.shape(id), int, SeparableMap::identity(self.shape(id).len()));
        let magnitude = self.calibration.magnitude(id.index());
        if self.settings.language {
            let int = self.settle(&name, sum, self.formats.narrow(id.index()), magnitude)?;
            self.narrow.insert(id.index(), int);
            return Ok(int);
        }
        let mut format = self.formats.of(id.index());
        if format.max >= OPERAND {
            // An input whose steps were given.
            format = Format::new(magnitude * self.settings.margin, format.min >= 0, self.settings.input_bits);
        }
        let int = self.rescale(&name, sum, None, format, magnitude)?;
        self.set_int(id, int);
        Ok(int)
    }

    /// The value in at most this many bits, up to 24: what a normalisation reads.
    fn limbs(&mut self, id: ValueId, bits: u32) -> Result<Int, Unsupported> {
        let int = self.int(id)?;
        let (lo, hi) = self.builder.range(int.tensor);
        let most = 1 << (bits - 1);
        if lo >= -most && hi < most {
            return Ok(int);
        }
        let name = format!("{}:cut", self.graph.value(id).name);
        let sum = Sum::of_tensor(self.shape(id), int, SeparableMap::identity(self.shape(id).len()));
        let format = self.formats.of(id.index());
        let format = if format.max >= most { self.formats.narrow(id.index()) } else { format };
        self.settle(&name, sum, format, self.calibration.magnitude(id.index()))
    }

    /// The value without any rescale: outputs and scores.
    fn exact(&mut self, id: ValueId) -> Result<Int, Unsupported> {
        let State::Sum(sum) = &self.states[id.index()] else { return self.int(id) };
        let sum = sum.clone();
        let name = self.graph.value(id).name.clone();
        if self.formats.is_whole(id.index()) {
            let int = match self.whole_sum(&name, &sum)? {
                Some(int) => int,
                None => return self.int(id),
            };
            self.set_int(id, int);
            return Ok(int);
        }
        let int = if let Some((x, map, factor)) = sum.single() {
            self.mapped(&name, &sum.shape, x, map, factor)?
        } else {
            let mut unit = (self.calibration.magnitude(id.index()).max(f64::MIN_POSITIVE) / OUTPUT_STEPS).min(sum.finest() / PART_STEPS);
            if self.settings.language || self.settings.wide_weights {
                unit = sum.parts.iter().filter_map(|part| self.layer_step(part)).fold(unit, f64::min);
            }
            let unit = tidy(if unit > f64::from(f32::MIN_POSITIVE) { unit } else { 1.0 });
            Int { tensor: self.emit(&name, sum, unit, 0)?, scale: unit }
        };
        self.set_int(id, int);
        Ok(int)
    }

    /// A sum of whole tensors and numbers as the whole tensor that it is; `None` where a layer or a fraction is in it.
    fn whole_sum(&mut self, name: &str, sum: &Sum) -> Result<Option<Int>, Unsupported> {
        let is_whole = |part: &Part| match part {
            Part::Tensor { factor, channel, .. } => {
                let factors = channel.as_ref().map_or([1.0].as_slice(), |(_, by)| by.as_slice());
                factors.iter().all(|by| (factor * by).fract() == 0.0)
            }
            Part::Layer(_) => false,
        };
        let offsets = sum.offsets.iter().flat_map(|offset| &offset.values);
        if !sum.parts.iter().all(is_whole) || offsets.into_iter().any(|v| v.fract() != 0.0) {
            return Ok(None);
        }
        Ok(Some(Int { tensor: self.emit(name, sum.clone(), 1.0, 0)?, scale: 1.0 }))
    }

    /// The unit that leaves a layer's greatest weight [`OUTPUT_WEIGHT`].
    fn layer_step(&self, part: &Part) -> Option<f64> {
        let Part::Layer(layer) = part else { return None };
        let greatest = layer.weights.greatest(&self.constant(layer.weights.constant)?);
        (greatest > 0.0).then_some(greatest * layer.x.scale / OUTPUT_WEIGHT)
    }

    /// `factor * map(x)` as integers of the scale |factor|.
    fn mapped(
        &mut self,
        name: &str,
        shape: &[usize],
        x: TensorId,
        map: &SeparableMap,
        factor: f64,
    ) -> Result<Int, Unsupported> {
        if map.is_identity() && factor > 0.0 {
            return Ok(Int { tensor: x, scale: factor });
        }
        let term = Term { x, coefficient: if factor > 0.0 { 1 } else { -1 }, map: map.clone() };
        Ok(Int { tensor: self.builder.linear(name, shape, vec![term], Vec::new())?, scale: factor.abs() })
    }

    /// `factor * map(x)` needs no rescale where the mapped integers stay small.
    fn virtual_int(&mut self, name: &str, sum: &Sum) -> Result<Option<Int>, Unsupported> {
        let Some((x, map, factor)) = sum.single() else { return Ok(None) };
        if matches!(self.builder.circuit().tensor(x).op, Op::Mul { .. } | Op::MatMul { .. }) {
            return Ok(None);
        }
        let int = self.mapped(name, &sum.shape, x, map, factor)?;
        let (lo, hi) = self.builder.range(int.tensor);
        Ok((lo >= -OPERAND && hi < OPERAND).then_some(int))
    }

    /// The value as a sum that the caller may extend. A sum that others read too is made a tensor first.
    fn as_sum(&mut self, id: ValueId) -> Result<Sum, Unsupported> {
        if self.uses[id.index()] == 1
            && let State::Sum(sum) = &self.states[id.index()]
        {
            return Ok(sum.clone());
        }
        let int = self.settled(id)?;
        Ok(Sum::of_tensor(self.shape(id), int, SeparableMap::identity(self.shape(id).len())))
    }

    /// An integer tensor for several readers: exact where only outputs, argmax and softmax read it.
    fn settled(&mut self, id: ValueId) -> Result<Int, Unsupported> {
        let scores = self
            .graph
            .nodes
            .iter()
            .filter(|node| node.inputs.contains(&id))
            .all(|node| matches!(node.op, ModelOp::ArgMax { .. } | ModelOp::Softmax { .. }));
        if scores { self.exact(id) } else { self.int(id) }
    }
}
