//! One node test of the ONNX project: a model, inputs, expected outputs.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "test data are compared as floats"
)]

use prost::Message;
use veritorch_graph::model::evaluate;
use veritorch_onnx::{OnnxError, load_bytes};

/// A case as its files' bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Case {
    /// Name of the case's folder.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// `model.onnx`
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) model: Vec<u8>,
    /// `input_K.pb`
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) inputs: Vec<Vec<u8>>,
    /// `output_K.pb`
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(crate) outputs: Vec<Vec<u8>>,
}

/// Cases in one file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Pack {
    /// The cases.
    #[prost(message, repeated, tag = "1")]
    pub(crate) cases: Vec<Case>,
}

/// What became of a case.
pub(crate) enum Outcome {
    /// The expected outputs, with at least one choice of constant inputs; the number of other inputs in the best one.
    Passed(usize),
    /// An error of the importer for every choice.
    Refused(String),
    /// Other outputs than expected, or a broken graph.
    Wrong(String),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

impl Tensor {
    fn numbers(&self) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes
                .as_chunks::<N>()
                .0
                .iter()
                .map(|&chunk| f(chunk))
                .collect()
        }
        let raw = &self.raw_data;
        Some(match self.data_type {
            1 if raw.is_empty() => self.float_data.clone(),
            1 => each(raw, f32::from_le_bytes),
            11 => each(raw, |b| f64::from_le_bytes(b) as f32),
            7 if raw.is_empty() => self.int64_data.iter().map(|&x| x as f32).collect(),
            7 => each(raw, |b| i64::from_le_bytes(b) as f32),
            6 => each(raw, |b| i32::from_le_bytes(b) as f32),
            2 | 9 => each(raw, |b: [u8; 1]| f32::from(b[0])),
            _ => return None,
        })
    }
}

impl Case {
    /// Tries the case with more and more of its last inputs as constants.
    pub(crate) fn run(&self) -> Outcome {
        let count = self.inputs.len();
        let mut refused = None;
        for live in (0..=count).rev() {
            match self.attempt(live) {
                Outcome::Refused(reason) => refused = refused.or(Some(reason)),
                other => return other,
            }
        }
        Outcome::Refused(refused.unwrap_or_default())
    }

    /// Runs the case with the first `live` inputs as inputs and the others as constants.
    pub(crate) fn attempt(&self, live: usize) -> Outcome {
        let mut bytes = self.model.clone();
        for raw in &self.inputs[live..] {
            // messages that occur twice are merged: this adds an initializer to the graph
            bytes.extend(field(7, &field(5, raw)));
        }
        let graph = match load_bytes(&bytes, None) {
            Ok(graph) => graph,
            Err(error @ (OnnxError::Model(_) | OnnxError::ShapeMismatch { .. })) => {
                return Outcome::Wrong(error.to_string());
            }
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let decode = |raw: &Vec<u8>| Tensor::decode(raw.as_slice()).ok();
        let fed: Option<Vec<Vec<f32>>> = self.inputs[..live]
            .iter()
            .map(|raw| decode(raw)?.numbers())
            .collect();
        let Some(fed) = fed else {
            return Outcome::Refused("type of the test data".into());
        };
        let results = match evaluate(&graph, &fed) {
            Ok(results) => results,
            Err(error) => return Outcome::Wrong(error.to_string()),
        };
        for (k, (id, raw)) in graph.outputs.iter().zip(&self.outputs).enumerate() {
            let Some((tensor, expected)) =
                decode(raw).and_then(|tensor| Some((tensor.clone(), tensor.numbers()?)))
            else {
                return Outcome::Refused("type of the test data".into());
            };
            let shape: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
            if graph.value(*id).shape != shape {
                return Outcome::Wrong(format!(
                    "output {k}: {:?}, expected {shape:?}",
                    graph.value(*id).shape
                ));
            }
            for (x, y) in results[k].iter().zip(&expected) {
                // some cases state four digits
                if (x - y).abs() > 1e-4 + 1e-4 * y.abs() {
                    return Outcome::Wrong(format!("output {k}: {x}, expected {y}"));
                }
            }
        }
        Outcome::Passed(live)
    }
}

/// A length-delimited protobuf field.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}
