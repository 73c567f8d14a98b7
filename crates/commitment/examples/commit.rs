//! Times and sizes of the commitments: `cargo run --profile bench --example commit [witness [log2 cells]]`.
//!
//! Set `RAYON_NUM_THREADS=1` for one core.

use std::time::Instant;

use veritorch_commitment::security::total_bits;
use veritorch_commitment::{Cells, SecurityLevel, StackLayout, TensorClaim, WitnessScheme};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, Form, ProverTranscript, Value, VerifierTranscript};

const DOMAIN: &str = "commit example";

/// Milliseconds of a call.
fn time<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed().as_secs_f64() * 1e3)
}

/// A stack of 2^n cells in 50 tensors like a network's activations, two claims each.
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
    let terms = scheme.security_terms(100);
    let weakest = terms.iter().map(|term| term.bits).fold(f64::MAX, f64::min);
    println!(
        "witness 2^{} over degree {}: commit {:.1} ms, open {:.1} ms, verify {:.2} ms, {len} bytes, {weakest:.1} bits per term, {:.1} in all",
        layout.num_vars(), E::DEGREE, best[0], best[1], best[2], total_bits(&terms),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes = match arguments.get(1) {
        Some(size) => {
            let size = size.parse().expect("log2 of a number of cells");
            size..size + 1
        }
        None => 16..22,
    };
    for n in sizes {
        witness::<E2>(n, SecurityLevel::default());
        witness::<E3>(n, SecurityLevel { bits: 132, grinding: 12 });
    }
}
