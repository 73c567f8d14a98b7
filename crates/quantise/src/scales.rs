//! Integer formats: one scale per tensor, shared by tensors that are only wired together.
//!
//! `real = integer * scale`, symmetric (zero is zero). A group's scale is its greatest calibrated magnitude over the
//! greatest integer; tensors that are never negative by construction are unsigned.

use std::collections::BTreeMap;

use veritorch_graph::model::{ModelGraph, ModelOp, Node, UnaryFn, ValueId};

use crate::InputSteps;
use crate::calibrate::Calibration;
use crate::options::{MOST_BITS, Settings};
use crate::whole::{MOST, whole};

/// Integers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Format {
    /// Real value of 1.
    pub(crate) scale: f64,
    /// Least integer.
    pub(crate) min: i64,
    /// Greatest integer.
    pub(crate) max: i64,
}

impl Format {
    /// `bits`-bit integers whose greatest stands for `magnitude`.
    pub(crate) fn new(magnitude: f64, unsigned: bool, bits: u32) -> Self {
        let (min, max) = if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
        let magnitude = if magnitude > 0.0 { magnitude } else { 1.0 };
        Self { scale: tidy(magnitude / max as f64), min, max }
    }

    /// `bits`-bit signed integers with a power of two for a scale, so that products of activations need no multiplier and layers share
    /// their tables: the nearest to the one whose greatest integer stands for `magnitude`, and one that holds `least`.
    pub(crate) fn binary(magnitude: f64, least: f64, bits: u32) -> Self {
        let max = ((1i64 << (bits - 1)) - 1) as f64;
        let log = |magnitude: f64| libm::log2(if magnitude > 0.0 { magnitude } else { 1.0 } / max);
        let scale = libm::exp2(log(magnitude).round().max(log(least).ceil()));
        Self { scale, min: -(1 << (bits - 1)), max: (1 << (bits - 1)) - 1 }
    }

    /// The smallest integers of scale 1 that hold numbers up to `magnitude`.
    fn whole(magnitude: f64, unsigned: bool) -> Self {
        let bound = (magnitude.ceil() as i64).clamp(1, 1 << 23) as u64 + 1;
        let end = bound.next_power_of_two() as i64;
        Self { scale: 1.0, min: if unsigned { 0 } else { -end }, max: end - 1 }
    }

    /// The smallest integers, from 4 bits on, that hold these steps and numbers up to `magnitude` where no range is given.
    pub(crate) fn of_steps(steps: InputSteps, magnitude: f64, unsigned: bool) -> Self {
        let InputSteps { scale, range } = steps;
        let reach = ((magnitude / scale).ceil() as i64).clamp(1, (1 << 31) - 1);
        let (low, high) = range.unwrap_or((if unsigned { 0 } else { -reach }, reach));
        let bits = |fits: &dyn Fn(u32) -> bool| (4..=32).find(|&bits| fits(bits)).unwrap_or(32);
        let (min, max) = if low >= 0 {
            (0, (1 << bits(&|bits| high < 1 << bits)) - 1)
        } else {
            let half = 1 << (bits(&|bits| -(1 << (bits - 1)) <= low && high < 1 << (bits - 1)) - 1);
            (-half, half - 1)
        };
        Self { scale, min, max }
    }

    /// The nearest integer, halves away from zero, saturated.
    pub(crate) fn encode(&self, real: f64) -> i64 {
        let rounded = (real / self.scale).round();
        // Saturates by `as`, then by the format.
        (rounded as i64).clamp(self.min, self.max)
    }

    /// Logarithm of the number of integers.
    pub(crate) fn log_len(&self) -> u32 {
        (self.max - self.min + 1).ilog2()
    }
}

/// Keeps 20 significant bits, so that scales do not carry rounding noise.
pub(crate) fn tidy(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    f64::from_bits((x.to_bits() + (1 << 32)) & !((1 << 33) - 1))
}

/// Formats of all values.
pub(crate) struct Formats {
    formats: Vec<Format>,
    /// Values that keep the scale 1.
    whole: Vec<bool>,
}

/// Least ratio of the greatest integer to what calibration saw.
pub(crate) const LEAST_ROOM: f64 = 1.0625;
/// Bits that factors of attention scores have above other activations: an error of a score is a relative error of a
/// probability, and scores are large.
const SCORE_BITS: u32 = 2;
/// A seed is given in whole numbers below this.
const SEED_WORD: usize = 1 << 16;
/// Share of a typical magnitude that a step of a residual value may be, where 16 bits are to do.
const RESIDUAL_STEP: f64 = 1.0 / 256.0;

impl Formats {
    pub(crate) fn choose(graph: &ModelGraph, calibration: &Calibration, settings: &Settings) -> Self {
        let groups = group(graph);
        let unsigned = if settings.language { vec![false; graph.values.len()] } else { never_negative(graph, calibration) };
        let count = graph.values.len();
        let (mut magnitude, mut is_unsigned, mut bits) = (vec![0.0f64; count], vec![true; count], vec![0u32; count]);
        let value_bits = &settings.options.value_bits;
        for index in (0..count).filter(|&index| graph.values[index].constant.is_none()) {
            let root = groups[index];
            magnitude[root] = magnitude[root].max(calibration.magnitude(index));
            is_unsigned[root] &= unsigned[index];
            let own = value_bits.get(&graph.values[index].name).copied();
            bits[root] = bits[root].max(own.unwrap_or(settings.activation_bits));
        }
        // What is compared with thresholds.
        for node in graph.nodes.iter().filter(|node| matches!(node.op, ModelOp::Trees { .. })) {
            let root = groups[node.inputs[0].index()];
            bits[root] = bits[root].max(16);
        }
        for &id in &graph.inputs {
            let root = groups[id.index()];
            let own = value_bits.get(&graph.value(id).name).copied();
            bits[root] = bits[root].max(own.unwrap_or(settings.input_bits));
        }
        let seen = magnitude.clone();
        // Inputs are cut at encoding by definition; what is computed from them may reach further than calibration saw.
        let input_roots: Vec<usize> = graph.inputs.iter().map(|id| groups[id.index()]).collect();
        for root in (0..count).filter(|root| !input_roots.contains(root)) {
            magnitude[root] *= settings.margin;
        }
        for (root, bound) in normalised(graph, &groups) {
            magnitude[root] = magnitude[root].min(bound);
        }
        let widest = graph.nodes.iter().filter_map(|node| row_bits(graph, node)).fold(MOST_BITS, u32::min);
        for value in residual(graph, settings.language) {
            let root = groups[value];
            if value_bits.contains_key(&graph.values[value].name) {
                continue;
            }
            let wanted = settings.residual_bits.unwrap_or_else(|| {
                let step = Format::binary(magnitude[root], seen[root], settings.activation_bits).scale;
                let is_fine = step <= calibration.typical(value) * RESIDUAL_STEP;
                if is_fine { settings.activation_bits } else { widest }
            });
            bits[root] = bits[root].max(wanted);
        }
        if settings.language {
            for value in score_factors(graph) {
                let root = groups[value];
                if !value_bits.contains_key(&graph.values[value].name) && !input_roots.contains(&root) {
                    bits[root] = bits[root].max(settings.activation_bits + SCORE_BITS);
                }
            }
        }
        let mut formats: Vec<Format> = (0..count)
            .map(|index| {
                let (root, bits) = (groups[index], bits[groups[index]].max(4));
                if settings.language {
                    let room = if input_roots.contains(&root) { 1.0 } else { LEAST_ROOM };
                    Format::binary(magnitude[root], seen[root] * room, bits)
                } else {
                    Format::new(magnitude[root], is_unsigned[root], bits)
                }
            })
            .collect();
        for &id in &graph.inputs {
            let root = groups[id.index()];
            let alone = graph.inputs.iter().filter(|other| groups[other.index()] == root).count() == 1;
            if alone
                && calibration.is_bytes(id.index())
                && magnitude[root] == calibration.magnitude(id.index())
                && !value_bits.contains_key(&graph.value(id).name)
            {
                let bytes = Format::new(magnitude[root], true, 8);
                (0..count).filter(|&index| groups[index] == root).for_each(|index| formats[index] = bytes);
            }
        }
        if let Some(steps) = settings.options.input_steps {
            for root in input_roots {
                let format = Format::of_steps(steps, magnitude[root], is_unsigned[root]);
                (0..count).filter(|&index| groups[index] == root).for_each(|index| formats[index] = format);
            }
        }
        let whole = kept_whole(graph, &groups, &magnitude);
        for index in (0..count).filter(|&index| whole[index]) {
            let root = groups[index];
            formats[index] = Format::whole(magnitude[root], is_unsigned[root] || (settings.language && calibration.min(root) >= 0.0));
        }
        for (root, rows) in ids(graph, &groups) {
            let whole = Format { scale: 1.0, min: 0, max: rows.next_power_of_two().max(2) as i64 - 1 };
            (0..count).filter(|&index| groups[index] == root).for_each(|index| formats[index] = whole);
        }
        for node in &graph.nodes {
            if let ModelOp::Quantize { scale, min, max } = node.op {
                let root = groups[node.inputs[0].index()];
                let kept = Format { scale: scale.into(), min: min.into(), max: max.into() };
                (0..count).filter(|&index| groups[index] == root).for_each(|index| formats[index] = kept);
            }
        }
        Self { formats, whole }
    }

    /// Whether the value holds whole numbers, at scale 1.
    pub(crate) fn is_whole(&self, value: usize) -> bool {
        self.whole[value]
    }

    pub(crate) fn of(&self, value: usize) -> Format {
        self.formats[value]
    }

    /// The value's format cut to 16 bits, what linear layers and products read.
    pub(crate) fn narrow(&self, value: usize) -> Format {
        let format = self.formats[value];
        let excess = format.log_len().saturating_sub(16);
        Format { scale: format.scale * f64::from(1u32 << excess), min: format.min >> excess, max: format.max >> excess }
    }
}

/// Values of whole numbers whose group holds nothing else and stays small.
fn kept_whole(graph: &ModelGraph, groups: &[usize], magnitude: &[f64]) -> Vec<bool> {
    let whole = whole(graph);
    let mut kept: Vec<bool> = (0..groups.len()).map(|index| magnitude[groups[index]] <= MOST).collect();
    for index in (0..groups.len()).filter(|&index| graph.values[index].constant.is_none() && !whole[index]) {
        kept[groups[index]] = false;
    }
    (0..groups.len()).map(|index| graph.values[index].constant.is_none() && kept[groups[index]]).collect()
}

/// Groups of normalised values alone, by root, with the bound that holds for them whatever the input: the root of a row's length.
fn normalised(graph: &ModelGraph, groups: &[usize]) -> BTreeMap<usize, f64> {
    let mut bounds: BTreeMap<usize, f64> =
        graph.inputs.iter().map(|id| (groups[id.index()], f64::INFINITY)).collect();
    for node in &graph.nodes {
        let root = groups[node.output.index()];
        match &node.op {
            ModelOp::Normalize { axes, .. } => {
                let shape = &graph.value(node.output).shape;
                let len: usize = axes.iter().map(|&axis| shape[axis]).product();
                let bound = bounds.entry(root).or_insert(0.0f64);
                *bound = bound.max((len as f64).sqrt());
            }
            op if keeps_integers(op) => {}
            _ => {
                bounds.insert(root, f64::INFINITY);
            }
        }
    }
    bounds
}

/// Most bits of the values that a normalisation reads: the sum of squares of a row stays below 2^54, whose root and its
/// reciprocal fit the field together. `None` for other operators.
pub(crate) fn row_bits(graph: &ModelGraph, node: &Node) -> Option<u32> {
    let ModelOp::Normalize { axes, .. } = &node.op else { return None };
    let shape = &graph.value(node.output).shape;
    let len: usize = axes.iter().map(|&axis| shape[axis]).product();
    let log_len = len.next_power_of_two().ilog2();
    Some((53u32.saturating_sub(log_len) / 2 + 1).min(MOST_BITS))
}

/// Roots of the groups that hold token ids, with the rows of their (smallest) table, and those of seeds, with what a word of theirs stays below.
fn ids(graph: &ModelGraph, groups: &[usize]) -> BTreeMap<usize, usize> {
    let mut ids = BTreeMap::new();
    for node in graph.nodes.iter().filter(|node| node.op == ModelOp::Embedding) {
        let rows = graph.value(node.inputs[0]).shape[0];
        let least = ids.entry(groups[node.inputs[1].index()]).or_insert(rows);
        *least = rows.min(*least);
    }
    for node in graph.nodes.iter().filter(|node| matches!(node.op, ModelOp::Sample { .. })) {
        ids.entry(groups[node.inputs[1].index()]).or_insert(SEED_WORD);
    }
    ids
}

/// The first input that holds token ids.
pub(crate) fn token_ids(graph: &ModelGraph) -> Option<usize> {
    let groups = group(graph);
    let ids = ids(graph, &groups);
    graph.inputs.iter().position(|id| ids.contains_key(&groups[id.index()]))
}

/// Union-find over wiring: the root of each value's group.
fn group(graph: &ModelGraph) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..graph.values.len()).collect();
    fn find(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for node in &graph.nodes {
        if !keeps_integers(&node.op) {
            continue;
        }
        for operand in node.inputs.iter().filter(|&&id| graph.value(id).constant.is_none()) {
            let (a, b) = (find(&mut parent, operand.index()), find(&mut parent, node.output.index()));
            // The smaller index becomes the root, whatever the order of the nodes.
            parent[a.max(b)] = a.min(b);
        }
    }
    (0..graph.values.len()).map(|at| find(&mut parent, at)).collect()
}

/// Whether the result's integers are the operand's: wiring, and the greater of two.
fn keeps_integers(op: &ModelOp) -> bool {
    op.is_wiring() || matches!(op, ModelOp::MaxPool { .. } | ModelOp::ReduceMax { .. })
}

/// Factors of products that a softmax reads, back to the linear layers that they come from: rotations are sums of products with
/// constants.
fn score_factors(graph: &ModelGraph) -> Vec<usize> {
    let producer = |id: ValueId| graph.nodes.iter().find(|node| node.output == id);
    let is_constant = |id: &ValueId| graph.value(*id).constant.is_some();
    let mut factors = Vec::new();
    for softmax in graph.nodes.iter().filter(|node| matches!(node.op, ModelOp::Softmax { .. })) {
        let mut at = softmax.inputs[0];
        let product = loop {
            let Some(node) = producer(at) else { break None };
            match node.op {
                ModelOp::MatMul => break (!node.inputs.iter().any(is_constant)).then_some(node),
                ModelOp::Mul | ModelOp::Add if node.inputs.iter().any(is_constant) => {
                    at = node.inputs[usize::from(is_constant(&node.inputs[0]))];
                }
                ref op if keeps_integers(op) => at = node.inputs[0],
                _ => break None,
            }
        };
        let mut pending: Vec<ValueId> = product.map_or_else(Vec::new, |node| node.inputs.clone());
        while let Some(id) = pending.pop() {
            if is_constant(&id) || factors.contains(&id.index()) {
                continue;
            }
            factors.push(id.index());
            if let Some(node) = producer(id)
                && (keeps_integers(&node.op)
                    || matches!(node.op, ModelOp::Add | ModelOp::Sub)
                    || (node.op == ModelOp::Mul && node.inputs.iter().any(is_constant)))
            {
                pending.extend(&node.inputs);
            }
        }
    }
    factors
}

/// Values that are added to others as they are: their error is carried along, layer after layer. In language models also sums
/// that are only normalised.
fn residual(graph: &ModelGraph, language: bool) -> Vec<usize> {
    let uses = crate::prepare::count_uses(graph);
    let is_dynamic = |id: &ValueId| graph.value(*id).constant.is_none();
    // A linear layer that only the sum reads is not rounded before it.
    let is_pending = |id: &ValueId| {
        uses[id.index()] == 1
            && graph.nodes.iter().any(|node| {
                node.output == *id
                    && matches!(
                        node.op,
                        ModelOp::Conv { .. } | ModelOp::MatMul | ModelOp::Add | ModelOp::Sub | ModelOp::Mul
                    )
            })
    };
    graph
        .nodes
        .iter()
        .flat_map(|node| match node.op {
            ModelOp::Add | ModelOp::Sub if node.inputs.iter().all(is_dynamic) => {
                node.inputs.iter().filter(|&id| !is_pending(id)).collect()
            }
            ModelOp::Normalize { .. } if language => vec![&node.inputs[0]],
            _ => Vec::new(),
        })
        .map(|id| id.index())
        .collect()
}

/// Values that cannot be negative for any input.
fn never_negative(graph: &ModelGraph, calibration: &Calibration) -> Vec<bool> {
    let mut result: Vec<bool> = graph
        .values
        .iter()
        .map(|value| value.data().is_some_and(|data| data.iter().all(|&v| v >= 0.0)))
        .collect();
    for &id in &graph.inputs {
        // An input saturates at encoding: what calibration never shows below zero is cut there.
        result[id.index()] = calibration.min(id.index()) >= 0.0;
    }
    for node in &graph.nodes {
        let all = node.inputs.iter().all(|id| result[id.index()]);
        result[node.output.index()] = match &node.op {
            ModelOp::Unary(function) => match *function {
                UnaryFn::Relu
                | UnaryFn::Sigmoid
                | UnaryFn::HardSigmoid { .. }
                | UnaryFn::Softplus
                | UnaryFn::Exp
                | UnaryFn::Sqrt
                | UnaryFn::Abs
                | UnaryFn::Acos
                | UnaryFn::Cosh
                | UnaryFn::Acosh
                | UnaryFn::Positive
                | UnaryFn::NonNegative
                | UnaryFn::Zero => true,
                UnaryFn::Mod { divisor, truncated } => if truncated { all } else { divisor > 0.0 },
                UnaryFn::ThresholdedRelu { alpha } => all || alpha >= 0.0,
                UnaryFn::Shrink { bias, lambd } => all && bias <= lambd,
                UnaryFn::Clip { min, .. } => min >= 0.0 || all,
                UnaryFn::Log | UnaryFn::Sin | UnaryFn::Cos | UnaryFn::Tan => false,
                UnaryFn::LeakyRelu { .. }
                | UnaryFn::Tanh
                | UnaryFn::HardSwish
                | UnaryFn::Elu { .. }
                | UnaryFn::Gelu
                | UnaryFn::GeluTanh
                | UnaryFn::Silu
                | UnaryFn::Erf
                | UnaryFn::Reciprocal
                | UnaryFn::Pow { .. }
                | UnaryFn::Asin
                | UnaryFn::Atan
                | UnaryFn::Sinh
                | UnaryFn::Asinh
                | UnaryFn::Atanh
                | UnaryFn::Floor
                | UnaryFn::Ceil
                | UnaryFn::Round
                | UnaryFn::Truncate
                | UnaryFn::Sign => all,
            },
            ModelOp::Softmax { .. } | ModelOp::ArgMax { .. } | ModelOp::Sample { .. } => true,
            ModelOp::Pad { value, .. } => all && *value >= 0.0,
            ModelOp::Sub | ModelOp::Normalize { .. } => false,
            ModelOp::Quantize { min, .. } => *min >= 0,
            ModelOp::FixedPoint(rule) => rule.min >= 0,
            ModelOp::Table { values, .. } => values.iter().all(|&v| v >= 0),
            _ => all,
        };
    }
    result
}
