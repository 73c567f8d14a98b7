//! Where the time of a transformer's proof goes: blocks with random weights, from gadgets alone.
//! `cargo run --profile bench --example block [blocks] [tokens] [width] [heads] [vocabulary] [threads]`.

use std::error::Error;
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use veritorch_execute::{Params, run};
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, CircuitBuilder, CircuitError, Constraint, Policy, SeparableMap, TensorId, Term, Visibility,
};
use veritorch_graph::gadgets::{
    self, Mask, Normalisation, Quotient, Requantised, attention, embedding, function_table, input, normalize, one_hot_len,
    requantise, signed_range,
};
use veritorch_prove::{InMemory, ProvingKey, Setup, Silent, prove, verify};

/// Extents.
#[derive(Clone, Copy)]
struct Sizes {
    blocks: usize,
    tokens: usize,
    width: usize,
    heads: usize,
    vocabulary: usize,
}

struct Model {
    b: CircuitBuilder,
    sizes: Sizes,
    weights: Vec<Vec<i64>>,
    state: u64,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let mut next = |default| args.next().unwrap_or(Ok(default));
    let sizes = Sizes { blocks: next(2)?, tokens: next(64)?, width: next(192)?, heads: next(4)?, vocabulary: next(1000)? };
    let threads = next(2)?;
    ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| measure(sizes))
}

fn measure(sizes: Sizes) -> Result<(), Box<dyn Error + Send + Sync>> {
    let start = Instant::now();
    let mut model = Model { b: CircuitBuilder::new("blocks", policy()), sizes, weights: Vec::new(), state: 1 };
    model.build()?;
    let circuit = model.b.finish()?;
    let params = Params::from_values(&circuit.params, &model.weights)?;
    let lookups: usize = circuit
        .constraints
        .iter()
        .map(|constraint| match constraint {
            Constraint::Lookup { columns, .. } => circuit.tensor(columns[0]).len(),
            Constraint::Zero { .. } => 0,
        })
        .sum();
    let committed: usize = circuit.tensors.iter().filter(|tensor| tensor.op.is_hint()).map(|tensor| tensor.len()).sum();
    let rows: usize = circuit.tables.iter().map(veritorch_graph::circuit::Table::len).sum();
    println!(
        "{} tensors, {} weights, {lookups} lookups, {committed} committed entries, {rows} rows of tables; built in {:.1} s",
        circuit.tensors.len(),
        model.weights.iter().map(Vec::len).sum::<usize>(),
        start.elapsed().as_secs_f64()
    );
    let ids: Vec<i64> = (0..sizes.tokens as i64).map(|t| (t * 37 + 11) % sizes.vocabulary as i64).collect();
    let start = Instant::now();
    let batch = circuit.instantiate(1);
    let _ = run(&batch, &params, std::slice::from_ref(&ids))?;
    println!("run: {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let setup = Setup { lifetime: 2, ..Setup::default() };
    let key = ProvingKey::setup(circuit, params, setup, &Silent)?;
    println!("set-up: {:.3} s", start.elapsed().as_secs_f64());
    for _ in 0..2 {
        let start = Instant::now();
        let proven = prove(&key, std::slice::from_ref(&ids), 1, &InMemory::new(1), &Silent)?;
        let seconds = start.elapsed().as_secs_f64();
        let parts: Vec<String> = proven.timings.iter().map(|(name, seconds)| format!("{name} {seconds:.3}")).collect();
        println!("prove: {seconds:.3} s ({}), {} bytes", parts.join(", "), proven.proof.transcript.len());
        let start = Instant::now();
        let mut terms = verify(&key.vk, &proven.proof)?.security.terms;
        println!("verify: {:.3} s", start.elapsed().as_secs_f64());
        terms.sort_by(|a, b| a.bits.total_cmp(&b.bits));
        for term in terms.iter().take(3) {
            println!("  {:.1} bits: {}", term.bits, term.name);
        }
    }
    Ok(())
}

fn policy() -> Policy {
    Policy { input: Visibility::Private, output: Visibility::Public, weights: Visibility::Private }
}

impl Model {
    fn weight(&mut self, outputs: usize, columns: usize, bits: u32) -> Result<TensorId, CircuitError> {
        let values: Vec<i64> = (0..outputs * columns)
            .map(|_| {
                self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (self.state as i64) >> (64 - bits)
            })
            .collect();
        let name = format!("w{}", self.weights.len());
        let w = self.b.weight(&name, [1, outputs, columns], &values)?;
        self.weights.push(values);
        Ok(w)
    }

    /// `floor((sum coefficient x + half) / 2^shift)`.
    fn rescale(&mut self, name: &str, terms: &[(TensorId, i64)], shift: u32, to: Quotient) -> Result<Requantised, CircuitError> {
        let shape = self.b.shape(terms[0].0).to_vec();
        let rank = shape.len();
        let half = vec![(1 << (shift - 1), vec![AxisFactor::Ones; rank])];
        let terms = terms.iter().map(|&(x, coefficient)| Term::identity(x, coefficient, rank)).collect();
        let t = self.b.linear(&format!("{name}:scaled"), &shape, terms, half)?;
        requantise(&mut self.b, name, t, shift, to)
    }

    fn norm(&mut self, name: &str, x: TensorId) -> Result<TensorId, CircuitError> {
        let how = Normalisation { axes: &[1], epsilon: 100.0, centred: true, bits: 12 };
        let y = normalize(&mut self.b, name, x, &how)?;
        // Real values up to 8 in 15 bits and a sign.
        let shift = (-y.scale.log2().floor()) as u32 - 12;
        Ok(self.rescale(&format!("{name}:rescaled"), &[(y.value, 1)], shift, signed_range())?.value)
    }

    /// `[T, heads * width]`, from column `start`, as `[heads, ..]` with this order of the axes heads, token, channel.
    fn heads(&mut self, name: &str, x: TensorId, start: usize, order: [usize; 3]) -> Result<TensorId, CircuitError> {
        let Sizes { tokens, width, heads, .. } = self.sizes;
        let map = SeparableMap::along(2, 1, AxisMap::Strided { start: start as i64, step: 1 });
        let part = self.b.linear(&format!("{name}:part"), &[tokens, width], vec![Term { x, coefficient: 1, map }], Vec::new())?;
        let extents = [tokens, heads, width / heads];
        let whole = self.b.reshape(&format!("{name}:whole"), part, &extents)?;
        self.permute(name, whole, order)
    }

    fn permute(&mut self, name: &str, x: TensorId, order: [usize; 3]) -> Result<TensorId, CircuitError> {
        let extents = self.b.shape(x).to_vec();
        let shape: Vec<usize> = order.iter().map(|&axis| extents[axis]).collect();
        let links = (0..3).map(|axis| AxisLink::Map { input: order[axis], output: axis, map: AxisMap::Identity });
        let terms = vec![Term { x, coefficient: 1, map: SeparableMap { links: links.collect() } }];
        self.b.linear(name, &shape, terms, Vec::new())
    }

    fn block(&mut self, name: &str, x: TensorId) -> Result<TensorId, CircuitError> {
        let Sizes { tokens, width, heads, .. } = self.sizes;
        let log_width = width.ilog2();
        let n = self.norm(&format!("{name}:norm1"), x)?;
        let w = self.weight(3 * width, width, 12)?;
        let acc = self.b.dense(&format!("{name}:qkv"), n, w)?;
        // Entries of 2^12 and weights of 2^10 in random walks.
        let qkv = self.rescale(&format!("{name}:qkv:rescaled"), &[(acc, 1)], 10 + log_width / 2, signed_range())?.value;
        let q = self.heads(&format!("{name}:q"), qkv, 0, [1, 0, 2])?;
        let k = self.heads(&format!("{name}:k"), qkv, width, [1, 2, 0])?;
        let v = self.heads(&format!("{name}:v"), qkv, 2 * width, [1, 0, 2])?;
        let scores = self.b.matmul(&format!("{name}:scores"), q, k)?;
        let saturated = function_table(&mut self.b, "scores", -(1 << 15), 16, |q| (q as i32).clamp(-15_000, 15_000));
        let shift = 16 + (width / heads).ilog2() / 2;
        let scores = self.rescale(&format!("{name}:scores:rescaled"), &[(scores, 1)], shift, Quotient::Function(saturated))?.value;
        let mask = Mask::causal(tokens, tokens);
        let exp = |d: i64| (d as f64 / 512.0).exp();
        let seen = attention(&mut self.b, &format!("{name}:attention"), scores, v, Some(&mask), exp)?;
        let seen = self.rescale(&format!("{name}:seen"), &[(seen.value, 1)], seen.log_scale, signed_range())?.value;
        let seen = self.permute(&format!("{name}:tokens"), seen, [1, 0, 2])?;
        let seen = self.b.reshape(&format!("{name}:joined"), seen, &[tokens, width])?;
        let w = self.weight(width, width, 12)?;
        let acc = self.b.dense(&format!("{name}:projection"), seen, w)?;
        let shift = 12 + log_width / 2;
        let x = self.rescale(&format!("{name}:residual1"), &[(acc, 1), (x, 1 << shift)], shift, signed_range())?.value;
        let n = self.norm(&format!("{name}:norm2"), x)?;
        let w = self.weight(4 * width, width, 12)?;
        let acc = self.b.dense(&format!("{name}:up"), n, w)?;
        let gelu = |q: i64| {
            let real = q as f64 / 4096.0;
            (real / (1.0 + (-1.702 * real).exp()) * 4096.0).round() as i32
        };
        let gelu = function_table(&mut self.b, "gelu", -(1 << 15), 16, gelu);
        let h = self.rescale(&format!("{name}:gelu"), &[(acc, 1)], 10 + log_width / 2, Quotient::Function(gelu))?.value;
        let w = self.weight(width, 4 * width, 12)?;
        let acc = self.b.dense(&format!("{name}:down"), h, w)?;
        Ok(self.rescale(&format!("{name}:residual2"), &[(acc, 1), (x, 1 << (shift + 1))], shift + 1, signed_range())?.value)
    }

    fn build(&mut self) -> Result<(), CircuitError> {
        let Sizes { blocks, tokens, width, vocabulary, .. } = self.sizes;
        let ids = input(&mut self.b, "ids", &[tokens], (0, 16), 1.0)?;
        let table = self.weight(width, one_hot_len(vocabulary), 12)?;
        let mut x = embedding(&mut self.b, "embedding", ids, table, vocabulary)?;
        // Committed, so that both its readers see one column.
        x = self.rescale("embedding:kept", &[(x, 2)], 1, signed_range())?.value;
        for block in 0..blocks {
            x = self.block(&format!("block{block}"), x)?;
        }
        let n = self.norm("norm", x)?;
        let w = self.weight(vocabulary, width, 12)?;
        let logits = self.b.dense("logits", n, w)?;
        let map = SeparableMap::along(2, 0, AxisMap::Strided { start: tokens as i64 - 1, step: 1 });
        let last = self.b.linear("last", &[1, vocabulary], vec![Term { x: logits, coefficient: 1, map }], Vec::new())?;
        let shift = 10 + width.ilog2() / 2;
        let last = self.rescale("last:rescaled", &[(last, 1)], shift, signed_range())?.value;
        let best = gadgets::argmax(&mut self.b, "next", last, 1, false)?;
        self.b.output("next", best, &[1, 1], vec![1.0]);
        Ok(())
    }
}

