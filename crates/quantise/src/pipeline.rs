//! From the float model to the circuit: calibrate, lower, measure, and raise bits until the target is met.

use std::collections::BTreeSet;

use veritorch_execute::Params;
use veritorch_graph::circuit::Circuit;
use veritorch_graph::model::ModelGraph;

use crate::calibrate::Calibration;
use crate::lower::{Lowered, lower};
use crate::measure::{Measured, run_samples};
use crate::measure::NODE_SAMPLES;
use crate::options::{MOST_BITS, Settings};
use crate::prepare::prepare;
use crate::report::{NodeReport, OutputReport, QuantisationReport, RefusalReport, argmax};
use crate::scales::token_ids;
use crate::{QuantiseError, QuantiseOptions, Target, count_samples};

/// Bits of activations at which the search gives up.
const FINEST: u32 = 14;

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
    let mut settings = Settings::new(&graph, options);
    let mut ranges = Calibration::run(&graph, calibration)?;
    let search = Search { graph: &graph, inputs: calibration };
    let mut wide = BTreeSet::new();
    if options.tighten {
        search.tighten(&mut ranges, &settings)?;
    }
    let mut attempt = search.attempt(&ranges, &settings, &wide)?;
    while !search.meets(&attempt, options) {
        if !search.raise(&attempt, &mut settings, &mut wide)? {
            return Err(search.missed(&attempt, &settings));
        }
        attempt = search.attempt(&ranges, &settings, &wide)?;
    }
    if options.saturate
        && let Some(RefusalReport { node, tensor, excess }) = attempt.quantised.report.refusals.first().cloned()
    {
        return Err(QuantiseError::NotTotal { node, tensor, excess });
    }
    if options.node_errors {
        attempt.quantised.report.nodes = search.nodes(&attempt)?;
    }
    if let Some(data) = &options.held_out {
        let Quantised { circuit, params, .. } = &attempt.quantised;
        let measured = Measured { graph: &graph, circuit, params, trace: &attempt.trace, inputs: data };
        attempt.quantised.report.held_out = Some(measured.held_out()?);
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
        settings: &Settings,
        wide: &BTreeSet<String>,
    ) -> Result<Attempt, QuantiseError> {
        let Lowered { builder, mut weights, trace } = lower(self.graph, ranges, settings, wide)?;
        let options = &settings.options;
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
        let planes = circuit.params.iter().map(|param| weights.remove(&param.name).unwrap_or_default()).collect();
        let params = Params::from_planes(circuit.params.clone(), planes)?;
        let results = run_samples(&circuit, &params, self.inputs)?;
        let ids = token_ids(self.graph).and_then(|index| self.inputs.get(index)).map(Vec::as_slice);
        let outputs = circuit
            .outputs
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let integer: Vec<Option<&[f64]>> =
                    results.iter().map(|sample| sample.as_ref().map(|outputs| outputs[index].as_slice())).collect();
                let row = port.shape.last().copied().unwrap_or(1);
                OutputReport::compare(&port.name, row, &ranges.outputs[index], &integer, ids)
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
            held_out: None,
            total: refusals.is_empty(),
            refusals,
            headroom,
            activation_bits: settings.activation_bits,
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

    fn missed(&self, attempt: &Attempt, settings: &Settings) -> QuantiseError {
        let report = &attempt.quantised.report;
        let (measure, reached, target) = match settings.options.target {
            Target::AccuracyLoss(loss) => {
                ("accuracy", report.accuracy.unwrap_or(0.0), report.float_accuracy.unwrap_or(0.0) - loss)
            }
            Target::Accuracy(target) => ("accuracy", report.accuracy.unwrap_or(0.0), target),
            Target::Agreement(target) => ("agreement", report.agreement(), target),
            Target::Drift(target) => ("one minus drift", 1.0 - report.drift(), 1.0 - target),
            Target::None => ("nothing", 0.0, 0.0),
        };
        QuantiseError::Target { measure: measure.to_owned(), reached, target, bits: settings.activation_bits }
    }

    fn nodes(&self, attempt: &Attempt) -> Result<Vec<NodeReport>, QuantiseError> {
        let samples = attempt.quantised.report.samples.min(NODE_SAMPLES);
        let Quantised { circuit, params, .. } = &attempt.quantised;
        Measured { graph: self.graph, circuit, params, trace: &attempt.trace, inputs: self.inputs }.node_errors(samples)
    }

    /// Gives bits to the values where the error grows most, then to all; then weights of two bytes; false at the end of the
    /// road. Language models have 16 bits from the start: residual values of 24 bits, then less room above calibration.
    fn raise(
        &self,
        attempt: &Attempt,
        settings: &mut Settings,
        wide: &mut BTreeSet<String>,
    ) -> Result<bool, QuantiseError> {
        if settings.language && settings.activation_bits > FINEST {
            if settings.residual_bits.is_none_or(|bits| bits < MOST_BITS) {
                settings.residual_bits = Some(MOST_BITS);
                return Ok(true);
            }
            settings.margin /= 2.0;
            return Ok(settings.margin >= 1.0);
        }
        let value_bits = &mut settings.options.value_bits;
        if value_bits.len() < self.graph.nodes.len() / 2 {
            let mut nodes: Vec<NodeReport> = self.nodes(attempt)?;
            nodes.retain(|node| {
                value_bits.get(&node.name).copied().unwrap_or(settings.activation_bits) < FINEST
                    && !self.graph.outputs.iter().any(|&id| self.graph.value(id).name == node.name)
            });
            nodes.sort_by(|a, b| b.drift.total_cmp(&a.drift).then_with(|| a.name.cmp(&b.name)));
            let share = (nodes.len() / 4).max(1);
            if !nodes.is_empty() {
                for node in nodes.into_iter().take(share) {
                    let bits = value_bits.get(&node.name).copied().unwrap_or(settings.activation_bits);
                    value_bits.insert(node.name, bits + 2);
                }
                return Ok(true);
            }
        }
        if settings.activation_bits + 2 <= FINEST {
            settings.activation_bits += 2;
            settings.input_bits = settings.input_bits.max(settings.activation_bits + 2).min(16);
            value_bits.retain(|_, bits| *bits > settings.activation_bits);
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
    fn tighten(&self, ranges: &mut Calibration, settings: &Settings) -> Result<(), QuantiseError> {
        let wide = BTreeSet::new();
        let first = self.attempt(ranges, settings, &wide)?;
        let mut best = first.quantised.report.drift();
        for (value, _, _) in first.trace {
            for factor in [0.8, 0.6] {
                let mut trial = ranges.clone();
                trial.tighten(value, ranges.magnitude(value) * factor);
                let drift = self.attempt(&trial, settings, &wide)?.quantised.report.drift();
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
