//! One node test of the ONNX project: a model, inputs, expected outputs, as its files' bytes.
#![expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test data are compared as floats")]

use std::collections::BTreeSet;

use prost::Message;
use veritorch_graph::model::{bfloat16, half};

/// A case.
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

#[derive(Clone, PartialEq, prost::Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Function>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Function {
    #[prost(message, repeated, tag = "7")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Node {
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(string, tag = "7")]
    domain: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawTensor {
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

/// Numbers of an input or of an expected output.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f32>,
    /// Whether the file's type is an integer or a truth value.
    pub(crate) is_whole: bool,
}

impl Tensor {
    /// `None` for strings, sequences, optionals and types of 8 bits and fewer that are no integers.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let raw = RawTensor::decode(bytes).ok()?;
        let shape: Vec<usize> = raw.dims.iter().map(|&d| d as usize).collect();
        let data = raw.numbers()?;
        let count = shape.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
        (count == Some(data.len())).then_some(Self { shape, data, is_whole: ![1, 10, 11, 16].contains(&raw.data_type) })
    }
}

impl RawTensor {
    fn numbers(&self) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|&chunk| f(chunk)).collect()
        }
        let raw = &self.raw_data;
        let small = || self.int32_data.iter().map(|&x| x as f32).collect();
        Some(match self.data_type {
            1 if raw.is_empty() => self.float_data.clone(),
            1 => each(raw, f32::from_le_bytes),
            11 => each(raw, |b| f64::from_le_bytes(b) as f32),
            7 if raw.is_empty() => self.int64_data.iter().map(|&x| x as f32).collect(),
            2 | 3 | 4 | 5 | 6 | 9 if raw.is_empty() => small(),
            7 => each(raw, |b| i64::from_le_bytes(b) as f32),
            13 => each(raw, |b| u64::from_le_bytes(b) as f32),
            6 => each(raw, |b| i32::from_le_bytes(b) as f32),
            12 => each(raw, |b| u32::from_le_bytes(b) as f32),
            5 => each(raw, |b| i16::from_le_bytes(b).into()),
            4 => each(raw, |b| u16::from_le_bytes(b).into()),
            3 => each(raw, |b: [u8; 1]| f32::from(b[0] as i8)),
            2 | 9 => each(raw, |b: [u8; 1]| f32::from(b[0])),
            10 => each(raw, |b| half(u16::from_le_bytes(b))),
            16 => each(raw, |b| bfloat16(u16::from_le_bytes(b))),
            _ => return None,
        })
    }
}

impl Case {
    /// Operators of the file's nodes, those of another domain than ONNX's with its name.
    pub(crate) fn operators(&self) -> BTreeSet<String> {
        let model = Model::decode(self.model.as_slice()).unwrap_or_default();
        let nodes = model.graph.into_iter().flat_map(|graph| graph.nodes);
        nodes
            .chain(model.functions.into_iter().flat_map(|function| function.nodes))
            .map(|node| if node.domain.is_empty() { node.op_type } else { format!("{}.{}", node.domain, node.op_type) })
            .collect()
    }

    /// The file with the inputs that are not `live` as constants of the graph.
    pub(crate) fn file(&self, live: &[bool]) -> Vec<u8> {
        let mut bytes = self.model.clone();
        for (raw, _) in self.inputs.iter().zip(live).filter(|(_, live)| !**live) {
            // messages that occur twice are merged: this adds an initializer to the graph
            bytes.extend(field(7, &field(5, raw)));
        }
        bytes
    }

    /// Which inputs to leave live: all, then fewer and fewer.
    pub(crate) fn choices(&self) -> Vec<Vec<bool>> {
        let count = self.inputs.len();
        let mut choices: Vec<Vec<bool>> = if count <= 4 {
            (0..1usize << count).rev().map(|set| (0..count).map(|k| set >> (count - 1 - k) & 1 == 1).collect()).collect()
        } else {
            (0..=count).rev().map(|live| (0..count).map(|k| k < live).collect()).collect()
        };
        choices.sort_by_key(|live| live.iter().filter(|live| !**live).count());
        choices
    }
}

/// A length-delimited protobuf field.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}
