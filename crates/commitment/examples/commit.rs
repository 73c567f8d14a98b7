//! Times and sizes of the commitments: `cargo run --profile bench --example commit [witness [log2 cells] | model]`.
//!
//! The witness is a stack of tensors like a network's activations; the model has the shapes of VGG-16 for 32 x 32 images.
//! Set `RAYON_NUM_THREADS=1` for one core.

use std::time::Instant;

use veritorch_commitment::security::total_bits;
use veritorch_commitment::{
    Cells, ModelLayout, ModelProver, ParamClaim, SecurityLevel, SecurityTerm, StackLayout, TensorClaim, WitnessScheme, model,
};
use veritorch_execute::Params;
use veritorch_graph::circuit::ParamInfo;
use veritorch_sumcheck::mle::{eq_table, log_padded};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, Factor, Form, ProverTranscript, Value, VerifierTranscript};

const DOMAIN: &str = "commit example";

/// Milliseconds of a call: the processor's time where the system tells it and one thread works, so that other programs
/// do not count, else the clock's.
fn time<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let (start, busy) = (Instant::now(), processor_milliseconds());
    let result = call();
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    let busy = processor_milliseconds().zip(busy).map(|(end, start)| end - start);
    (result, busy.filter(|_| rayon::current_num_threads() == 1).unwrap_or(elapsed))
}

/// Processor time of all threads so far.
fn processor_milliseconds() -> Option<f64> {
    let mut nanoseconds = 0u64;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e6)
}

/// A stack of `2^(n + 1)` cells in 50 tensors like a network's activations, two claims each.
fn witness<E: Ext>(n: usize, level: SecurityLevel) {
    let mut shapes: Vec<Vec<usize>> = vec![vec![64, 1 << (n - 8), 2]];
    shapes.extend((0..48).map(|i| vec![16 << (i % 2), 3, 1 << (n - 12)]));
    shapes.push(vec![10]);
    let layout = StackLayout::new(&shapes);
    let tensors: Vec<Vec<i16>> = shapes
        .iter()
        .map(|shape| (0..shape.iter().product::<usize>()).map(|i| (i.wrapping_mul(40503) >> 3) as i16).collect())
        .collect();
    let views: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
    let scheme = WitnessScheme::<E>::new(layout.clone(), level).expect("parameters exist");
    let mut best = [f64::MAX; 3];
    let mut len = 0;
    for _ in 0..4 {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let ((root, data), commit) = time(|| scheme.commit(&views).expect("shapes fit"));
        transcript.send_bytes("root", &root);
        let mut claims = Vec::new();
        for (tensor, shape) in shapes.iter().enumerate() {
            for _ in 0..2 {
                let vars = layout.block_vars(tensor);
                let form = Form::at_point(shape, &transcript.challenges::<E>("point", vars));
                let value = form.vector(shape).iter().zip(&tensors[tensor]).map(|(&a, &b)| a * E::from_int(b.into())).sum();
                claims.push(TensorClaim { tensor, form, value });
            }
        }
        let (_, open) = time(|| scheme.open(&mut transcript, data, &claims).expect("claims fit"));
        let proof = transcript.into_proof();
        let mut transcript = VerifierTranscript::new(DOMAIN, &proof);
        let root = transcript.receive_bytes::<32>("root").expect("a root");
        let claims: Vec<_> = claims
            .into_iter()
            .map(|TensorClaim { tensor, form, value }| {
                let _: Vec<E> = transcript.challenges("point", layout.block_vars(tensor));
                TensorClaim { tensor, form, value: Value::public(value) }
            })
            .collect();
        let (result, verify) = time(|| scheme.verify(&mut transcript, &root, &claims));
        result.expect("an honest proof");
        len = proof.len();
        for (best, now) in best.iter_mut().zip([commit, open, verify]) {
            *best = best.min(now);
        }
    }
    println!(
        "witness 2^{} over degree {}: commit {:.1} ms, open {:.1} ms, verify {:.2} ms, {len} bytes, {}",
        layout.num_vars(),
        E::DEGREE,
        best[0],
        best[1],
        best[2],
        security(&scheme.security_terms(100)),
    );
}

fn security(terms: &[SecurityTerm]) -> String {
    let weakest = terms.iter().map(|term| term.bits).fold(f64::MAX, f64::min);
    format!("{weakest:.1} bits in the weakest term, {:.1} in all", total_bits(terms))
}

/// The shapes of VGG-16 with random weights, one claim per param.
fn vgg<E: Ext>(level: SecurityLevel) {
    let info = |name: String, shape, num_planes| ParamInfo { name, shape, num_planes };
    let channels = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
    let mut infos = Vec::new();
    for (index, pair) in channels.windows(2).enumerate() {
        infos.push(info(format!("conv{index}"), [9, pair[1], pair[0]], 1));
        infos.push(info(format!("bias{index}"), [1, 1, pair[1]], 4));
    }
    infos.push(info("dense".to_owned(), [1, 512, 512], 1));
    infos.push(info("head".to_owned(), [1, 10, 512], 1));
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as i8
    };
    let planes = infos
        .iter()
        .map(|info| (0..info.num_planes).map(|_| (0..info.shape.iter().product()).map(|_| byte()).collect()).collect())
        .collect();
    let params = Params::from_planes(infos.clone(), planes).expect("shapes fit");
    let layout = ModelLayout::new(&infos).expect("possible shapes");
    let (model, commit) = time(|| ModelProver::commit(layout.clone(), &params).expect("params fit"));
    println!(
        "model of {} rows of 2^{}: commit {commit:.0} ms, tree {} bytes",
        layout.num_rows(),
        layout.log_columns(),
        32 << layout.log_domain(),
    );
    let mut best = [f64::MAX; 3];
    let mut proof = Vec::new();
    for _ in 0..4 {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let mut claims = Vec::new();
        let mut bind = 0.0;
        for (param, info) in infos.iter().enumerate() {
            let [kernel, outputs, columns] = info.shape;
            let output_point = transcript.challenges::<E>("point", log_padded(outputs));
            let kernel = transcript.challenges::<E>("kernel", kernel);
            let column = Factor::Eq(transcript.challenges("column", log_padded(columns)));
            let mut output = eq_table(&output_point);
            output.truncate(outputs);
            let (bound, milliseconds) = time(|| model.bind_output(param, &output));
            bind += milliseconds;
            let value = bound
                .chunks_exact(columns)
                .zip(&kernel)
                .map(|(row, &k)| k * row.iter().zip(column.vector(columns)).map(|(&a, b)| a * b).sum::<E>())
                .sum();
            claims.push(ParamClaim { param, kernel, output_point, column, value });
        }
        transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());
        let before = transcript.clone();
        let (_, open) = time(|| model.open(&mut transcript, level, &claims).expect("claims fit"));
        let sizes = transcript.sizes();
        let start = before.into_proof().len();
        proof = transcript.into_proof();

        let mut transcript = VerifierTranscript::new(DOMAIN, &proof);
        for claim in &claims {
            let _: Vec<E> = transcript.challenges("point", claim.output_point.len());
            let _: Vec<E> = transcript.challenges("kernel", claim.kernel.len());
            let _: Vec<E> = transcript.challenges("column", log_padded(infos[claim.param].shape[2]));
        }
        let values: Vec<Value<E>> = transcript.receive("values", claims.len()).expect("values");
        let claims: Vec<_> = claims.iter().zip(values).map(|(claim, value)| claim.with_value(value)).collect();
        let (result, verify) = time(|| model::verify(&layout, &model.root(), &mut transcript, level, &claims));
        result.expect("an honest proof");
        transcript.finish().expect("nothing follows");
        if open < best[1] {
            println!("  {} bytes: {:?}", proof.len() - start, sizes);
        }
        for (best, now) in best.iter_mut().zip([bind, open, verify]) {
            *best = best.min(now);
        }
    }
    let all: Vec<usize> = (0..infos.len()).collect();
    println!(
        "model over degree {}: bind outputs {:.1} ms, open {:.1} ms, verify {:.2} ms, {} bytes, {}",
        E::DEGREE,
        best[0],
        best[1],
        best[2],
        proof.len(),
        security(&model::security_terms::<E>(&layout, level, &all).expect("parameters exist")),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let part = arguments.first().map(String::as_str);
    let wide = SecurityLevel { bits: 132, grinding: 12 };
    if part != Some("model") {
        let sizes = match arguments.get(1) {
            Some(size) => {
                let size = size.parse().expect("log2 of a number of cells");
                size..size + 1
            }
            None => 16..22,
        };
        for n in sizes {
            witness::<E2>(n - 1, SecurityLevel::default());
            witness::<E3>(n - 1, wide);
        }
    }
    if part != Some("witness") {
        vgg::<E2>(SecurityLevel::default());
        vgg::<E3>(wide);
    }
}
