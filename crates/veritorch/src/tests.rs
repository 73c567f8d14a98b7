//! The library from compile to verify on a small model, and files forged by somebody who can compute checksums.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use veritorch_graph::model::Bytes;
use veritorch_prove::{Profile, ProvingKey, VerifyError};

use crate::artefact::{self, Kind};
use crate::bench::synthetic_data;
use crate::{
    Array, Arrays, CompileOptions, CompiledCircuit, Error, Inputs, Policy, Proof, QuantiseOptions, Silent, Verifier, Visibility,
    compile_graph, parts_folder, remove_parts, zoo,
};

struct Sample {
    circuit: CompiledCircuit,
    verifier: Verifier,
    input: Arrays,
    proof: Proof,
}

/// Compiled and proved once for all tests of a process.
fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let graph = zoo::model("mlp").unwrap();
        let (calibration, input) = synthetic_data(&graph, 1);
        let policy = Policy { input: Visibility::Public, ..Policy::default() };
        let quantise = QuantiseOptions { policy, ..QuantiseOptions::default() };
        let options = CompileOptions { quantise, ..CompileOptions::default() };
        let circuit = compile_graph(graph, &calibration, &options, &Silent).unwrap();
        let proof = circuit.prove(&input, &Silent).unwrap().proof;
        Sample { verifier: circuit.verifier(), circuit, input, proof }
    })
}

fn file(name: &str) -> &Path {
    Path::new(name)
}

#[test]
fn a_proof_speaks_of_its_input_and_output() {
    let Sample { circuit, verifier, input, proof } = sample();
    let run = circuit.run(input).unwrap();
    let verification = verifier.verify(proof).unwrap();
    assert_eq!(verification.batch, 1);
    let outputs = verification.outputs.unwrap();
    assert_eq!(outputs["fc2"].data, run.outputs["fc2"].data);
    verifier.check_inputs(proof, input).unwrap();
    verifier.check_outputs(proof, &run.outputs).unwrap();
    let mut other = run.outputs.clone();
    other.get_mut("fc2").unwrap().data[3] += 1.0;
    let error = verifier.check_outputs(proof, &other).unwrap_err();
    assert!(matches!(&error, Error::Mismatch { what: "output", index, .. } if index[index.len() - 1] == 3), "{error}");
    let mut other = input.clone();
    other.get_mut("x").unwrap().data[700] = 0.9;
    assert_eq!(verifier.check_inputs(proof, &other).unwrap_err().exit_code(), 1);
}

/// A prover's key from its bytes.
fn load_circuit(bytes: &[u8]) -> Result<CompiledCircuit, Error> {
    let bytes: Bytes = Arc::new(bytes.to_vec());
    CompiledCircuit::from_bytes(file("a.vt"), &bytes)
}

#[test]
fn files_round_trip() {
    let Sample { circuit, verifier, proof, input } = sample();
    let bytes = circuit.to_pieces().concat();
    let mut again = load_circuit(&bytes).unwrap();
    // There is no such file, and no ledger beside it.
    assert!(matches!(again.prove(input, &Silent), Err(Error::Ledger(_))));
    again.counter = circuit.counter.clone();
    assert!(again.to_pieces().concat() == bytes);
    assert_eq!(again.run(input).unwrap(), circuit.run(input).unwrap());
    verifier.verify(&again.prove(input, &Silent).unwrap().proof).unwrap();
    assert_eq!(Verifier::from_bytes(file("a.vk"), &verifier.to_bytes()).unwrap(), *verifier);
    let back = Proof::from_bytes(file("p.proof"), &proof.to_bytes()).unwrap();
    assert_eq!(back, *proof);
    verifier.verify(&back).unwrap();
}

/// The sample's circuit with openings of its own, which are counted in memory.
fn fresh() -> CompiledCircuit {
    let Sample { circuit, .. } = sample();
    CompiledCircuit::new(circuit.key.clone(), circuit.report.clone()).unwrap()
}

#[test]
fn both_keys_are_written_or_the_error_says_why() {
    let circuit = fresh();
    let folder = tempfile::tempdir().unwrap();
    let verifier = circuit.save(&folder.path().join("m.vt")).unwrap();
    assert_eq!(verifier, folder.path().join("m.vk"));
    CompiledCircuit::load(&folder.path().join("m.vt")).unwrap();
    Verifier::load(&verifier).unwrap();
    assert!(matches!(circuit.save(&folder.path().join("m.vk")), Err(Error::Option { .. })));
    assert!(matches!(circuit.save(&folder.path().join("none/m.vt")), Err(Error::Io { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn damaged_files_are_errors_in_every_section() {
    let Sample { circuit, verifier, proof, .. } = sample();
    let load = |kind: Kind, bytes: &[u8]| match kind {
        Kind::ProverKey => load_circuit(bytes).map(drop),
        Kind::VerifierKey => Verifier::from_bytes(file("a.vk"), bytes).map(drop),
        Kind::Proof => Proof::from_bytes(file("p.proof"), bytes).map(drop),
        Kind::Ledger | Kind::Commitment | Kind::Opening | Kind::Part => unreachable!("they have tests of their own"),
    };
    for (kind, bytes) in [
        (Kind::ProverKey, circuit.to_pieces().concat()),
        (Kind::VerifierKey, verifier.to_bytes()),
        (Kind::Proof, proof.to_bytes()),
    ] {
        load(kind, &bytes).unwrap();
        let step = (bytes.len() / 40).max(1);
        for at in (0..bytes.len()).step_by(step).chain(bytes.len() - 5..bytes.len()) {
            assert!(load(kind, &bytes[..at]).is_err(), "{kind} cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x04;
            assert!(load(kind, &flipped).is_err(), "{kind} flipped at {at}");
        }
    }
}

/// The proof with a change, through its file with right checksums.
fn forged(change: impl FnOnce(&mut Proof)) -> Result<(), Error> {
    let mut proof = sample().proof.clone();
    change(&mut proof);
    let proof = Proof::from_bytes(file("p.proof"), &proof.to_bytes())?;
    sample().verifier.verify(&proof).map(drop)
}

#[test]
fn forged_statements_are_rejected() {
    for error in [
        forged(|proof| proof.proof.statement.outputs[0][2] += 1),
        forged(|proof| proof.proof.statement.inputs[0][700] += 1),
        forged(|proof| proof.proof.statement.batch = 2),
        forged(|proof| proof.proof.statement.batch = usize::MAX),
        forged(|proof| proof.proof.statement.batch = 0),
        forged(|proof| proof.proof.statement.outputs.clear()),
        forged(|proof| proof.proof.statement.outputs.push(vec![0; 10])),
        forged(|proof| proof.proof.statement.outputs[0].push(0)),
        forged(|proof| proof.proof.statement.outputs[0][0] = i64::MIN),
        forged(|proof| proof.proof.transcript.push(0)),
        forged(|proof| proof.proof.transcript.truncate(100)),
        forged(|proof| proof.proof.transcript.clear()),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Rejected(_)), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
    let error = forged(|proof| proof.proof.statement.outputs.clear()).unwrap_err();
    assert!(matches!(error, Error::Rejected(VerifyError::Statement { .. })), "{error}");
}

#[test]
fn forged_messages_are_rejected() {
    let len = sample().proof.proof.transcript.len();
    for at in (0..len).step_by(len / 50) {
        let error = forged(|proof| proof.proof.transcript[at] ^= 0x20).unwrap_err();
        assert!(matches!(error, Error::Rejected(_)), "byte {at}: {error}");
    }
}

#[test]
fn forged_notes_are_rejected() {
    for error in [
        forged(|proof| proof.origin.model.push('!')),
        forged(|proof| proof.origin.policy.input = Visibility::Private),
        forged(|proof| proof.origin.shown[1][0].scale[0] *= 2.0),
        forged(|proof| proof.origin.shown[1].clear()),
        forged(|proof| proof.origin.security[0].1 += 100),
        forged(|proof| proof.origin.sizes[0].1 += 1),
        forged(|proof| proof.origin.sizes.push((String::new(), u64::MAX))),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Note { .. }), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
    let error = forged(|proof| proof.origin.circuit_digest[0] ^= 1).unwrap_err();
    assert!(matches!(error, Error::OtherModel { what: "circuit", .. }), "{error}");
    let error = forged(|proof| proof.origin.model_identity[0] ^= 1).unwrap_err();
    assert!(matches!(error, Error::OtherModel { what: "model commitment", .. }), "{error}");
}

#[test]
fn forged_keys_are_refused() {
    let Sample { verifier, proof, .. } = sample();
    // another root: the proof is for another model
    let mut other = verifier.clone();
    other.key.model_root[5] ^= 1;
    let other = Verifier::from_bytes(file("a.vk"), &other.to_bytes()).unwrap();
    assert!(matches!(other.verify(proof), Err(Error::OtherModel { .. })));
    // a circuit that breaks a rule
    let mut broken = verifier.clone();
    broken.key.circuit.constraints.clear();
    let error = Verifier::from_bytes(file("a.vk"), &broken.to_bytes()).unwrap_err();
    assert!(matches!(error, Error::Damaged { kind: Some(Kind::VerifierKey), .. }), "{error}");
    // a prover's key whose parts do not belong together
    let mut other = sample().circuit.clone();
    other.key.vk.model_root[0] ^= 1;
    let error = load_circuit(&other.to_pieces().concat()).unwrap_err();
    assert!(matches!(error, Error::Damaged { kind: Some(Kind::ProverKey), .. }), "{error}");
}

#[test]
fn batches_keep_their_form() {
    let Sample { circuit, verifier, .. } = sample();
    let values = circuit.noise(2, 9)["x"].data.clone();
    let stacked = Arrays::from([("x".to_owned(), Array::new(vec![2, 1, 784], values.clone()).unwrap())]);
    let leading = Arrays::from([("x".to_owned(), Array::new(vec![2, 784], values).unwrap())]);
    let stacked = circuit.run(&stacked).unwrap();
    assert_eq!((stacked.batch, stacked.outputs["fc2"].shape.as_slice()), (2, &[2, 1, 10][..]));
    let proven = circuit.prove(&leading, &Silent).unwrap();
    assert_eq!(proven.outputs["fc2"].shape, [2, 10]);
    assert_eq!(proven.outputs["fc2"].data, stacked.outputs["fc2"].data);
    let verification = verifier.verify(&proven.proof).unwrap();
    assert_eq!(verification.outputs.unwrap()["fc2"], proven.outputs["fc2"]);
    verifier.check_inputs(&proven.proof, &leading).unwrap();
}

#[test]
fn an_interrupt_ends_every_long_call() {
    struct Stop;
    impl crate::Progress for Stop {
        fn interrupted(&self) -> bool {
            true
        }
    }
    let Sample { circuit, input, .. } = sample();
    assert!(matches!(circuit.prove(input, &Stop), Err(Error::Interrupted)));
    let graph = zoo::model("mlp").unwrap();
    let (calibration, _) = synthetic_data(&graph, 1);
    let result = compile_graph(graph, &calibration, &CompileOptions::default(), &Stop);
    assert!(matches!(result, Err(Error::Interrupted)));
}

#[test]
fn a_report_on_a_proof_shows_its_statement() {
    let Sample { circuit, proof, input, .. } = sample();
    let report = proof.inspect();
    let row = report.proof.unwrap();
    let outputs = circuit.run(input).unwrap().outputs;
    let same = row.outputs[0].values.iter().zip(&outputs["fc2"].data).all(|(a, b)| *a as f32 == *b);
    assert!(same);
    assert_eq!(row.parts.iter().map(|part| part.bytes).sum::<usize>(), proof.transcript_bytes());
    assert!(report.security.bits >= 99.9 && !report.security.terms.is_empty());
    assert!(proof.inspect().to_html().contains("Statement"));
}

#[test]
fn a_forged_chain_is_refused() {
    let renewed = fresh().renew(&Silent).unwrap();
    let verifier = renewed.verifier();
    assert_eq!(verifier.model_commitment(), sample().verifier.model_commitment());
    assert_eq!(Verifier::from_bytes(file("a.vk"), &verifier.to_bytes()).unwrap(), verifier);
    let forge = |change: &dyn Fn(&mut Verifier)| {
        let mut forged = verifier.clone();
        change(&mut forged);
        Verifier::from_bytes(file("a.vk"), &forged.to_bytes()).unwrap_err().to_string()
    };
    // Somebody else's table under this identity, and a proof of nothing.
    assert!(forge(&|verifier| verifier.key.model_root[3] ^= 1).contains("renewal 1"));
    assert!(forge(&|verifier| verifier.chain[0].root[3] ^= 1).contains("renewal 1"));
    assert!(forge(&|verifier| verifier.chain[0].proof.clear()).contains("renewal 1"));
    let empty = artefact::encode_section::<Vec<veritorch_prove::Link>>(&Vec::new());
    let bytes = artefact::encode(Kind::VerifierKey, &[artefact::encode_section(&verifier.key), empty]);
    assert!(Verifier::from_bytes(file("a.vk"), &bytes).is_err());
}

/// The sample's model, to be proved in segments.
fn in_segments() -> (CompiledCircuit, &'static Arrays) {
    let Sample { circuit, input, .. } = sample();
    let whole = circuit.circuit();
    let cut = whole.tensors.iter().position(|tensor| tensor.name == "fc2.weight").unwrap() as u32;
    let key = ProvingKey::setup_segments(whole.clone(), circuit.key.params.clone(), &[cut], Profile::Standard, &Silent).unwrap();
    (CompiledCircuit::new(key, circuit.report.clone()).unwrap(), input)
}

#[test]
fn a_circuit_in_segments_is_used_like_any_other() {
    let (circuit, input) = in_segments();
    assert!(!circuit.key.vk.segments.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.vt");
    circuit.save(&path).unwrap();
    let circuit = CompiledCircuit::load(&path).unwrap();
    let verifier = Verifier::load(&folder.path().join("m.vk")).unwrap();
    let proven = circuit.prove(input, &Silent).unwrap();
    assert_eq!(proven.outputs, circuit.run(input).unwrap().outputs);
    let proof = Proof::from_bytes(file("p.proof"), &proven.proof.to_bytes()).unwrap();
    assert_eq!(verifier.verify(&proof).unwrap().outputs.unwrap()["fc2"].data, proven.outputs["fc2"].data);
    let report = circuit.inspect(1).unwrap();
    assert_eq!(report.segments.len(), circuit.key.vk.segments.len());
    assert!(report.to_string().contains("segment"));
    assert_eq!(circuit.openings_left().unwrap(), Some(23));
    let renewed = circuit.renew(&Silent).unwrap();
    assert_eq!(renewed.verifier().model_commitment(), verifier.model_commitment());
    let verifier = Verifier::from_bytes(file("n.vk"), &renewed.verifier().to_bytes()).unwrap();
    assert_eq!(verifier.verify(&renewed.prove(input, &Silent).unwrap().proof).unwrap().renewals, 1);
    let mut other = renewed.verifier();
    other.key.segments[1].root[0] ^= 1;
    assert!(Verifier::from_bytes(file("n.vk"), &other.to_bytes()).is_err());
}

#[test]
fn too_little_memory_is_refused() {
    let graph = zoo::model("mlp").unwrap();
    let (calibration, _) = synthetic_data(&graph, 1);
    let options = CompileOptions { memory: Some(1 << 20), ..CompileOptions::default() };
    let error = compile_graph(graph, &calibration, &options, &Silent).unwrap_err();
    assert!(matches!(error, Error::Option { option: "memory", .. }), "{error}");
}

#[test]
fn a_proof_that_was_stopped_goes_on() {
    struct StopAtLast(AtomicBool);
    impl crate::Progress for StopAtLast {
        fn segment(&self, index: usize, count: usize) {
            self.0.store(index + 1 == count, Ordering::Relaxed);
        }

        fn interrupted(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
    let (circuit, input) = in_segments();
    let folder = tempfile::tempdir().unwrap();
    let parts = parts_folder(&folder.path().join("p.proof"));
    let prove = |input: &Arrays, progress: &dyn crate::Progress| circuit.prove_resumable(Inputs::Values(input), 1, &parts, progress);
    assert!(matches!(prove(input, &StopAtLast(AtomicBool::new(false))), Err(Error::Interrupted)));
    let names = || std::fs::read_dir(&parts).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names().len(), circuit.key.vk.segments.len() - 1);
    #[cfg(unix)]
    for path in [parts.clone(), parts.join("000.part")] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
    }
    // Another input does not go on with it.
    let mut other = input.clone();
    other.values_mut().next().unwrap().data[0] += 0.5;
    let error = prove(&other, &Silent).unwrap_err();
    assert!(matches!(error, Error::Parts { .. }) && error.exit_code() == 2, "{error}");
    let kept = std::fs::read(parts.join("000.part")).unwrap();
    std::fs::write(parts.join("000.part"), &kept[..kept.len() - 1]).unwrap();
    assert!(matches!(prove(input, &Silent), Err(Error::Parts { .. })));
    std::fs::write(parts.join("000.part"), &kept).unwrap();
    let proven = prove(input, &Silent).unwrap();
    circuit.verifier().verify(&proven.proof).unwrap();
    // What somebody else put there stays.
    std::fs::write(parts.join("note.txt"), "mine").unwrap();
    remove_parts(&parts).unwrap();
    assert_eq!(names(), ["note.txt"]);
    std::fs::remove_file(parts.join("note.txt")).unwrap();
    remove_parts(&parts).unwrap();
    assert!(!parts.exists());
    remove_parts(&parts).unwrap();
}
