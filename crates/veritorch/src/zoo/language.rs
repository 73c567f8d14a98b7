//! Language models with random weights: the architectures of checkpoints, their tensors made when they are asked for.
//!
//! Matrices are uniform with variance `1 / fan_in`, vectors are one (weights) or zero (biases), so that activations keep their size.

use std::sync::Arc;

use serde_json::Value;
use veritorch_checkpoint::{Checkpoint, Head, LoadOptions, build};
use veritorch_graph::model::{Element, Stored};

use super::Random;
use crate::{Array, Arrays, Error};

/// Name, configuration and sequence length of each.
const MODELS: [(&str, &str, usize); 2] =
    [("gpt2", include_str!("configs/gpt2.json"), 64), ("llama-1.1b", include_str!("configs/llama-1.1b.json"), 32)];

/// Names of the built-in language models.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, ..)| *name)
}

/// A built-in language model, `None` where there is none of this name; its output are the next ids.
///
/// # Errors
/// The sequence is longer than the architecture's positions.
pub fn language_model(name: &str, seq_len: Option<usize>) -> Option<Result<Checkpoint, Error>> {
    let (name, config, usual) = MODELS.iter().find(|(known, ..)| *known == name)?;
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let options = LoadOptions { head: Head { next_ids: true, ..Head::default() }, ..LoadOptions::new(seq_len.unwrap_or(*usual)) };
    let mut random = Random::new(0x7665_7269);
    Some(build(name, config, &options, Box::new(move |name, shape| tensor(&mut random, name, shape))).map_err(Error::from))
}

/// Numbers of a tensor of a checkpoint, as bfloat16.
fn tensor(random: &mut Random, name: &str, shape: &[usize]) -> Option<Stored> {
    let count: usize = shape.iter().product();
    let bound = match shape {
        [_] => 0.0,
        _ => (3.0 / shape.last().copied().unwrap_or(1) as f32).sqrt(),
    };
    let middle = if shape.len() == 1 && name.ends_with("weight") { 1.0 } else { 0.0 };
    let mut bytes = Vec::with_capacity(2 * count);
    for _ in 0..count {
        let number = if bound > 0.0 { bound * random.uniform() } else { middle };
        bytes.extend(((number.to_bits() >> 16) as u16).to_le_bytes());
    }
    let end = bytes.len();
    Stored::new(Arc::new(bytes), 0..end, Element::Bf16)
}

/// `batch` sequences of ids for a checkpoint's `input_ids`, uniform over its vocabulary, alike for one seed on every machine.
#[must_use]
pub fn random_ids(checkpoint: &Checkpoint, batch: usize, seed: u64) -> Arrays {
    let mut random = Random::new(seed);
    let half = checkpoint.vocabulary as f32 / 2.0;
    let mut id = || (half * (1.0 + random.uniform())).floor().min(checkpoint.vocabulary as f32 - 1.0);
    let inputs = checkpoint.graph.inputs.iter().map(|&input| {
        let value = checkpoint.graph.value(input);
        let shape = [&[batch], value.shape.as_slice()].concat();
        (value.name.clone(), Array { data: (0..batch * value.len()).map(|_| id()).collect(), shape })
    });
    inputs.collect()
}
