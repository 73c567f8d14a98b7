//! Architectures built in code with seeded random weights, for measurements without a model file.
//!
//! Weights are He-initialised, `w ~ U(-a, a)` with `a = sqrt(6 / fan_in)`, so that activations keep their size
//! through the depth; a proof's cost does not depend on the values.

mod language;
mod mlp;
mod mnist_cnn;
mod network;
mod resnet18;
mod resnet20;
mod vgg16;

use veritorch_graph::model::{ModelGraph, passes};

use crate::{Array, Arrays, Error};
pub use language::{language_model, random_ids};
pub(crate) use network::Random;

type Build = fn() -> ModelGraph;

const MODELS: [(&str, Build); 5] = [
    ("mlp", mlp::build),
    ("mnist-cnn", mnist_cnn::build),
    ("resnet18-cifar", resnet18::build),
    ("resnet20-cifar", resnet20::build),
    ("vgg16-cifar", vgg16::build),
];

/// Names of the built-in models.
#[must_use]
pub fn names() -> Vec<&'static str> {
    MODELS.iter().map(|(name, _)| *name).chain(language::names()).collect()
}

/// A built-in model, [language models](language_model) aside.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::Model`] never.
pub fn model(name: &str) -> Result<ModelGraph, Error> {
    match MODELS.iter().find(|(known, _)| *known == name) {
        Some((_, build)) => {
            let mut graph = build();
            passes::optimise(&mut graph)?;
            Ok(graph)
        }
        None => Err(Error::UnknownModel {
            name: name.to_owned(),
            known: names().into_iter().map(str::to_owned).collect(),
        }),
    }
}

/// `batch` samples of uniform noise in `[-1, 1)` for every input of a model, alike for one seed on every machine.
#[must_use]
pub fn noise(graph: &ModelGraph, batch: usize, seed: u64) -> Arrays {
    let mut random = Random::new(seed);
    graph
        .inputs
        .iter()
        .map(|&id| {
            let value = graph.value(id);
            let shape = [&[batch], value.shape.as_slice()].concat();
            let data = (0..batch * value.len()).map(|_| random.uniform()).collect();
            (value.name.clone(), Array { shape, data })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use veritorch_graph::model::Constant;

    use super::*;

    fn parameters(graph: &ModelGraph) -> usize {
        graph.values.iter().filter_map(|value| value.constant.as_ref()).map(Constant::len).sum()
    }

    #[test]
    fn models_are_sound_and_as_large_as_their_names_promise() {
        for (name, least, most) in [
            ("mlp", 101_000, 102_000),
            ("mnist-cnn", 5_900, 6_100),
            ("resnet18-cifar", 11_100_000, 11_300_000),
            ("resnet20-cifar", 268_000, 273_000),
            ("vgg16-cifar", 15_200_000, 15_300_000),
        ] {
            let graph = model(name).unwrap();
            graph.check().unwrap();
            let count = parameters(&graph);
            assert!((least..=most).contains(&count), "{name} has {count} parameters");
            assert_eq!(graph.outputs.len(), 1);
            assert_eq!(graph.value(graph.outputs[0]).shape, [1, 10]);
        }
        assert!(matches!(model("lenet"), Err(Error::UnknownModel { known, .. }) if known.len() == 7));
    }

    #[test]
    fn small_models_give_outputs_of_a_sane_size() {
        for name in ["mlp", "mnist-cnn", "resnet20-cifar"] {
            let graph = model(name).unwrap();
            let inputs: Vec<Vec<f32>> = noise(&graph, 1, 7).into_values().map(|array| array.data).collect();
            let outputs = veritorch_graph::model::evaluate(&graph, &inputs).unwrap();
            let largest = outputs[0].iter().fold(0f32, |most, value| most.max(value.abs()));
            assert!((0.01..100.0).contains(&largest), "{name}: {largest}");
        }
    }

    #[test]
    fn noise_is_alike_on_every_machine() {
        let graph = model("mlp").unwrap();
        let (a, b) = (noise(&graph, 2, 1), noise(&graph, 2, 1));
        assert_eq!(a, b);
        assert_ne!(a, noise(&graph, 2, 2));
        // SplitMix64 from 1 begins with 0x910a2dec89025cc1
        assert_eq!(a["x"].data[0], 0x0091_0a2d as f32 / (1u32 << 23) as f32 - 1.0);
    }
}
