//! What becomes of a case: imported, quantised, run as integers, compared; or proved and verified too.
//!
//! # The rule
//!
//! A case passes with the greatest number of inputs that are inputs of the circuit; the others become constants of the
//! file, which is how shapes, axes and indices reach an operator.
//!
//! 1. The float model that the importer makes gives the expected outputs, within [`FLOAT_TOLERANCE`] of each output's greatest magnitude.
//! 2. The circuit, quantised with 16-bit activations, inputs and weights and calibrated on the case's own input and on the same
//!    numbers a 32nd smaller, gives outputs within [`TOLERANCE`] of the greatest magnitude: of the expected output, or of the float model's
//!    on the numbers that the circuit's integer inputs stand for. Rounding the inputs is part of a circuit's definition, and some functions are steep.
//! 3. Integers and truth values are exact.
//!
//! Where no input is left, the operator is computed while the model is imported, and rules 1 and 3 hold.

use std::panic::{AssertUnwindSafe, catch_unwind};

use veritorch_graph::model::{ModelGraph, evaluate};
use veritorch_onnx::{OnnxError, load_bytes};
use veritorch_prove::{InMemory, Profile, ProvingKey, Silent, prove, verify};
use veritorch_quantise::{QuantiseError, QuantiseOptions, Quantised, decode, encode, quantise};

use crate::case::{Case, Tensor};

/// Greatest error of an entry of the circuit's output, over the greatest magnitude of the output.
pub(crate) const TOLERANCE: f64 = 1.0 / 256.0;
/// The same of the float model: casts to half precision are not rounded.
pub(crate) const FLOAT_TOLERANCE: f64 = 1.0 / 2048.0;

/// What became of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The expected outputs; so many inputs were inputs of the circuit, of all.
    Passed { live: usize, all: usize },
    /// An error that says why, for every choice of constant inputs; this is the one with all inputs live.
    Refused(String),
    /// Other outputs than expected, a broken graph, or a panic.
    Wrong(String),
}

/// A quantised case with its input.
pub(crate) struct Ready {
    pub(crate) quantised: Quantised,
    pub(crate) inputs: Vec<Vec<f32>>,
}

/// Options of every case.
fn options() -> QuantiseOptions {
    QuantiseOptions {
        activation_bits: Some(16),
        input_bits: Some(16),
        residual_bits: Some(16),
        wide_weights: Some(true),
        ..QuantiseOptions::default()
    }
}

/// Runs a case; the circuit too, where there is one.
pub(crate) fn run(case: &Case) -> (Outcome, Option<Ready>) {
    let mut refused = None;
    let choices = case.choices();
    for live in &choices {
        let attempt = catch_unwind(AssertUnwindSafe(|| attempt(case, live)));
        match attempt.unwrap_or_else(|_| (Outcome::Wrong("panic".to_owned()), None)) {
            (Outcome::Refused(reason), _) => refused = refused.or(Some(reason)),
            other => return other,
        }
    }
    (Outcome::Refused(refused.unwrap_or_default()), None)
}

fn attempt(case: &Case, live: &[bool]) -> (Outcome, Option<Ready>) {
    let refused = |reason: String| (Outcome::Refused(reason), None);
    let wrong = |reason: String| (Outcome::Wrong(reason), None);
    let tensors: Option<Vec<Tensor>> =
        case.inputs.iter().zip(live).filter(|(_, live)| **live).map(|(raw, _)| Tensor::read(raw)).collect();
    let expected: Option<Vec<Tensor>> = case.outputs.iter().map(|raw| Tensor::read(raw)).collect();
    let graph = match load_bytes(&case.file(live), None) {
        Ok(graph) => graph,
        Err(error @ (OnnxError::Model(_) | OnnxError::ShapeMismatch { .. })) => return wrong(error.to_string()),
        Err(error) => return refused(reason_of(&error)),
    };
    let (Some(tensors), Some(expected)) = (tensors, expected) else {
        return refused("strings, sequences, optionals or floats of 8 bits and fewer".to_owned());
    };
    if expected.iter().any(|tensor| tensor.data.iter().any(|x| !x.is_finite())) {
        return refused("the expected output is not finite".to_owned());
    }
    if tensors.iter().any(|tensor| tensor.data.iter().any(|x| !x.is_finite())) {
        return refused("the input is not finite".to_owned());
    }
    let inputs: Vec<Vec<f32>> = tensors.iter().map(|tensor| tensor.data.clone()).collect();
    let passed = Outcome::Passed { live: inputs.len(), all: case.inputs.len() };
    let float = |inputs: &[Vec<f32>]| -> Result<Vec<Vec<f64>>, String> {
        let results = evaluate(&graph, inputs).map_err(|error| error.to_string())?;
        Ok(results.iter().map(|x| x.iter().map(|&x| x.into()).collect()).collect())
    };
    let checked = float(&inputs).and_then(|results| compare(&graph, &results, &expected, FLOAT_TOLERANCE));
    if let Err(reason) = checked {
        return wrong(format!("float model: {reason}"));
    }
    if inputs.is_empty() {
        return (passed, None);
    }
    let mut quantised = quantise(&graph, &calibration(&tensors, true), &options());
    if matches!(quantised, Err(QuantiseError::NotFinite { .. })) {
        // a smaller number may be outside of a function's domain
        quantised = quantise(&graph, &calibration(&tensors, false), &options());
    }
    let quantised = match quantised {
        Ok(quantised) => quantised,
        Err(error @ (QuantiseError::Execute(_) | QuantiseError::Model { .. })) => return wrong(error.to_string()),
        Err(error) => return refused(error.to_string()),
    };
    let circuit = &quantised.circuit;
    let encoded: Vec<Vec<i64>> = circuit.inputs.iter().zip(&inputs).map(|(port, data)| encode(circuit, port, data)).collect();
    let results = match veritorch_execute::run(&circuit.instantiate(1), &quantised.params, &encoded) {
        Ok(results) => circuit.outputs.iter().zip(&results).map(|(port, integers)| decode(port, integers)).collect::<Vec<_>>(),
        Err(error) => return wrong(format!("the circuit refuses its own calibration data: {error}")),
    };
    let Err(reason) = compare(&graph, &results, &expected, TOLERANCE) else {
        return (passed, Some(Ready { quantised, inputs }));
    };
    #[expect(clippy::cast_possible_truncation, reason = "the float model's number type")]
    let rounded: Vec<Vec<f32>> =
        circuit.inputs.iter().zip(&encoded).map(|(port, data)| decode(port, data).iter().map(|&x| x as f32).collect()).collect();
    let near = float(&rounded).and_then(|results| {
        let shapes = expected.iter().zip(results);
        let exact: Vec<Tensor> = shapes
            .map(|(tensor, data)| Tensor { data: data.iter().map(|&x| x as f32).collect(), shape: tensor.shape.clone(), is_whole: tensor.is_whole })
            .collect();
        Ok(exact)
    });
    match near.and_then(|near| compare(&graph, &results, &near, TOLERANCE)) {
        Ok(()) => (passed, Some(Ready { quantised, inputs })),
        Err(_) => wrong(reason),
    }
}

/// The reasons without the nodes' names, which say nothing here.
fn reason_of(error: &OnnxError) -> String {
    match error {
        OnnxError::Unsupported(nodes) => {
            let mut reasons: Vec<String> = nodes.iter().map(|node| format!("{}: {}", node.op, node.reason)).collect();
            reasons.dedup();
            reasons.join("; ")
        }
        OnnxError::Node { op, reason, .. } => format!("{op}: {reason}"),
        other => other.to_string(),
    }
}

/// The case's own input, and its real numbers a 32nd smaller.
fn calibration(inputs: &[Tensor], smaller: bool) -> Vec<Vec<f32>> {
    let scaled = |tensor: &Tensor| -> Vec<f32> {
        let factor = if tensor.is_whole { 1.0 } else { 31.0 / 32.0 };
        tensor.data.iter().map(|x| x * factor).collect()
    };
    inputs.iter().map(|tensor| if smaller { [tensor.data.clone(), scaled(tensor)].concat() } else { tensor.data.clone() }).collect()
}

fn compare(graph: &ModelGraph, results: &[Vec<f64>], expected: &[Tensor], tolerance: f64) -> Result<(), String> {
    for (k, ((id, got), expected)) in graph.outputs.iter().zip(results).zip(expected).enumerate() {
        let shape = &graph.value(*id).shape;
        if *shape != expected.shape {
            return Err(format!("output {k}: shape {shape:?}, expected {:?}", expected.shape));
        }
        let greatest = expected.data.iter().fold(0.0f64, |most, x| most.max(f64::from(x.abs())));
        let allowed = if expected.is_whole { 1e-6 } else { tolerance * greatest.max(1e-6) };
        for (at, (&x, &y)) in got.iter().zip(&expected.data).enumerate() {
            if (x - f64::from(y)).abs() > allowed {
                return Err(format!("output {k}, entry {at}: {x}, expected {y}; the greatest is {greatest}"));
            }
        }
    }
    Ok(())
}

/// Proves the case's own input and verifies the proof.
///
/// # Errors
/// What went wrong.
pub(crate) fn prove_and_verify(ready: Ready) -> Result<(), String> {
    let Ready { quantised: Quantised { circuit, params, .. }, inputs } = ready;
    let key = ProvingKey::setup(circuit, params, Profile::Standard, &Silent).map_err(|error| format!("set-up: {error}"))?;
    let circuit = &key.vk.circuit;
    let inputs: Vec<Vec<i64>> = circuit.inputs.iter().zip(&inputs).map(|(port, data)| encode(circuit, port, data)).collect();
    let proven = prove(&key, &inputs, 1, &InMemory::new(1), &Silent).map_err(|error| format!("prove: {error}"))?;
    let verified = verify(&key.vk, &proven.proof).map_err(|error| format!("verify: {error}"))?;
    if verified.security.bits < Profile::Standard.target_bits() {
        return Err(format!("{:.1} bits", verified.security.bits));
    }
    Ok(())
}
