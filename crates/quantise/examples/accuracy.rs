//! Accuracy of quantised models on real images: `cargo run --release --example accuracy -- DATA_FOLDER [NAME..]`.
//! Options stand among the names: `bits=9`, `input=12`, `residual=8`, `margin=125` (per
//! cent), `wide`, `tighten`, `quick` (the test images only), `calibrate` (no test
//! images at all), `print` (the circuit).
//!
//! Calibrates on the training images, then compares float and integer results on test images, their flips and
//! shifts by one pixel. `DATA_FOLDER` has the folders `cifar10-resnet20`, `cifar10-vgg16`, `cifar10-test` and `mnist`.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use veritorch_graph::model::ModelGraph;
use veritorch_quantise::{Quantised, QuantiseOptions, float_outputs, quantise, run_samples};

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Images {
    /// One `Vec<f32>` of CHW data per image.
    data: Vec<Vec<f32>>,
    labels: Vec<usize>,
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: accuracy DATA_FOLDER [NAME..]")?);
    let (flags, names): (Vec<String>, Vec<String>) = arguments
        .partition(|a| a.contains('=') || ["wide", "tighten", "quick", "calibrate", "print"].contains(&a.as_str()));
    let flag = |name: &str| flags.iter().any(|f| f == name);
    let number = |name: &str| flags.iter().find_map(|f| f.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    let options = QuantiseOptions {
        activation_bits: number("bits"),
        input_bits: number("input"),
        residual_bits: number("residual"),
        margin: number("margin").map(|percent: u32| f64::from(percent) / 100.0),
        wide_weights: flag("wide").then_some(true),
        tighten: flag("tighten"),
        ..QuantiseOptions::default()
    };
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    let cifar = folder.join("cifar10-test");
    let imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let cifar_norm = ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]);
    for (name, file, (mean, std)) in [
        ("resnet20", "cifar10-resnet20/resnet20.onnx", imagenet),
        ("vgg16", "cifar10-vgg16/vgg16.onnx", cifar_norm),
    ] {
        if !wanted(name) {
            continue;
        }
        let calibration = records(&cifar.join("cifar10_train_256_for_calibration.bin"))?;
        let test = records(&cifar.join("cifar10_test_first1000.bin"))?;
        let graph = veritorch_onnx::load(&folder.join(file))?;
        let normalise = |image: &[f32]| -> Vec<f32> {
            image.iter().enumerate().map(|(i, v)| (v / 255.0 - mean[i / 1024]) / std[i / 1024]).collect()
        };
        let quantised = compile(name, &graph, &calibration, normalise, &options)?;
        if flag("print") {
            println!("{}", quantised.circuit);
        }
        if flag("calibrate") {
            continue;
        }
        compare("images", &graph, &quantised, &test, normalise)?;
        if flag("quick") {
            continue;
        }
        for (variant, moved) in [
            ("flipped", &(|x: usize, y: usize| Some((31 - x, y))) as &dyn Fn(usize, usize) -> Option<(usize, usize)>),
            ("left", &|x, y| (x < 31).then_some((x + 1, y))),
            ("right", &|x: usize, y| x.checked_sub(1).map(|x| (x, y))),
            ("up", &|x, y| (y < 31).then_some((x, y + 1))),
            ("down", &|x, y: usize| y.checked_sub(1).map(|y| (x, y))),
        ] {
            compare(variant, &graph, &quantised, &transform(&test, moved), normalise)?;
        }
    }
    for (name, file, factor) in [("mnist-cnn", "cntk_mnist_opset8.onnx", 1.0), ("mnist-mlp", "vnncomp_mlp_256x2.onnx", 255.0)] {
        if !wanted(name) {
            continue;
        }
        let all = mnist(&folder.join("mnist"))?;
        let graph = veritorch_onnx::load(&folder.join("mnist").join(file))?;
        let split = |from: usize, to: usize| Images { data: all.data[from..to].to_vec(), labels: all.labels[from..to].to_vec() };
        let normalise = |image: &[f32]| -> Vec<f32> { image.iter().map(|v| v / factor).collect() };
        let quantised = compile(name, &graph, &split(0, 100), normalise, &options)?;
        if flag("print") {
            println!("{}", quantised.circuit);
        }
        compare("images", &graph, &quantised, &split(100, all.data.len()), normalise)?;
    }
    Ok(())
}

fn compile(
    name: &str,
    graph: &ModelGraph,
    images: &Images,
    normalise: impl Fn(&[f32]) -> Vec<f32>,
    options: &QuantiseOptions,
) -> Outcome<Quantised> {
    let start = Instant::now();
    let samples: Vec<f32> = images.data.iter().flat_map(|image| normalise(image)).collect();
    let options = QuantiseOptions {
        labels: Some(images.labels.clone()),
        node_errors: true,
        ..options.clone()
    };
    let quantised = quantise(graph, &[samples], &options)?;
    println!("== {name}: {:.1} s, digest {}", start.elapsed().as_secs_f64(), quantised.circuit.digest());
    let circuit = &quantised.circuit;
    println!("{} tensors, {} constraints, {} tables", circuit.tensors.len(), circuit.constraints.len(), circuit.tables.len());
    println!("{}", quantised.report);
    Ok(quantised)
}

fn compare(
    what: &str,
    graph: &ModelGraph,
    quantised: &Quantised,
    images: &Images,
    normalise: impl Fn(&[f32]) -> Vec<f32>,
) -> Outcome<()> {
    let start = Instant::now();
    let samples: Vec<f32> = images.data.iter().flat_map(|image| normalise(image)).collect();
    let float = float_outputs(graph, std::slice::from_ref(&samples))?;
    let float_time = start.elapsed().as_secs_f64();
    let integer = run_samples(&quantised.circuit, &quantised.params, &[samples])?;
    let classes = float[0].len() / images.labels.len();
    let (mut float_right, mut right, mut agree, mut refused) = (0, 0, 0, 0);
    for (index, &label) in images.labels.iter().enumerate() {
        let expected = largest(float[0][index * classes..(index + 1) * classes].iter().map(|&v| f64::from(v)));
        float_right += usize::from(expected == label);
        match &integer[index] {
            Some(outputs) => {
                let class = largest(outputs[0].iter().copied());
                right += usize::from(class == label);
                agree += usize::from(class == expected);
            }
            None => refused += 1,
        }
    }
    let percent = |n: usize| 100.0 * n as f64 / images.labels.len() as f64;
    println!(
        "{what:8} {} images: float {:.2} %, integer {:.2} %, agreement {:.2} %, {refused} refused ({float_time:.1} s + {:.1} s)",
        images.labels.len(),
        percent(float_right),
        percent(right),
        percent(agree),
        start.elapsed().as_secs_f64() - float_time
    );
    Ok(())
}

fn largest(values: impl Iterator<Item = f64>) -> usize {
    values.enumerate().fold((0, f64::NEG_INFINITY), |best, (i, v)| if v > best.1 { (i, v) } else { best }).0
}

fn records(path: &Path) -> Outcome<Images> {
    let bytes = std::fs::read(path)?;
    let records = bytes.chunks_exact(3073);
    Ok(Images {
        data: records.clone().map(|record| record[1..].iter().map(|&v| f32::from(v)).collect()).collect(),
        labels: records.map(|record| usize::from(record[0])).collect(),
    })
}

/// Pixels that come from outside repeat nothing: they are black.
fn transform(images: &Images, source: &dyn Fn(usize, usize) -> Option<(usize, usize)>) -> Images {
    let one = |image: &Vec<f32>| {
        (0..3072)
            .map(|i| source(i % 32, i / 32 % 32).map_or(0.0, |(x, y)| image[i / 1024 * 1024 + y * 32 + x]))
            .collect()
    };
    Images { data: images.data.iter().map(one).collect(), labels: images.labels.clone() }
}

fn mnist(folder: &Path) -> Outcome<Images> {
    let read = |name: &str| -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(folder.join(name))?).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let (images, labels) = (read("t10k-images-idx3-ubyte.gz")?, read("t10k-labels-idx1-ubyte.gz")?);
    Ok(Images {
        data: images[16..].chunks_exact(784).map(|image| image.iter().map(|&v| f32::from(v)).collect()).collect(),
        labels: labels[8..].iter().map(|&v| usize::from(v)).collect(),
    })
}
