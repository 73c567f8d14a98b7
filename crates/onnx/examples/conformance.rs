//! Runs the node tests of the ONNX project against the importer and the reference evaluator.
//!
//! `cargo run -p veritorch-onnx --example conformance -- FOLDER [FILTER]`, where `FOLDER` holds one folder per case with
//! `model.onnx` and `test_data_set_0/{input,output}_K.pb`. A case passes where some choice of which inputs are constants
//! loads and gives the expected outputs.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "comparison of test data in floats"
)]

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message;
use veritorch_graph::model::evaluate;
use veritorch_onnx::{OnnxError, load_bytes};

#[derive(Clone, PartialEq, prost::Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
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

/// A length-delimited field.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

enum Outcome {
    Passed,
    Refused(String),
    Wrong(String),
}

fn attempt(
    model: &[u8],
    inputs: &[(Vec<u8>, Tensor)],
    outputs: &[Tensor],
    baked: &[bool],
) -> Outcome {
    let mut bytes = model.to_vec();
    for ((raw, _), _) in inputs.iter().zip(baked).filter(|(_, baked)| **baked) {
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
    let fed: Option<Vec<Vec<f32>>> = inputs
        .iter()
        .zip(baked)
        .filter(|(_, baked)| !**baked)
        .map(|((_, tensor), _)| tensor.numbers())
        .collect();
    let Some(fed) = fed else {
        return Outcome::Refused("type of the test data".into());
    };
    let results = match evaluate(&graph, &fed) {
        Ok(results) => results,
        Err(error) => return Outcome::Wrong(error.to_string()),
    };
    for (k, (id, tensor)) in graph.outputs.iter().zip(outputs).enumerate() {
        let Some(expected) = tensor.numbers() else {
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
            if (x - y).abs() > 1e-5 + 1e-4 * y.abs() {
                return Outcome::Wrong(format!("output {k}: {x}, expected {y}"));
            }
        }
    }
    Outcome::Passed
}

fn read(folder: &Path, kind: &str) -> Vec<(Vec<u8>, Tensor)> {
    (0..)
        .map_while(|k| std::fs::read(folder.join(format!("test_data_set_0/{kind}_{k}.pb"))).ok())
        .map(|bytes| {
            let tensor = Tensor::decode(bytes.as_slice()).unwrap_or_default();
            (bytes, tensor)
        })
        .collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let filter = arguments.next().unwrap_or_default();
    let mut cases: Vec<_> = std::fs::read_dir(&folder)
        .expect("a readable folder")
        .filter_map(Result::ok)
        .map(|e| e.path())
        .collect();
    cases.sort();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases
        .iter()
        .filter(|case| case.to_string_lossy().contains(&filter))
    {
        let Ok(model) = std::fs::read(case.join("model.onnx")) else {
            continue;
        };
        let inputs = read(case, "input");
        let outputs: Vec<Tensor> = read(case, "output")
            .into_iter()
            .map(|(_, tensor)| tensor)
            .collect();
        let count = inputs.len();
        let mut last = Outcome::Refused(String::new());
        let mut wrong = false;
        for live in (0..=count).rev() {
            let baked: Vec<bool> = (0..count).map(|k| k >= live).collect();
            match attempt(&model, &inputs, &outputs, &baked) {
                Outcome::Refused(reason) if !matches!(last, Outcome::Refused(ref old) if !old.is_empty()) =>
                {
                    last = Outcome::Refused(reason);
                }
                Outcome::Refused(_) => {}
                Outcome::Wrong(reason) => {
                    last = Outcome::Wrong(reason);
                    wrong = true;
                    break;
                }
                Outcome::Passed => {
                    last = Outcome::Passed;
                    if live <= 1 {
                        break;
                    }
                }
            }
        }
        let name = case
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let word = match &last {
            Outcome::Passed => "passed",
            Outcome::Refused(reason) => {
                println!("refused {name}: {}", reason.replace('\n', " "));
                "refused"
            }
            Outcome::Wrong(reason) => {
                println!("WRONG {name}: {}", reason.replace('\n', " "));
                "wrong"
            }
        };
        debug_assert_eq!(wrong, word == "wrong");
        *counts.entry(word).or_default() += 1;
    }
    println!("{counts:?}");
}
