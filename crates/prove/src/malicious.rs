//! Malicious provers against the whole protocol.
//!
//! Each runs *another* computation in which every virtual tensor still follows from its operands, counts multiplicities as
//! well as it can, and then runs the honest prover's messages on that witness. A verifier that left out the constraint in
//! question would accept.

use std::panic::AssertUnwindSafe;

use veritorch_execute::{Params, Witness, execute};
use veritorch_graph::circuit::{AxisFactor, Circuit, Op, Policy, Table, TensorId, Term, Visibility};
use veritorch_sumcheck::E2;

#[path = "../tests/circuits/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the integration tests")]
pub(crate) mod circuits;
mod tamper;

use circuits::Case;

use crate::clock::Clock;
use crate::lookups::Lookups;
use crate::protocol::{prove_witness, verify_in};
use crate::request::{Secret, commit_outputs};
use crate::tensor::{CommittedTensor, Counted, Sizes, TensorFormat};
use crate::public::Public;
use crate::{InMemory, Linking, Profile, ProveError, Proof, ProvingKey, Setup, Silent, Statement, prove_linked, verify};

/// What a prover deviates in.
struct Cheat<'a> {
    /// The computation that it runs, on this circuit for one sample.
    circuit: &'a dyn Fn(&mut Circuit),
    /// The weights that it runs it with.
    params: Option<Params>,
    /// The commitments that it makes to inputs and outputs, when the honest ones are these.
    tensors: &'a dyn Fn(&mut Vec<CommittedTensor>),
    /// The statement that it claims.
    statement: &'a dyn Fn(&mut Statement),
}

impl Default for Cheat<'_> {
    fn default() -> Self {
        Self { circuit: &|_| {}, params: None, tensors: &|_| {}, statement: &|_| {} }
    }
}

/// The verifier's complaint about the forged proof, with or without masks. Without them each check is made where it stands and is
/// named; with them all become one claim on the pads.
fn forge(case: &Case, cheat: &Cheat<'_>, hidden: bool) -> String {
    let setup = Setup { lifetime: usize::from(hidden), ..Setup::default() };
    let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), setup, &Silent).unwrap();
    let mut circuit = key.vk.circuit.instantiate(1);
    (cheat.circuit)(&mut circuit);
    // The honest executor would stop at values that no table holds.
    circuit.constraints.clear();
    for tensor in circuit.tensors.iter_mut().filter(|tensor| !matches!(tensor.op, Op::Input { .. })) {
        (tensor.min, tensor.max) = (-(1 << 60), 1 << 60);
    }
    let mut witness = execute(&circuit, cheat.params.as_ref().unwrap_or(&key.params), &case.inputs).unwrap();
    let outputs = witness.outputs(&circuit);
    let mut extra = circuit.tensors.iter().map(|tensor| tensor.name.ends_with(EXTRA));
    witness.values.retain(|_| extra.next() != Some(true));
    let mut tensors = committed_tensors(&key, &case.inputs, &outputs);
    (cheat.tensors)(&mut tensors);
    let mut statement = stated(&circuit, &case.inputs, &outputs, &tensors);
    (cheat.statement)(&mut statement);
    let public = Public::<E2>::with_masks::<ProveError>(&key.vk, &Sizes::of(&statement), hidden).unwrap();
    let counts = multiplicities(&public.plan.circuit, &public.plan.lookups, &witness);
    let clock = Clock::new(&Silent);
    let openings = InMemory::new(8);
    let tensors: Vec<Counted<'_>> = tensors.iter().map(|tensor| Counted { tensor, openings: &openings }).collect();
    let secret = Secret { witness: &witness, multiplicities: &counts, openings: &openings, tensors: &tensors, seed: None };
    let (transcript, _) = match prove_witness(&key, &public, &statement, &secret, clock) {
        Ok(proof) => proof,
        Err(error) => return format!("no proof: {error}"),
    };
    let proof = Proof { statement, transcript: transcript.into_proof() };
    match verify_in(&key.vk, &public, &proof) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Fresh commitments to inputs and outputs, where the policy asks for them.
fn committed_tensors(key: &ProvingKey, inputs: &[Vec<i64>], outputs: &[Vec<i64>]) -> Vec<CommittedTensor> {
    let mut tensors = Vec::new();
    if key.vk.circuit.policy.input == Visibility::Committed {
        let format = TensorFormat { num_planes: 1, num_openings: 2, margin: 0 };
        tensors.extend(inputs.iter().map(|values| CommittedTensor::commit(values.clone(), format, Profile::Standard).unwrap()));
    }
    tensors.extend(commit_outputs(&key.vk, outputs, 2).unwrap());
    tensors
}

/// The statement of one sample.
fn stated(circuit: &Circuit, inputs: &[Vec<i64>], outputs: &[Vec<i64>], tensors: &[CommittedTensor]) -> Statement {
    let shown = |visibility, tensors: &[Vec<i64>]| if visibility == Visibility::Public { tensors.to_vec() } else { Vec::new() };
    Statement {
        batch: 1,
        inputs: shown(circuit.policy.input, inputs),
        outputs: shown(circuit.policy.output, outputs),
        commitments: tensors.iter().map(CommittedTensor::commitment).collect(),
    }
}

/// Counts by key, whatever the value; what is outside of a table counts for its first row.
pub(crate) fn multiplicities(circuit: &Circuit, lookups: &Lookups, witness: &Witness) -> Vec<Vec<u32>> {
    let used = lookups.argument.used_tables();
    let mut counts: Vec<Vec<u32>> = (0..circuit.tables.len())
        .map(|table| if used.contains(&table) { vec![0; circuit.tables[table].len()] } else { Vec::new() })
        .collect();
    for (spec, columns) in lookups.argument.lookups().iter().zip(&lookups.columns) {
        let table = &circuit.tables[spec.table];
        for key in witness.get(columns[0]).iter() {
            counts[spec.table][table.row(key).unwrap_or(0)] += 1;
        }
    }
    counts
}

fn is_refused_by(case: &Case, cheat: &Cheat<'_>, check: &str) {
    let complaint = forge(case, cheat, false);
    assert!(complaint.contains(check), "{}: `{complaint}` does not name `{check}`", case.name);
    let complaint = forge(case, cheat, true);
    assert!(complaint.contains("opening"), "{}: `{complaint}` with masks", case.name);
}

/// Changes the first operator for which `change` says that it did.
fn change_first(circuit: &mut Circuit, change: impl Fn(&mut Op) -> bool) {
    let changed = circuit.tensors.iter_mut().any(|tensor| change(&mut tensor.op));
    assert!(changed, "the circuit has no such operator");
}

#[test]
fn the_honest_prover_is_accepted() {
    for case in circuits::all() {
        for hidden in [false, true] {
            assert_eq!(forge(&case, &Cheat::default(), hidden), "accepted", "{} {hidden}", case.name);
        }
    }
}

#[test]
fn a_quotient_with_a_remainder_out_of_range_is_refused() {
    let shift = |circuit: &mut Circuit| {
        change_first(circuit, |op| match op {
            Op::FloorShift { shift, .. } => {
                *shift += 1;
                true
            }
            _ => false,
        });
    };
    // Where the first quotient is a digit that has no row in the table behind it, the prover has no witness at all.
    for case in circuits::all().into_iter().filter(|case| !["transformer", "forest"].contains(&case.name)) {
        is_refused_by(&case, &Cheat { circuit: &shift, ..Cheat::default() }, "lookup");
    }
}

#[test]
fn a_value_that_is_not_the_tables_is_refused() {
    for case in circuits::all() {
        let honest = case.circuit.instantiate(1);
        let witness = execute(&honest, &case.params, &case.inputs).unwrap();
        let counts = multiplicities(&honest, &Lookups::new(&honest).unwrap(), &witness);
        for (table, counts) in counts.iter().enumerate() {
            // A table of noise is in no lookup.
            let Some(used) = counts.iter().rposition(|&count| count > 0) else { continue };
            let other = |circuit: &mut Circuit| {
                if let Table::Function { values, .. } = &mut circuit.tables[table] {
                    values[used] += 1;
                }
            };
            if matches!(honest.tables[table], Table::Function { .. }) {
                is_refused_by(&case, &Cheat { circuit: &other, ..Cheat::default() }, "lookup");
            }
        }
    }
}

#[test]
fn a_reciprocal_that_is_not_the_quotient_is_refused() {
    let other = |circuit: &mut Circuit| {
        change_first(circuit, |op| match op {
            Op::Reciprocal { log_numerator, .. } => {
                *log_numerator -= 1;
                true
            }
            _ => false,
        });
    };
    is_refused_by(&circuits::attention(), &Cheat { circuit: &other, ..Cheat::default() }, "lookup");
}

#[test]
fn a_root_or_quotient_of_something_else_is_refused() {
    let root = |circuit: &mut Circuit| {
        change_first(circuit, |op| match *op {
            Op::SquareRoot { x } => {
                *op = Op::FloorShift { x, shift: 1 };
                true
            }
            _ => false,
        });
    };
    let quotient = |circuit: &mut Circuit| {
        change_first(circuit, |op| match op {
            Op::Divide { a, b } => {
                *a = *b;
                true
            }
            _ => false,
        });
    };
    is_refused_by(&circuits::norms(), &Cheat { circuit: &root, ..Cheat::default() }, "lookup");
    is_refused_by(&circuits::norms(), &Cheat { circuit: &quotient, ..Cheat::default() }, "lookup");
}

/// Marks a tensor of a deviating computation that the circuit does not have.
const EXTRA: &str = ":extra";

/// Changes one hint by a constant; what follows from it follows from the changed one.
fn shift_hint(circuit: &mut Circuit, index: usize, by: i64) {
    // The honest value stands in an extra tensor in front, so that ids behind it move by one.
    let moved = |id: &mut TensorId| id.0 += u32::from(id.index() >= index);
    for tensor in &mut circuit.tensors[index + 1..] {
        match &mut tensor.op {
            Op::Linear { terms, .. } => terms.iter_mut().for_each(|term| moved(&mut term.x)),
            Op::Conv { x: a, w: b, .. }
            | Op::Dense { x: a, w: b }
            | Op::MatMul { a, b }
            | Op::Mul { a, b }
            | Op::Divide { a, b }
            | Op::Gather { index: a, data: b } => [a, b].into_iter().for_each(moved),
            Op::Noise { seed: x, .. }
            | Op::Largest { x, .. }
            | Op::Reshape { x }
            | Op::FloorShift { x, .. }
            | Op::Lookup { x, .. }
            | Op::Reciprocal { x, .. }
            | Op::SquareRoot { x } => moved(x),
            Op::Input { .. } | Op::Weight { .. } => {}
        }
    }
    circuit.inputs.iter_mut().chain(&mut circuit.outputs).for_each(|port| moved(&mut port.tensor));
    let mut honest = circuit.tensors[index].clone();
    honest.name.push_str(EXTRA);
    let rank = honest.shape.len();
    let constant = vec![(by, vec![AxisFactor::Ones; rank])];
    let terms = vec![Term::identity(TensorId(index as u32), 1, rank)];
    circuit.tensors[index].op = Op::Linear { terms, constant };
    circuit.tensors.insert(index, honest);
}

#[test]
fn every_hint_is_refused_when_it_is_off_by_one() {
    for case in circuits::all() {
        let mut forged = 0;
        let hints: Vec<usize> = (0..case.circuit.tensors.len()).filter(|&i| case.circuit.tensors[i].op.is_hint()).collect();
        for &hint in &hints {
            for by in [-1, 1] {
                let other = |circuit: &mut Circuit| shift_hint(circuit, hint, by);
                let complaint = std::panic::catch_unwind(AssertUnwindSafe(|| forge(&case, &Cheat { circuit: &other, ..Cheat::default() }, false)));
                // Some deviations leave the domain of what follows, so that the prover has no witness at all.
                let Some(complaint) = complaint.ok().filter(|complaint| !complaint.starts_with("no proof")) else { continue };
                let what = format!("{}: {} by {by}: {complaint}", case.name, case.circuit.tensors[hint].name);
                assert!(complaint.contains("lookup"), "{what}");
                forged += 1;
            }
        }
        assert!(forged > hints.len(), "{}: {forged} of {} hints", case.name, hints.len());
    }
}

#[test]
fn a_private_input_out_of_range_is_refused() {
    let wider = |circuit: &mut Circuit| {
        for tensor in &mut circuit.tensors {
            if matches!(tensor.op, Op::Input { .. }) {
                (tensor.min, tensor.max) = (-1000, 1000);
            }
        }
    };
    let mut case = circuits::mlp();
    case.inputs[0][0] = 128;
    is_refused_by(&case, &Cheat { circuit: &wider, ..Cheat::default() }, "lookup");
}

#[test]
fn an_id_beyond_the_vocabulary_is_refused() {
    let mut case = circuits::transformer();
    case.inputs[0][0] = 19;
    is_refused_by(&case, &Cheat::default(), "lookup");
}

#[test]
fn other_weights_are_refused() {
    for case in circuits::all().into_iter().filter(|case| !case.params.is_empty()) {
        for param in 0..case.params.len() {
            let mut values: Vec<Vec<i64>> = (0..case.params.len()).map(|p| case.params.values(p)).collect();
            // All of them: a single weight may meet a zero.
            values[param].iter_mut().for_each(|weight| *weight ^= 1);
            let params = Params::from_values(&case.circuit.params, &values).unwrap();
            is_refused_by(&case, &Cheat { params: Some(params), ..Cheat::default() }, "failed");
        }
    }
}

#[test]
fn a_dropped_edge_is_refused() {
    for case in circuits::all() {
        let witness = execute(&case.circuit.instantiate(1), &case.params, &case.inputs).unwrap();
        for index in 0..case.circuit.tensors.len() {
            let several = |op: &Op| matches!(op, Op::Linear { terms, .. } if terms.len() > 1);
            if !several(&case.circuit.tensors[index].op) {
                continue;
            }
            for (term, operand) in case.circuit.tensors[index].op.operands().into_iter().enumerate() {
                // Weights are not kept in the witness.
                let values = witness.get(operand);
                if !values.is_empty() && values.iter().all(|value| value == 0) {
                    continue;
                }
                let drop = |circuit: &mut Circuit| {
                    if let Op::Linear { terms, .. } = &mut circuit.tensors[index].op {
                        terms.remove(term);
                    }
                };
                let complaint = std::panic::catch_unwind(AssertUnwindSafe(|| forge(&case, &Cheat { circuit: &drop, ..Cheat::default() }, true)));
                // Some deviations leave a table's domain, so that the prover has no witness at all.
                assert_ne!(complaint.ok().as_deref(), Some("accepted"), "{} tensor {index} term {term}", case.name);
            }
        }
    }
}

#[test]
fn a_false_output_is_refused() {
    for case in circuits::all() {
        for output in 0..case.circuit.outputs.len() {
            let other = |statement: &mut Statement| statement.outputs[output][0] ^= 1;
            is_refused_by(&case, &Cheat { statement: &other, ..Cheat::default() }, "failed");
        }
    }
}

#[test]
fn a_public_input_that_is_not_the_witness_is_refused() {
    let mut b = circuits::Builder::new("public", Policy { input: Visibility::Public, ..Policy::default() });
    let x = b.input(&[5]);
    let w = b.weight([1, 3, 5], 127);
    let logits = b.b.dense("fc", x, w).unwrap();
    b.b.output("logits", logits, &[3], vec![1.0]);
    let case = b.finish("public");
    assert_eq!(forge(&case, &Cheat::default(), true), "accepted");
    let other = |statement: &mut Statement| statement.inputs[0][4] ^= 1;
    is_refused_by(&case, &Cheat { statement: &other, ..Cheat::default() }, "public input");
}

/// The threshold is one step too high or too low, and everything behind it, the chosen entries included, follows from that.
#[test]
fn a_threshold_that_is_off_by_one_is_refused() {
    let case = circuits::draws();
    let hint = case.circuit.tensors.iter().position(|tensor| matches!(tensor.op, Op::Largest { .. })).unwrap();
    for by in [-1, 1] {
        let other = |circuit: &mut Circuit| shift_hint(circuit, hint, by);
        is_refused_by(&case, &Cheat { circuit: &other, ..Cheat::default() }, "lookup");
    }
    // Another place of the order: one entry more or less is drawn from.
    for place in [3, 5] {
        let other = |circuit: &mut Circuit| {
            change_first(circuit, |op| match op {
                Op::Largest { rank, .. } => {
                    *rank = place;
                    true
                }
                _ => false,
            });
        };
        is_refused_by(&case, &Cheat { circuit: &other, ..Cheat::default() }, "lookup");
    }
}

/// The prover draws by another seed than the one that it states.
#[test]
fn noise_of_another_seed_is_refused() {
    let case = circuits::draws();
    let witness = |inputs: &[Vec<i64>]| execute(&case.circuit.instantiate(1), &case.params, inputs).unwrap();
    for word in 0..4 {
        let other = |statement: &mut Statement| statement.inputs[1][word] ^= 1;
        is_refused_by(&case, &Cheat { statement: &other, ..Cheat::default() }, "noise");
    }
    // The seeds matter: another one draws something else.
    let mut inputs = case.inputs.clone();
    inputs[1][0] ^= 1;
    let outputs = |witness: &Witness| witness.outputs(&case.circuit);
    assert_ne!(outputs(&witness(&inputs)), outputs(&witness(&case.inputs)));
    // Noise from a table of its own.
    let table = |circuit: &mut Circuit| {
        let index = circuit.tensors.iter().find_map(|tensor| match tensor.op {
            Op::Noise { table, .. } => Some(table.index()),
            _ => None,
        });
        if let Table::Function { values, .. } = &mut circuit.tables[index.unwrap()] {
            values.iter_mut().for_each(|value| *value += 1);
        }
    };
    is_refused_by(&case, &Cheat { circuit: &table, ..Cheat::default() }, "noise");
}

#[test]
fn statements_that_no_circuit_has_are_refused() {
    let case = circuits::mlp();
    for (what, change) in [
        ("batch", &(|s: &mut Statement| s.batch = 0) as &dyn Fn(&mut Statement)),
        ("batch", &|s| s.batch = usize::MAX),
        ("entries", &|s| s.batch = 1 << 20),
        ("entries", &|s| s.outputs[0].push(0)),
        ("public outputs", &|s| s.outputs.clear()),
        ("outside", &|s| s.outputs[0][0] = i64::MAX),
        ("public inputs", &|s| s.inputs.push(vec![0; 20])),
    ] {
        let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
        let mut proof = crate::prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
        change(&mut proof.statement);
        let error = verify(&key.vk, &proof).unwrap_err().to_string();
        assert!(error.contains(what), "`{error}` does not name `{what}`");
    }
}

#[test]
fn a_key_with_a_batch_axis_is_refused_without_panic() {
    let case = circuits::mlp();
    let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
    let proof = crate::prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
    let mut hostile = key.vk.clone();
    hostile.circuit = case.circuit.instantiate(1);
    assert!(verify(&hostile, &proof).unwrap_err().to_string().contains("samples that the key"));
    assert!(crate::security(&hostile, 1).is_err());
}

#[test]
fn a_huge_batch_is_refused_without_panic() {
    let mut b = circuits::Builder::new("hidden", Policy { output: Visibility::Private, ..Policy::default() });
    let x = b.input(&[5]);
    let w = b.weight([1, 3, 5], 127);
    let acc = b.b.dense("fc", x, w).unwrap();
    let y = b.activate("relu", acc, 0, None);
    b.b.output("y", y, &[3], vec![1.0]);
    let case = b.finish("hidden");
    let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
    let proof = crate::prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
    let _ = verify(&key.vk, &proof).unwrap();
    for batch in [2, 1 << 10, 1 << 16, crate::MAX_BATCH] {
        let mut other = proof.clone();
        other.statement.batch = batch;
        assert!(verify(&key.vk, &other).is_err(), "batch {batch}");
    }
}

const COMMITTED: Policy = Policy { input: Visibility::Committed, output: Visibility::Committed, weights: Visibility::Private };

/// Two inputs and two outputs, all committed, one of them looked up and one an accumulator.
fn committed() -> Case {
    let mut b = circuits::Builder::new("committed", COMMITTED);
    let (x, y) = (b.input(&[2, 5]), b.input(&[4]));
    let w = b.weight([1, 3, 5], 127);
    let acc = b.b.dense("fc", x, w).unwrap();
    let relu = b.activate("relu", acc, 1, None);
    let w = b.weight([1, 3, 4], 127);
    let logits = b.b.dense("fc2", y, w).unwrap();
    b.b.output("relu", relu, &[2, 3], vec![1.0]);
    b.b.output("logits", logits, &[3], vec![1.0]);
    b.finish("committed")
}

/// The same with one entry changed, under a format that holds it.
fn changed(tensor: &CommittedTensor) -> CommittedTensor {
    let mut values = tensor.values();
    values[1] += if values[1] > 0 { -1 } else { 1 };
    CommittedTensor::commit(values, tensor.commitment().format, tensor.profile()).unwrap()
}

#[test]
fn committed_inputs_and_outputs_are_accepted() {
    for hidden in [false, true] {
        assert_eq!(forge(&committed(), &Cheat::default(), hidden), "accepted", "{hidden}");
    }
}

#[test]
fn a_commitment_to_another_tensor_is_refused() {
    for port in 0..4 {
        let other = |tensors: &mut Vec<CommittedTensor>| tensors[port] = changed(&tensors[port]);
        is_refused_by(&committed(), &Cheat { tensors: &other, ..Cheat::default() }, "failed");
    }
}

#[test]
fn a_commitment_of_another_length_is_refused() {
    for change in [&(|values: &mut Vec<i64>| values.push(0)) as &dyn Fn(&mut Vec<i64>), &|values| values.truncate(9)] {
        let other = |tensors: &mut Vec<CommittedTensor>| {
            let mut values = tensors[0].values();
            change(&mut values);
            tensors[0] = CommittedTensor::commit(values, tensors[0].commitment().format, Profile::Standard).unwrap();
        };
        for hidden in [false, true] {
            assert_ne!(forge(&committed(), &Cheat { tensors: &other, ..Cheat::default() }, hidden), "accepted");
        }
    }
}

#[test]
fn a_statement_with_another_proofs_commitment_is_refused() {
    for port in 0..4 {
        // A commitment to the same integers, and one to others.
        let again = |statement: &mut Statement| {
            let format = statement.commitments[port].format;
            let len = [10, 4, 6, 3][port];
            statement.commitments[port] = CommittedTensor::commit(vec![3; len], format, Profile::Standard).unwrap().commitment();
        };
        is_refused_by(&committed(), &Cheat { statement: &again, ..Cheat::default() }, "opening");
    }
}

#[test]
fn an_opening_replayed_with_other_integers_is_refused() {
    for port in 0..4 {
        let replay = |tensors: &mut Vec<CommittedTensor>| tensors[port] = tensors[port].replayed(&changed(&tensors[port]).values());
        // What the witness holds is not what the tree was made of, and the columns do not fit the root.
        is_refused_by(&committed(), &Cheat { tensors: &replay, ..Cheat::default() }, "opening");
    }
    let mut case = committed();
    let first = CommittedTensor::commit(case.inputs[0].clone(), TensorFormat { num_planes: 1, num_openings: 2, margin: 0 }, Profile::Standard).unwrap();
    case.inputs[0] = changed(&first).values();
    let replay = |tensors: &mut Vec<CommittedTensor>| tensors[0] = first.replayed(&tensors[0].values());
    is_refused_by(&case, &Cheat { tensors: &replay, ..Cheat::default() }, "opening");
}

#[test]
fn changed_commitments_in_a_statement_are_refused() {
    let case = committed();
    let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
    let format = TensorFormat { num_planes: 1, num_openings: 1, margin: 0 };
    let tensors: Vec<CommittedTensor> =
        case.inputs.iter().map(|values| CommittedTensor::commit(values.clone(), format, Profile::Standard).unwrap()).collect();
    let openings = InMemory::new(4);
    let linking = || Linking { inputs: tensors.iter().map(|tensor| Counted { tensor, openings: &openings }).collect(), ..Linking::default() };
    let proof = prove_linked(&key, &case.inputs, 1, &InMemory::new(1), &linking(), &Silent).unwrap().proof;
    let _ = verify(&key.vk, &proof).unwrap();
    assert_eq!(openings.left(), 2);
    type Change = dyn Fn(&mut Statement);
    let changes: [(&str, &Change); 9] = [
        ("", &|s| s.commitments[0].root[7] ^= 1),
        ("", &|s| s.commitments.swap(0, 1)),
        ("", &|s| s.commitments[0].format.num_openings = 2),
        ("", &|s| s.commitments[0].format.num_planes = 2),
        ("expected 4", &|s| s.commitments.truncate(3)),
        ("openings", &|s| s.commitments[0].format.num_openings = usize::MAX),
        ("openings", &|s| s.commitments[0].format.num_openings = 0),
        ("byte planes", &|s| s.commitments[3].format.num_planes = 8),
        ("public inputs", &|s| s.inputs.push(vec![0; 10])),
    ];
    for (what, change) in changes {
        let mut other = proof.clone();
        change(&mut other.statement);
        let error = verify(&key.vk, &other).unwrap_err().to_string();
        assert!(error.contains(what), "`{error}` does not name `{what}`");
    }
    // The largest formats that are possible cost time, and nothing else.
    let mut other = proof.clone();
    other.statement.commitments[0].format = TensorFormat { num_planes: 7, num_openings: 1 << 16, margin: 0 };
    assert!(verify(&key.vk, &other).is_err());

    let mut inputs = case.inputs.clone();
    inputs[1][0] ^= 1;
    let error = prove_linked(&key, &inputs, 1, &InMemory::new(1), &linking(), &Silent).unwrap_err();
    assert!(matches!(error, ProveError::OtherTensor { ref name, .. } if name == "x2"), "{error}");
    assert_eq!(openings.left(), 2, "nothing is used up by a refusal");
    let error = prove_linked(&key, &case.inputs, 1, &InMemory::new(1), &Linking::default(), &Silent).unwrap_err();
    assert!(matches!(error, ProveError::CommittedInputs { expected: 2, actual: 0 }), "{error}");
}
