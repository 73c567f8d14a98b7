//! Compares the reference evaluator with another runtime's outputs.
//!
//! `cargo run -p veritorch-onnx --example reference -- MODEL.onnx REFERENCE.npz [PRINT]`, where the `.npz` holds `inputs`
//! and `outputs` (or the model's own names), leading axis = samples.

use std::fs::File;
use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use veritorch_graph::model::evaluate;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("a model is missing")?;
    let reference = arguments.next().ok_or("a reference is missing")?;
    let graph = match veritorch_onnx::load(Path::new(&model)) {
        Ok(graph) => graph,
        Err(error) => {
            println!("error: {error}\nhint: {}", error.hint().unwrap_or_default());
            return Err("the model does not load".into());
        }
    };
    if arguments.next().is_some() {
        println!("{graph}");
    }
    let mut npz = NpzReader::new(File::open(reference)?)?;
    let names = npz.names()?;
    println!("{names:?}");
    let mut array = |wanted: &[&str]| -> Result<ArrayD<f32>, Box<dyn std::error::Error>> {
        let name = names
            .iter()
            .find(|name| wanted.contains(&name.trim_end_matches(".npy")))
            .ok_or("an array is missing")?;
        Ok(npz.by_name(name)?)
    };
    let inputs = array(&["inputs", "input", "x", &graph.value(graph.inputs[0]).name])?;
    let outputs = array(&[
        "outputs",
        "output",
        "y",
        "logits",
        &graph.value(graph.outputs[0]).name,
    ])?;
    let mut worst = 0f32;
    for k in 0..inputs.len_of(Axis(0)) {
        let x: Vec<f32> = inputs.index_axis(Axis(0), k).iter().copied().collect();
        let expected: Vec<f32> = outputs.index_axis(Axis(0), k).iter().copied().collect();
        let y = &evaluate(&graph, &[x])?[0];
        assert_eq!(y.len(), expected.len());
        for (a, b) in y.iter().zip(&expected) {
            worst = worst.max((a - b).abs() / (1.0 + b.abs()));
        }
    }
    println!("{} nodes, worst difference {worst:e}", graph.nodes.len());
    Ok(())
}
