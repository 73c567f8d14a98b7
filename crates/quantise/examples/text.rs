//! Quality of a quantised LLaMA: `cargo run --release --example text -- MODEL CALIBRATION HELD_OUT [OPTION..]`.
//! `MODEL` is in the format of llama2.c (version 0); the other two hold token ids, a line of 64 per text. Options: `margin=200` (per
//! cent), `bits=14`, `residual=24`, `print` (the circuit), `nodes` (the error of every value),
//! `weights` (ranges of integer weights).
//!
//! Calibrates on the first texts and compares float and integer logits on the others: agreement of the likeliest token, drift,
//! perplexity of both, and what the circuit costs.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use veritorch_graph::circuit::{Constraint, Op};
use veritorch_graph::model::{ModelGraph, ModelOp, Node, UnaryFn, Value, ValueId};
use veritorch_quantise::{OutputReport, QuantiseOptions, float_outputs, quantise, run_samples};

const TOKENS: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, calibration, held_out, flags @ ..] = arguments.as_slice() else {
        return Err("usage: text MODEL CALIBRATION HELD_OUT [OPTION..]".into());
    };
    let flag = |name: &str| flags.iter().any(|f| f == name);
    let number = |name: &str| flags.iter().find_map(|f| f.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok());
    let graph = llama(&std::fs::read(model)?)?;
    let (calibration, held_out) = (ids(calibration)?, ids(held_out)?);
    let options = QuantiseOptions {
        activation_bits: number("bits"),
        residual_bits: number("residual"),
        margin: number("margin").map(|percent| f64::from(percent) / 100.0),
        node_errors: flag("nodes"),
        ..QuantiseOptions::default()
    };
    let start = Instant::now();
    let quantised = quantise(&graph, &[calibration], &options)?;
    println!("quantised in {:.1} s\n{}", start.elapsed().as_secs_f64(), quantised.report);
    if flag("print") {
        println!("{}", quantised.circuit);
    }
    let float = float_outputs(&graph, std::slice::from_ref(&held_out))?.remove(0);
    let integer = run_samples(&quantised.circuit, &quantised.params, std::slice::from_ref(&held_out))?;
    let rows: Vec<Option<&[f64]>> = integer.iter().map(|outputs| outputs.as_ref().map(|outputs| outputs[0].as_slice())).collect();
    let vocabulary = float.len() / held_out.len();
    println!("held out: {:#?}", OutputReport::compare("logits", vocabulary, &float, &rows, Some(&held_out)));

    let circuit = &quantised.circuit;
    let mut costs: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for constraint in &circuit.constraints {
        if let Constraint::Lookup { columns, .. } = constraint {
            let tensor = circuit.tensor(columns[0]);
            costs.entry(&tensor.node).or_default()[0] += tensor.len();
        }
    }
    for tensor in circuit.tensors.iter().filter(|tensor| tensor.op.is_hint() || matches!(tensor.op, Op::Input { .. })) {
        costs.entry(&tensor.node).or_default()[1] += tensor.len();
    }
    let total = costs.values().fold([0, 0], |sum, cost| [sum[0] + cost[0], sum[1] + cost[1]]);
    if flag("weights") {
        for (index, info) in circuit.params.iter().enumerate() {
            println!("  {:24} {:?} in {:?}", info.name, info.shape, quantised.params.bounds(index));
        }
    }
    println!("{} lookups, {} committed cells, {} tensors", total[0], total[1], circuit.tensors.len());
    for (node, [lookups, cells]) in costs {
        println!("  {node:24} {lookups:8} {cells:8}");
    }
    Ok(())
}

fn ids(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}

/// A graph under construction.
#[derive(Default)]
struct Net(ModelGraph);

impl Net {
    fn value(&mut self, name: &str, shape: &[usize], constant: Option<Vec<f32>>) -> ValueId {
        let id = ValueId(u32::try_from(self.0.values.len()).unwrap_or(u32::MAX));
        self.0.values.push(Value { name: name.to_owned(), shape: shape.to_vec(), constant: constant.map(Into::into) });
        id
    }

    fn node(&mut self, name: &str, op: ModelOp, inputs: &[ValueId], shape: &[usize]) -> ValueId {
        let output = self.value(name, shape, None);
        self.0.nodes.push(Node { name: name.to_owned(), op, inputs: inputs.to_vec(), output, source: None });
        output
    }
}

/// The model over 64 tokens: ids `[64]` to logits `[64, vocabulary]`.
fn llama(bytes: &[u8]) -> Result<ModelGraph, Box<dyn Error>> {
    let words: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|word| word.try_into()).collect::<Result<_, _>>()?;
    let header: Vec<usize> = words.iter().take(7).map(|&word| i32::from_le_bytes(word).unsigned_abs() as usize).collect();
    let [dim, hidden, layers, heads, kv_heads, vocabulary, _] = header[..] else { return Err("the file is too short".into()) };
    let mut rest = words[7..].iter().map(|&word| f32::from_le_bytes(word));
    let mut take = |count: usize, len: usize| -> Vec<Vec<f32>> { (0..count).map(|_| rest.by_ref().take(len).collect()).collect() };
    let (head, kv) = (dim / heads, dim / heads * kv_heads);
    let embedding = take(1, vocabulary * dim).remove(0);
    let norm1 = take(layers, dim);
    let (wq, wk, wv, wo) = (take(layers, dim * dim), take(layers, kv * dim), take(layers, kv * dim), take(layers, dim * dim));
    let norm2 = take(layers, dim);
    let (w1, w2, w3) = (take(layers, hidden * dim), take(layers, dim * hidden), take(layers, hidden * dim));
    let norm_final = take(1, dim).remove(0);

    let t = TOKENS;
    let mut net = Net(ModelGraph { name: "llama".to_owned(), ..ModelGraph::default() });
    let ids = net.value("ids", &[t], None);
    net.0.inputs.push(ids);
    // `[out, in]` to `[in, out]`.
    let transposed = |w: &[f32], inner: usize| -> Vec<f32> {
        (0..inner).flat_map(|k| w.iter().skip(k).step_by(inner).copied()).collect()
    };
    let (mut cos, mut sin) = (Vec::new(), Vec::new());
    for position in 0..t {
        for at in 0..head {
            let angle = position as f64 / libm::pow(10_000.0, (at / 2 * 2) as f64 / head as f64);
            cos.push(libm::cos(angle) as f32);
            sin.push(libm::sin(angle) as f32 * if at % 2 == 0 { -1.0 } else { 1.0 });
        }
    }
    let cos = net.value("cos", &[t, 1, head], Some(cos));
    let sin = net.value("sin", &[t, 1, head], Some(sin));
    let mask = net.value("mask", &[t, t], Some((0..t * t).map(|i| f32::from(u8::from(i % t <= i / t))).collect()));
    let root = net.value("root", &[], Some(vec![1.0 / libm::sqrt(head as f64) as f32]));
    let table = net.value("embedding", &[vocabulary, dim], Some(embedding.clone()));
    let mut x = net.node("embed", ModelOp::Embedding, &[table, ids], &[t, dim]);

    let normalise = |net: &mut Net, name: &str, x: ValueId, gain: &[f32]| {
        let op = ModelOp::Normalize { axes: vec![1], epsilon: 1e-5, centred: false };
        let n = net.node(name, op, &[x], &[t, dim]);
        let gain = net.value(&format!("{name}.gain"), &[dim], Some(gain.to_vec()));
        net.node(&format!("{name}.scaled"), ModelOp::Mul, &[n, gain], &[t, dim])
    };
    let linear = |net: &mut Net, name: &str, x: ValueId, w: &[f32], inner: usize| {
        let outer = w.len() / inner;
        let w = net.value(&format!("{name}.weight"), &[inner, outer], Some(transposed(w, inner)));
        net.node(name, ModelOp::MatMul, &[x, w], &[t, outer])
    };
    for l in 0..layers {
        let name = |part: &str| format!("{l}.{part}");
        let n = normalise(&mut net, &name("norm1"), x, &norm1[l]);
        let split = |net: &mut Net, part: &str, w: &[f32], rotate: bool| {
            let count = w.len() / dim / head;
            let y = linear(net, &name(part), n, w, dim);
            let mut y = net.node(&name(&format!("{part}.heads")), ModelOp::Reshape, &[y], &[t, count, head]);
            if rotate {
                let swap = ModelOp::Gather { axis: 2, indices: (0..head).map(|at| at ^ 1).collect() };
                let shape = [t, count, head];
                let swapped = net.node(&name(&format!("{part}.swapped")), swap, &[y], &shape);
                let a = net.node(&name(&format!("{part}.cos")), ModelOp::Mul, &[y, cos], &shape);
                let b = net.node(&name(&format!("{part}.sin")), ModelOp::Mul, &[swapped, sin], &shape);
                y = net.node(&name(&format!("{part}.rotated")), ModelOp::Add, &[a, b], &shape);
            }
            if count < heads {
                let indices = (0..heads).map(|at| at * count / heads).collect();
                y = net.node(&name(&format!("{part}.repeated")), ModelOp::Gather { axis: 1, indices }, &[y], &[t, heads, head]);
            }
            let (perm, shape) =
                if part == "k" { (vec![1, 2, 0], [heads, head, t]) } else { (vec![1, 0, 2], [heads, t, head]) };
            net.node(&name(&format!("{part}.transposed")), ModelOp::Transpose { perm }, &[y], &shape)
        };
        let q = split(&mut net, "q", &wq[l], true);
        let k = split(&mut net, "k", &wk[l], true);
        let v = split(&mut net, "v", &wv[l], false);
        let scores = net.node(&name("scores"), ModelOp::MatMul, &[q, k], &[heads, t, t]);
        let scores = net.node(&name("scores.scaled"), ModelOp::Mul, &[scores, root], &[heads, t, t]);
        let p = net.node(&name("softmax"), ModelOp::Softmax { axis: 2 }, &[scores, mask], &[heads, t, t]);
        let o = net.node(&name("attend"), ModelOp::MatMul, &[p, v], &[heads, t, head]);
        let o = net.node(&name("attend.transposed"), ModelOp::Transpose { perm: vec![1, 0, 2] }, &[o], &[t, heads, head]);
        let o = net.node(&name("attend.joined"), ModelOp::Reshape, &[o], &[t, dim]);
        let o = linear(&mut net, &name("o"), o, &wo[l], dim);
        x = net.node(&name("residual1"), ModelOp::Add, &[x, o], &[t, dim]);
        let n = normalise(&mut net, &name("norm2"), x, &norm2[l]);
        let gate = linear(&mut net, &name("gate"), n, &w1[l], dim);
        let gate = net.node(&name("silu"), ModelOp::Unary(UnaryFn::Silu), &[gate], &[t, hidden]);
        let up = linear(&mut net, &name("up"), n, &w3[l], dim);
        let h = net.node(&name("product"), ModelOp::Mul, &[gate, up], &[t, hidden]);
        let down = linear(&mut net, &name("down"), h, &w2[l], hidden);
        x = net.node(&name("residual2"), ModelOp::Add, &[x, down], &[t, dim]);
    }
    let n = normalise(&mut net, "norm", x, &norm_final);
    let logits = linear(&mut net, "logits", n, &embedding, dim);
    net.0.outputs.push(logits);
    net.0.check()?;
    Ok(net.0)
}
