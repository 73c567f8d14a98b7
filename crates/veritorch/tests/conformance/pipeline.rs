//! From the file to a verified proof.

use veritorch_graph::circuit::Circuit;
use veritorch_graph::model::{ModelGraph, evaluate};
use veritorch_onnx::load_bytes;
use veritorch_prove::{InMemory, Profile, ProvingKey, Silent, prove, verify};
use veritorch_quantise::{QuantiseOptions, Quantised, encode, quantise, run_samples};

use crate::net::{Case, noise};
use crate::tamper::refuses_what_was_touched;

/// Samples of calibration data.
const SAMPLES: usize = 24;
/// Samples on which circuit and float model are compared.
const FRESH: usize = 8;
/// Inputs are in -AMPLITUDE .. AMPLITUDE.
const AMPLITUDE: f32 = 2.0;
/// Greatest error of an output, as a share of its greatest entry or of one half, with narrow (the default) and with wide integers.
const NARROW: f64 = 0.04;
const WIDE: f64 = 0.003;

/// Runs all cases of a family.
pub(crate) fn run(cases: &[Case]) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| case.run().err().map(|failure| format!("{}: {failure}", case.name)))
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

impl Case {
    fn run(&self) -> Result<(), String> {
        let graph = load_bytes(&self.file, None).map_err(|error| format!("import: {error}"))?;
        let wide = QuantiseOptions {
            activation_bits: Some(12),
            input_bits: Some(14),
            residual_bits: Some(12),
            wide_weights: Some(true),
            ..QuantiseOptions::default()
        };
        self.quantised(&graph, &wide, WIDE)?;
        let quantised = self.quantised(&graph, &QuantiseOptions::default(), NARROW)?;
        prove_and_verify(&graph, quantised)
    }

    /// The circuit, which agrees with the float model on samples that calibration did not see.
    fn quantised(&self, graph: &ModelGraph, options: &QuantiseOptions, tolerance: f64) -> Result<Quantised, String> {
        let calibration = samples(graph, SAMPLES, 0);
        let quantised = quantise(graph, &calibration, options).map_err(|error| format!("quantise: {error}"))?;
        quantised.circuit.check().map_err(|error| format!("circuit: {error}"))?;
        let fresh = samples(graph, FRESH, 1);
        let results = run_samples(&quantised.circuit, &quantised.params, &fresh).map_err(|error| format!("run: {error}"))?;
        let (mut wrong, mut entries, mut first) = (0, 0, None);
        for (sample, integer) in results.iter().enumerate() {
            let integer = integer.as_ref().ok_or("run: the circuit refuses a sample")?;
            let one = |data: &Vec<f32>| data[sample * data.len() / FRESH..(sample + 1) * data.len() / FRESH].to_vec();
            let float = evaluate(graph, &fresh.iter().map(one).collect::<Vec<_>>()).map_err(|error| format!("evaluate: {error}"))?;
            for ((port, float), integer) in quantised.circuit.outputs.iter().zip(&float).zip(integer) {
                if float.len() != integer.len() || float.len() != port.shape.iter().product::<usize>() {
                    return Err(format!("output `{}`: {} entries, expected {}", port.name, integer.len(), float.len()));
                }
                let largest = float.iter().fold(0.0, |most: f64, &value| most.max(f64::from(value.abs())));
                for (&float, &integer) in float.iter().zip(integer) {
                    entries += 1;
                    if (f64::from(float) - integer).abs() > tolerance * largest.max(0.5) {
                        wrong += 1;
                        first.get_or_insert(format!("output `{}`: {integer}, expected {float} of {largest}", port.name));
                    }
                }
            }
        }
        // Two entries that are nearly equal may change places.
        let allowed = if self.is_index { entries / 10 } else { 0 };
        match first {
            Some(reason) if wrong > allowed => Err(format!("{wrong} of {entries} entries are off at {tolerance}; {reason}")),
            _ => Ok(quantised),
        }
    }
}

/// Seeded samples for every input of a graph, which reach its whole range.
fn samples(graph: &ModelGraph, count: usize, seed: u64) -> Vec<Vec<f32>> {
    let inputs = graph.inputs.iter().zip(seed * 17..);
    inputs
        .map(|(&id, seed)| {
            let mut data = noise(count * graph.value(id).len(), seed, AMPLITUDE);
            if let [first, .., last] = data.as_mut_slice() {
                (*first, *last) = (AMPLITUDE, -AMPLITUDE);
            }
            data
        })
        .collect()
}

fn integers(circuit: &Circuit, inputs: &[Vec<f32>]) -> Vec<Vec<i64>> {
    circuit.inputs.iter().zip(inputs).map(|(port, data)| encode(circuit, port, data)).collect()
}

/// Proofs of one and of two samples are accepted, and say what the executor computed.
fn prove_and_verify(graph: &ModelGraph, quantised: Quantised) -> Result<(), String> {
    let Quantised { circuit, params, .. } = quantised;
    let key = ProvingKey::setup(circuit, params, Profile::Standard, &Silent).map_err(|error| format!("set-up: {error}"))?;
    for batch in [2, 1] {
        let inputs = integers(&key.vk.circuit, &samples(graph, batch, 2));
        let expected = veritorch_execute::run(&key.vk.circuit.instantiate(batch), &key.params, &inputs)
            .map_err(|error| format!("execute: {error}"))?;
        let proven = prove(&key, &inputs, batch, &InMemory::new(1), &Silent).map_err(|error| format!("prove: {error}"))?;
        if proven.outputs != expected || proven.proof.statement.outputs != expected {
            return Err("the proof states other outputs than the executor's".to_owned());
        }
        let verified = verify(&key.vk, &proven.proof).map_err(|error| format!("verify, batch {batch}: {error}"))?;
        if verified.security.bits < Profile::Standard.target_bits() {
            return Err(format!("{:.1} bits", verified.security.bits));
        }
        if batch == 1 {
            refuses_what_was_touched(&key.vk, &proven.proof)?;
        }
    }
    Ok(())
}
