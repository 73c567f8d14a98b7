//! Compares the reference evaluator with another runtime's outputs.
//!
//! `cargo run -p veritorch-onnx --example reference -- [--print] [--axis NAME=N] [--fix INPUT=NUMBER] MODEL.onnx
//! REFERENCE.npz ...`, where the `.npz` holds `in0`, `in1`, .. and `out0`, .. of one sample, or `input` and `output` with
//! samples on the leading axis.

use std::fs::File;
use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use veritorch_graph::model::{ModelGraph, evaluate};
use veritorch_onnx::{ImportOptions, load_with};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut print = false;
    let mut given = ImportOptions::default();
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut assignment = || -> Result<(String, String), Failure> {
            let text = arguments.next().unwrap_or_default();
            let (name, value) = text.rsplit_once('=').ok_or("expected NAME=VALUE")?;
            Ok((name.to_owned(), value.to_owned()))
        };
        match argument.as_str() {
            "--print" => print = true,
            "--axis" => {
                let (name, value) = assignment()?;
                given.axes.insert(name, value.parse()?);
            }
            "--fix" => {
                let (name, value) = assignment()?;
                given.fixed_inputs.insert(name, value.parse()?);
            }
            _ => files.push(argument),
        }
    }
    for pair in files.chunks_exact(2) {
        for keep_unoptimised in [true, false] {
            let options = ImportOptions {
                keep_unoptimised,
                ..given.clone()
            };
            let graph = match load_with(Path::new(&pair[0]), &options) {
                Ok(graph) => graph,
                Err(error) => {
                    println!(
                        "{}: error: {error}\n  hint: {}",
                        pair[0],
                        error.hint().unwrap_or_default()
                    );
                    break;
                }
            };
            if print {
                println!("{graph}");
            }
            match compare(&graph, &pair[1]) {
                Ok(worst) => {
                    let word = if worst < 1e-4 { "good" } else { "BAD" };
                    println!(
                        "{word} {}: {} nodes, worst difference {worst:e}",
                        pair[0],
                        graph.nodes.len()
                    );
                }
                Err(error) => println!("BAD {}: {error}", pair[0]),
            }
        }
    }
    Ok(())
}

fn compare(graph: &ModelGraph, reference: &str) -> Result<f32, Failure> {
    let mut npz = NpzReader::new(File::open(reference)?)?;
    let names: Vec<String> = npz
        .names()?
        .iter()
        .map(|name| name.trim_end_matches(".npy").to_owned())
        .collect();
    let mut array =
        |name: &str| -> Result<ArrayD<f32>, Failure> { Ok(npz.by_name(&format!("{name}.npy"))?) };
    if names.iter().any(|name| name == "in0") {
        let inputs = (0..graph.inputs.len())
            .map(|k| array(&format!("in{k}")))
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = (0..graph.outputs.len())
            .map(|k| array(&format!("out{k}")))
            .collect::<Result<Vec<_>, _>>()?;
        for (id, output) in graph.outputs.iter().zip(&outputs) {
            if graph.value(*id).shape != output.shape() {
                return Err(format!(
                    "{:?}, expected {:?}",
                    graph.value(*id).shape,
                    output.shape()
                )
                .into());
            }
        }
        let inputs: Vec<Vec<f32>> = inputs
            .into_iter()
            .map(|x| x.iter().copied().collect())
            .collect();
        let results = evaluate(graph, &inputs)?;
        return Ok(results
            .iter()
            .zip(&outputs)
            .map(|(y, expected)| difference(y, expected.iter()))
            .fold(0.0, f32::max));
    }
    let (inputs, outputs) = (array("input")?, array("output")?);
    let mut worst = 0f32;
    for k in 0..inputs.len_of(Axis(0)) {
        let x: Vec<f32> = inputs.index_axis(Axis(0), k).iter().copied().collect();
        let y = &evaluate(graph, &[x])?[0];
        worst = worst.max(difference(y, outputs.index_axis(Axis(0), k).iter()));
    }
    Ok(worst)
}

fn difference<'a>(y: &[f32], expected: impl Iterator<Item = &'a f32>) -> f32 {
    let mut expected = expected.peekable();
    let worst = y
        .iter()
        .zip(expected.by_ref())
        .map(|(a, b)| (a - b).abs() / (1.0 + b.abs()))
        .fold(0.0, f32::max);
    if expected.peek().is_some() {
        f32::INFINITY
    } else {
        worst
    }
}
