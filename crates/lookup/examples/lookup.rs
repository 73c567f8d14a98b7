//! Time per lookup of a requantised activation: remainders in a range of 2^16 and pairs of a ReLU table of 2^16 rows.
//!
//! `RAYON_NUM_THREADS=1 cargo run --profile bench -p veritorch-lookup --example lookup`

use std::time::{Duration, Instant};

use veritorch_lookup::{Column, LookupArgument, LookupSpec, TableSpec};
use veritorch_sumcheck::{E2, Ext, ProverTranscript, VerifierTranscript};

/// Processor time of all threads so far, which other work on the machine does not add to; zero where the system does not tell.
fn processor_time() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let nanos = tasks.filter_map(|task| {
        let line = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn tensor(len: usize, seed: u64, bound: u64) -> Vec<u64> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        })
        .collect()
}

fn measure<E: Ext>(name: &str, shapes: &[&[usize]]) {
    let tables = vec![
        TableSpec::Range { min: 0, log_len: 16 },
        TableSpec::Function { min: -(1 << 15), values: (-(1 << 15)..1 << 15).map(|q: i32| q.clamp(0, 255)).collect() },
    ];
    let mut lookups = Vec::new();
    let mut data: Vec<(Vec<i32>, Vec<i16>, Vec<i16>)> = Vec::new();
    for (seed, shape) in (1..).zip(shapes) {
        let len = shape.iter().product();
        lookups.push(LookupSpec { table: 0, shape: shape.to_vec() });
        lookups.push(LookupSpec { table: 1, shape: shape.to_vec() });
        let remainders = tensor(len, seed, 1 << 16).into_iter().map(|value| value as i32).collect();
        let keys: Vec<i16> = tensor(len, seed + 1000, 1024).into_iter().map(|value| value as i16 - 512).collect();
        let values = keys.iter().map(|&key| key.clamp(0, 255)).collect();
        data.push((remainders, keys, values));
    }
    let columns: Vec<Vec<Column<'_>>> = data
        .iter()
        .flat_map(|(remainders, keys, values)| [vec![Column::I32(remainders)], vec![Column::I16(keys), Column::I16(values)]])
        .collect();
    let argument = LookupArgument::new(lookups, tables).expect("a sound statement");
    let start = Instant::now();
    let multiplicities = argument.multiplicities(&columns, &[]).expect("values are in their tables");
    let counting = start.elapsed();
    let (mut best, mut best_busy) = (Duration::MAX, Duration::MAX);
    let mut proof = Vec::new();
    for _ in 0..5 {
        let busy = processor_time();
        let start = Instant::now();
        let mut transcript = ProverTranscript::new("bench");
        let outcome = argument.prove::<E>(&mut transcript, &columns, &[], &multiplicities).expect("an honest prover");
        best = best.min(start.elapsed());
        best_busy = best_busy.min(processor_time() - busy);
        assert_eq!(outcome.columns.len(), 3 * shapes.len());
        proof = transcript.into_proof();
    }
    let start = Instant::now();
    let mut transcript = VerifierTranscript::new("bench", &proof);
    let outcome = argument.verify::<E>(&mut transcript).expect("an honest proof");
    let verifying = start.elapsed();
    assert_eq!(outcome.multiplicities.len(), 2);
    let entries: usize = columns.iter().map(|own| own[0].len()).sum();
    let per = |time: Duration, count: usize| time.as_nanos() as f64 / count as f64;
    println!(
        "{name:>16}: {entries:>8} lookups, {:>8} live leaves of 2^{}: {:>6.2} ms, {:>5.1} ns/lookup; busy {:>5.1} ns/lookup, {:>5.1} ns/leaf; counting {:.1} ns/lookup; verify {:.2} ms; {} bytes",
        argument.layout().live,
        argument.layout().num_vars,
        best.as_secs_f64() * 1e3,
        per(best, entries),
        per(best_busy, entries),
        per(best_busy, argument.layout().live),
        per(counting, entries),
        verifying.as_secs_f64() * 1e3,
        proof.len(),
    );
}

fn all<E: Ext>() {
    println!("{} threads, extension of degree {}", rayon::current_num_threads(), E::DEGREE);
    measure::<E>("2^18", &[&[64, 32, 32], &[32, 8, 8]]);
    measure::<E>("2^19", &[&[64, 32, 32], &[64, 32, 32], &[128, 16, 16], &[64, 16, 16]]);
    measure::<E>("2^20", &[&[256, 32, 32], &[64, 32, 32], &[64, 32, 32], &[64, 16, 16]]);
    measure::<E>("2^21", &[&[256, 56, 56], &[64, 16, 16]]);
    measure::<E>("vgg-16", &[
        &[64, 32, 32], &[64, 32, 32], &[64, 16, 16], &[128, 16, 16], &[128, 16, 16], &[128, 8, 8], &[256, 8, 8], &[256, 8, 8], &[256, 8, 8], &[256, 4, 4],
        &[512, 4, 4], &[512, 4, 4], &[512, 4, 4], &[512, 2, 2], &[512, 2, 2], &[512, 2, 2], &[512, 2, 2], &[512], &[512], &[512], &[10],
    ]);
}

fn main() {
    all::<E2>();
}
