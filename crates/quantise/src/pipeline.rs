//! From the float model to the circuit: calibrate, lower, measure, and raise bits until the target is met.

use std::collections::BTreeSet;

use veritorch_execute::Params;
use veritorch_graph::circuit::Circuit;
use veritorch_graph::model::ModelGraph;

use crate::calibrate::Calibration;
use crate::lower::{Lowered, lower};
use crate::measure::{argmax, compare, node_errors, run_samples};
use crate::prepare::prepare;
use crate::report::{NodeReport, QuantisationReport, RefusalReport};
use crate::{QuantiseError, QuantiseOptions, Target, count_samples};

/// Samples on which errors of nodes are measured.
const NODE_SAMPLES: usize = 16;
/// Bits of activations at which the search gives up.
const MOST_BITS: u32 = 14;

/// A quantised model.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The integer graph.
    pub circuit: Circuit,
    /// Its weights.
    pub params: Params,
    /// How near it is to the float model.
    pub report: QuantisationReport,
}

/// One attempt: a circuit with what was measured on it.
struct Attempt {
    quantised: Quantised,
    trace: Vec<(usize, String, f64)>,
}

/// Quantises a model.
///
/// `calibration[i]` holds samples of the model's input i one after the other, row-major in the input's shape. The same
/// model, data and options give the same circuit on every machine.
///
/// # Errors
/// Options out of range; calibration data that is empty, of another layout, or not finite; a value of the model that is not
/// finite; a combination of operators that has no lowering, naming the node; a value that can leave the field's safe
/// range; a target that cannot be met; a node that refuses inputs where none may.
pub fn quantise(
    graph: &ModelGraph,
    calibration: &[Vec<f32>],
    options: &QuantiseOptions,
) -> Result<Quantised, QuantiseError> {
    let samples = count_samples(graph, calibration)?;
    options.check(samples)?;
    let graph = prepare(graph)?;
    let mut ranges = Calibration::run(&graph, calibration)?;
    let search = Search { graph: &graph, inputs: calibration };
    let mut options = options.clone();
    let mut wide = BTreeSet::new();
    if options.tighten {
        search.tighten(&mut ranges, &options)?;
    }
    let mut attempt = search.attempt(&ranges, &options, &wide)?;
    while !search.meets(&attempt, &options) {
        if !search.raise(&attempt, &mut options, &mut wide)? {
            return Err(search.missed(&attempt, &options));
        }
        attempt = search.attempt(&ranges, &options, &wide)?;
    }
    if options.saturate
        && let Some(RefusalReport { node, tensor, excess }) = attempt.quantised.report.refusals.first().cloned()
    {
        return Err(QuantiseError::NotTotal { node, tensor, excess });
    }
    if options.node_errors {
        attempt.quantised.report.nodes = search.nodes(&attempt)?;
    }
    Ok(attempt.quantised)
}

struct Search<'a> {
    graph: &'a ModelGraph,
    inputs: &'a [Vec<f32>],
}

impl Search<'_> {
    /// Lowers and measures.
    fn attempt(
        &self,
        ranges: &Calibration,
        options: &QuantiseOptions,
        wide: &BTreeSet<String>,
    ) -> Result<Attempt, QuantiseError> {
        let Lowered { builder, mut weights, trace } = lower(self.graph, ranges, options, wide)?;
        let refusals: Vec<RefusalReport> = builder
            .refusals()
            .iter()
            .map(|refusal| RefusalReport {
                node: refusal.node.clone(),
                tensor: refusal.tensor.clone(),
                excess: excess(refusal.reachable, refusal.domain),
            })
            .collect();
        let headroom = builder.headroom();
        let circuit = builder.finish()?;
        let values: Vec<Vec<i64>> =
            circuit.params.iter().map(|param| weights.remove(&param.name).unwrap_or_default()).collect();
        let params = Params::from_values(&circuit.params, &values)?;
        drop(values);
        let results = run_samples(&circuit, &params, self.inputs)?;
        let outputs = circuit
            .outputs
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let integer: Vec<Option<&[f64]>> =
                    results.iter().map(|sample| sample.as_ref().map(|outputs| outputs[index].as_slice())).collect();
                compare(&port.name, port.shape.last().copied().unwrap_or(1), &ranges.outputs[index], &integer)
            })
            .collect();
        let accuracy = |class: &dyn Fn(usize) -> Option<usize>| {
            let labels = options.labels.as_ref()?;
            let met = labels.iter().enumerate().filter(|&(sample, &label)| class(sample) == Some(label)).count();
            Some(met as f64 / labels.len() as f64)
        };
        let float: Vec<f64> = ranges.outputs.first().map(|data| data.iter().map(|&v| f64::from(v)).collect()).unwrap_or_default();
        let len = float.len() / results.len().max(1);
        let report = QuantisationReport {
            samples: results.len(),
            float_accuracy: accuracy(&|sample| Some(class(&float[sample * len..(sample + 1) * len]))),
            accuracy: accuracy(&|sample| results[sample].as_ref().map(|outputs| class(&outputs[0]))),
            refused: results.iter().filter(|result| result.is_none()).count(),
            outputs,
            nodes: Vec::new(),
            total: refusals.is_empty(),
            refusals,
            headroom,
            activation_bits: options.activation_bits,
            raised: options.value_bits.iter().map(|(name, &bits)| (name.clone(), bits)).collect(),
            wide_weights: wide.iter().cloned().collect(),
        };
        let trace = trace.into_iter().map(|(value, (name, scale))| (value, name, scale)).collect();
        Ok(Attempt { quantised: Quantised { circuit, params, report }, trace })
    }

    fn meets(&self, attempt: &Attempt, options: &QuantiseOptions) -> bool {
        let report = &attempt.quantised.report;
        let accuracy = report.accuracy.unwrap_or(0.0);
        match options.target {
            Target::None => true,
            Target::AccuracyLoss(loss) => accuracy >= report.float_accuracy.unwrap_or(0.0) - loss - 1e-12,
            Target::Accuracy(target) => accuracy >= target - 1e-12,
            Target::Agreement(target) => report.agreement() >= target - 1e-12,
            Target::Drift(target) => report.drift() <= target,
        }
    }

    fn missed(&self, attempt: &Attempt, options: &QuantiseOptions) -> QuantiseError {
        let report = &attempt.quantised.report;
        let (measure, reached, target) = match options.target {
            Target::AccuracyLoss(loss) => {
                ("accuracy", report.accuracy.unwrap_or(0.0), report.float_accuracy.unwrap_or(0.0) - loss)
            }
            Target::Accuracy(target) => ("accuracy", report.accuracy.unwrap_or(0.0), target),
            Target::Agreement(target) => ("agreement", report.agreement(), target),
            Target::Drift(target) => ("one minus drift", 1.0 - report.drift(), 1.0 - target),
            Target::None => ("nothing", 0.0, 0.0),
        };
        QuantiseError::Target { measure: measure.to_owned(), reached, target, bits: options.activation_bits }
    }

    fn nodes(&self, attempt: &Attempt) -> Result<Vec<NodeReport>, QuantiseError> {
        let samples = attempt.quantised.report.samples.min(NODE_SAMPLES);
        let Quantised { circuit, params, .. } = &attempt.quantised;
        node_errors(self.graph, circuit, params, &attempt.trace, self.inputs, samples)
    }

    /// Gives bits to the values where the error grows most, then to all; then weights of two bytes; false at the end of the road.
    fn raise(
        &self,
        attempt: &Attempt,
        options: &mut QuantiseOptions,
        wide: &mut BTreeSet<String>,
    ) -> Result<bool, QuantiseError> {
        if options.value_bits.len() < self.graph.nodes.len() / 2 {
            let mut nodes: Vec<NodeReport> = self.nodes(attempt)?;
            nodes.retain(|node| {
                options.value_bits.get(&node.name).copied().unwrap_or(options.activation_bits) < MOST_BITS
                    && !self.graph.outputs.iter().any(|&id| self.graph.value(id).name == node.name)
            });
            nodes.sort_by(|a, b| b.drift.total_cmp(&a.drift).then_with(|| a.name.cmp(&b.name)));
            let share = (nodes.len() / 4).max(1);
            if !nodes.is_empty() {
                for node in nodes.into_iter().take(share) {
                    let bits = options.value_bits.get(&node.name).copied().unwrap_or(options.activation_bits);
                    options.value_bits.insert(node.name, bits + 2);
                }
                return Ok(true);
            }
        }
        if options.activation_bits + 2 <= MOST_BITS {
            options.activation_bits += 2;
            options.input_bits = options.input_bits.max(options.activation_bits + 2).min(16);
            options.value_bits.retain(|_, bits| *bits > options.activation_bits);
            return Ok(true);
        }
        let before = wide.len();
        wide.extend(
            self.graph
                .nodes
                .iter()
                .filter_map(|node| node.inputs.get(1))
                .filter(|&&id| self.graph.value(id).constant.is_some())
                .map(|&id| self.graph.value(id).name.clone()),
        );
        Ok(wide.len() > before)
    }

    /// Tries tighter ranges, one value at a time in the order of the graph, and keeps what lowers the drift.
    fn tighten(&self, ranges: &mut Calibration, options: &QuantiseOptions) -> Result<(), QuantiseError> {
        let wide = BTreeSet::new();
        let first = self.attempt(ranges, options, &wide)?;
        let mut best = first.quantised.report.drift();
        for (value, _, _) in first.trace {
            for factor in [0.8, 0.6] {
                let mut trial = ranges.clone();
                trial.tighten(value, ranges.magnitude(value) * factor);
                let drift = self.attempt(&trial, options, &wide)?.quantised.report.drift();
                if drift >= best * 0.99 {
                    break;
                }
                best = drift;
                *ranges = trial;
            }
        }
        Ok(())
    }
}

/// Class of a sample: the output itself where it is an index, else its greatest entry.
fn class(output: &[f64]) -> usize {
    match output {
        [index] => *index as usize,
        scores => argmax(scores),
    }
}

/// How far a range leaves a domain, as a ratio of magnitudes.
fn excess(reachable: (i64, i64), domain: (i64, i64)) -> f64 {
    let above = reachable.1 as f64 / (domain.1.max(1)) as f64;
    let below = if domain.0 < 0 { reachable.0 as f64 / domain.0 as f64 } else { 0.0 };
    above.max(below)
}
