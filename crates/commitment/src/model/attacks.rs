//! Provers that do not keep to the protocol, and owners that do not keep to the format.

use p3_field::{PrimeCharacteristicRing, PrimeField64};
use veritorch_execute::Params;
use veritorch_execute::kernels::evaluate_columns;
use veritorch_graph::circuit::ParamInfo;
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::mle::{Mle, eq_table, log_padded};
use veritorch_sumcheck::sumcheck::{self, Products};
use veritorch_sumcheck::transcript::{Transcript, TranscriptError};
use veritorch_sumcheck::{E2, E3, Ext, F, Factor, ProverTranscript, Value, VerifierTranscript};

use super::combine::combine;
use super::encode::ModelProver;
use super::layout::ModelLayout;
use super::open::{
    BATCH, COLUMNS, COMBINATION, EVALUATIONS, IDENTITY, PROXIMITY, SUMCHECK, column_points, draw_columns, inner_scheme,
    row_claim, row_coefficients,
};
use super::tree::{ModelTree, column_bytes, column_leaf};
use super::{ParamClaim, group, verify};
use crate::error::CommitmentError;
use crate::security::SecurityLevel;
use crate::whir::Root;

const DOMAIN: &str = "model attack";
const LEVEL: SecurityLevel = SecurityLevel { bits: 104, grinding: 4 };

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// A small model: a convolution, a wide and a narrow layer that leave padding in outputs and columns, a bias in planes.
fn infos() -> Vec<ParamInfo> {
    let info = |name: &str, shape, num_planes| ParamInfo { name: name.to_owned(), shape, num_planes };
    vec![
        info("conv", [9, 8, 3], 1),
        info("dense", [1, 21, 60], 2),
        info("head", [1, 10, 21], 1),
        info("bias", [1, 1, 21], 3),
    ]
}

fn values(seed: u64) -> Vec<Vec<i64>> {
    let mut state = seed;
    infos()
        .iter()
        .map(|info| {
            let bound = 100 << (8 * (info.num_planes - 1));
            let len = info.shape.iter().product();
            (0..len).map(|_| (random(&mut state) % (2 * bound)) as i64 - bound as i64).collect()
        })
        .collect()
}

fn model(seed: u64) -> ModelProver {
    let params = Params::from_values(&infos(), &values(seed)).unwrap();
    ModelProver::commit(ModelLayout::new(&infos()).unwrap(), &params).unwrap()
}

/// Claims without values: each param once, one with another kernel vector, two with another column vector.
fn forms<E: Ext>(transcript: &mut impl Transcript) -> Vec<ParamClaim<E, ()>> {
    let mut draw = |count| transcript.challenges::<E>("form", count);
    let mut forms: Vec<ParamClaim<E, ()>> = infos()
        .iter()
        .enumerate()
        .map(|(param, info)| {
            let [kernel, outputs, columns] = info.shape;
            let column = if param == 1 { Factor::Explicit(draw(columns)) } else { Factor::Eq(draw(log_padded(columns))) };
            ParamClaim { param, kernel: draw(kernel), output_point: draw(log_padded(outputs)), column, value: () }
        })
        .collect();
    let again = ParamClaim { kernel: draw(9), ..forms[0].clone() };
    forms.push(again);
    forms.push(ParamClaim { column: Factor::Eq(draw(6)), ..forms[1].clone() });
    forms.push(ParamClaim { column: Factor::Eq(draw(2)), ..forms[0].clone() });
    forms
}

/// The value of a claim by its definition.
fn value<E: Ext>(form: &ParamClaim<E, ()>, values: &[Vec<i64>]) -> E {
    let [kernel, outputs, columns] = infos()[form.param].shape;
    let output = eq_table(&form.output_point);
    let column = form.column.vector(columns);
    let mut sum = E::ZERO;
    for (index, &entry) in values[form.param].iter().enumerate() {
        let (k, o, c) = (index / (outputs * columns), index / columns % outputs, index % columns);
        assert!(k < kernel);
        sum += form.kernel[k] * output[o] * column[c] * E::from_int(entry);
    }
    sum
}

/// What a prover does otherwise than it should. The default is an honest prover.
#[derive(Default)]
struct Deviation<'a, E: Ext> {
    /// The model that rows are combined from.
    combined: Option<&'a ModelProver>,
    /// The model that columns are taken from.
    columns: Option<&'a ModelProver>,
    /// The model that three of four columns are taken from.
    mixed: Option<&'a ModelProver>,
    /// The model that paths are taken from.
    paths: Option<&'a ModelProver>,
    /// Added to the values of claims.
    values: Vec<(usize, E)>,
    /// Added to an evaluation, and taken from another so that the verifier's sum stays what it was.
    compensated: Option<(usize, usize, E)>,
    /// Whether the last evaluation absorbs what the verifier's sum lacks.
    balance: bool,
    /// Whether the combined row is changed so that it has the claimed value at the sumcheck's point.
    bend: bool,
    /// Whether columns are sent as the bent row would have them, with the paths of the true ones.
    bent_columns: bool,
    /// Rewrites the bytes of columns and paths.
    rewrite: Option<&'a dyn Fn(Vec<u8>, usize) -> Vec<u8>>,
}

fn prove<E: Ext>(committed: &ModelProver, values: &[Vec<i64>], deviation: &Deviation<'_, E>) -> Vec<u8> {
    let layout = committed.layout();
    let combined = deviation.combined.unwrap_or(committed);
    let mut transcript = ProverTranscript::new(DOMAIN);
    let mut claims: Vec<ParamClaim<E>> =
        forms(&mut transcript).iter().map(|form| form.with_value(value(form, values))).collect();
    for &(claim, by) in &deviation.values {
        claims[claim].value += by;
    }
    transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());

    transcript.absorb(IDENTITY, &layout.identity(&committed.root()));
    let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
    let delta: E = transcript.challenge(BATCH);
    let groups = group::groups(layout, &claims, delta);
    let sum = delta.powers().zip(&claims).map(|(power, claim)| power * claim.value).sum();
    let rows = combined.rows();
    let proximity = combine(&rows, &eq_table(&gamma)[..rows.len()]);
    let terms = groups
        .iter()
        .map(|group| {
            let (rows, coefficients): (Vec<&[i8]>, Vec<E>) =
                group.rows.iter().map(|(&row, &coefficient)| (combined.row(row), coefficient)).unzip();
            vec![Mle::new(combine(&rows, &coefficients)), Mle::new(group.table(layout.log_columns()))]
        })
        .collect();
    let mut products = Products { terms };
    let mut state = transcript.clone();
    let reduced = sumcheck::prove(&mut transcript, SUMCHECK, &mut [&mut products], &[sum]);
    let mut evaluations = vec![Mle::new(proximity).evaluate(&reduced.point)];
    evaluations.extend(products.terms.iter().map(|term| term[0].value()));
    let forms_at: Vec<E> = groups.iter().map(|group| group.evaluate(&reduced.point)).collect();
    if let Some((one, other, by)) = deviation.compensated {
        evaluations[one] += by;
        evaluations[other] -= by * forms_at[one - 1] * forms_at[other - 1].inverse();
    }
    if deviation.balance {
        // The claim that the verifier is left with, from the messages just sent.
        let sent = transcript.clone().into_proof();
        let start = state.clone().into_proof().len();
        let mut verifier = Replay { state: &mut state, bytes: &sent[start..] };
        let left = verifier.left(&reduced.point, sum);
        let has: E = evaluations[1..].iter().zip(&forms_at).map(|(&u, &z)| u * z).sum();
        let last = groups.len();
        evaluations[last] += (left - has) * forms_at[last - 1].inverse();
    }
    transcript.send(EVALUATIONS, &evaluations);

    let epsilon: E = transcript.challenge(COMBINATION);
    let coefficients = row_coefficients(&gamma, &groups, epsilon, rows.len());
    let mut combination = combine(&rows, &coefficients);
    let claimed: E = epsilon.powers().zip(&evaluations).map(|(power, &u)| power * u).sum();
    if deviation.bend {
        let table = eq_table(&reduced.point);
        let has: E = table.iter().zip(&combination).map(|(&a, &b)| a * b).sum();
        combination[0] += (claimed - has) * table[0].inverse();
    }
    let limbs: Vec<F> = (0..E::DEGREE)
        .flat_map(|limb| combination.iter().map(move |value| value.as_basis_coefficients_slice()[limb]))
        .collect();
    let scheme = inner_scheme::<E>(layout, LEVEL).unwrap();
    let (root, data) = scheme.commit(&[&limbs]).unwrap();
    transcript.send_bytes(COMBINATION, &root);
    transcript.grind(COLUMNS, LEVEL.grinding);
    let indices = draw_columns(&mut transcript, layout, LEVEL);
    let points = column_points(layout, &indices);
    let numbers: Vec<u64> = points.iter().map(F::as_canonical_u64).collect();
    let mut columns = evaluate_columns(&deviation.columns.unwrap_or(committed).rows(), &numbers);
    if let Some(other) = deviation.mixed {
        let others = evaluate_columns(&other.rows(), &numbers);
        for ((column, other), index) in columns.iter_mut().zip(others).zip(&indices) {
            if index % 4 != 0 {
                *column = other;
            }
        }
    }
    if deviation.bent_columns {
        for (column, &point) in columns.iter_mut().zip(&points) {
            let wanted = combination.iter().rev().fold(E::ZERO, |sum, &c| sum * E::from(point) + c);
            // Row 0 takes the difference, as far as the base field goes.
            let has: E = coefficients.iter().zip(column.iter()).map(|(&a, &b)| a * F::from_u64(b)).sum();
            let by = ((wanted - has) * coefficients[0].inverse()).as_basis_coefficients_slice()[0];
            column[0] = (F::from_u64(column[0]) + by).as_canonical_u64();
        }
    }
    let mut bytes: Vec<u8> = columns.iter().flat_map(|column| column_bytes(column)).collect();
    let num_cells = bytes.len();
    bytes.extend(deviation.paths.unwrap_or(committed).tree().siblings(&indices).iter().flatten());
    if let Some(rewrite) = deviation.rewrite {
        bytes = rewrite(bytes, num_cells);
    }
    transcript.send_embedded(COLUMNS, &bytes);
    transcript.absorb(COLUMNS, blake3::hash(&bytes).as_bytes());
    let mut claims = vec![row_claim(Factor::Eq(reduced.point), claimed)];
    for (&point, column) in points.iter().zip(&columns) {
        let value = coefficients.iter().zip(column).map(|(&a, &b)| a * F::from_u64(b)).sum();
        claims.push(row_claim(Factor::Powers(point), value));
    }
    scheme.open(&mut transcript, data, &claims).unwrap();
    transcript.into_proof()
}

/// Replays the verifier of the sumcheck on messages just sent.
struct Replay<'a> {
    state: &'a mut ProverTranscript,
    bytes: &'a [u8],
}

impl Replay<'_> {
    fn left<E: Ext>(&mut self, point: &[E], sum: E) -> E {
        let mut claim = sum;
        for (round, &r) in point.iter().enumerate() {
            let size = 2 * E::DEGREE * 8;
            let words: Vec<u64> = self.bytes[round * size..(round + 1) * size]
                .chunks_exact(8)
                .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
                .collect();
            let (low, high) = words.split_at(E::DEGREE);
            let (at_zero, at_two) = (E::from_limbs(low), E::from_limbs(high));
            self.state.send(SUMCHECK, &[at_zero, at_two]);
            assert_eq!(self.state.challenge::<E>(SUMCHECK), r);
            let values = [at_zero, claim - at_zero, at_two];
            claim = sumcheck::lagrange(3, r).into_iter().zip(values).map(|(a, b)| a * b).sum();
        }
        claim
    }
}

fn check<E: Ext>(layout: &ModelLayout, root: &Root, proof: &[u8]) -> Result<(), CommitmentError> {
    let mut transcript = VerifierTranscript::new(DOMAIN, proof);
    let forms = forms::<E>(&mut transcript);
    let values: Vec<Value<E>> = transcript.receive("values", forms.len())?;
    let claims: Vec<_> = forms.iter().zip(values).map(|(form, value)| form.with_value(value)).collect();
    verify(layout, root, &mut transcript, LEVEL, &claims)?;
    Ok(transcript.finish()?)
}

#[track_caller]
fn refused<E: Ext>(model: &ModelProver, deviation: &Deviation<'_, E>) -> String {
    let proof = prove(model, &values(1), deviation);
    check::<E>(model.layout(), &model.root(), &proof).expect_err("a dishonest proof was accepted").to_string()
}

const SUM: &str = "check `model sumcheck` failed";
const INNER: &str = "check `witness sumcheck` failed";
const ROOT: &str = "do not lead to the root";

fn honest<E: Ext>() {
    let model = model(1);
    let proof = prove::<E>(&model, &values(1), &Deviation::default());
    check::<E>(model.layout(), &model.root(), &proof).unwrap();

    // The prover above is the library's, step by step.
    let mut transcript = ProverTranscript::new(DOMAIN);
    let claims: Vec<ParamClaim<E>> =
        forms(&mut transcript).iter().map(|form| form.with_value(value(form, &values(1)))).collect();
    transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());
    model.open(&mut transcript, LEVEL, &claims).unwrap();
    let own = transcript.into_proof();
    check::<E>(model.layout(), &model.root(), &own).unwrap();
    assert_eq!(own.len(), proof.len());
}

#[test]
fn honest_openings_are_accepted() {
    honest::<E2>();
    honest::<E3>();
}

#[test]
fn a_stored_tree_serves_as_well() {
    let first = model(1);
    let params = Params::from_values(&infos(), &values(1)).unwrap();
    let stored: ModelTree = postcard::from_bytes(&postcard::to_stdvec(first.tree()).unwrap()).unwrap();
    let loaded = ModelProver::load(first.layout().clone(), &params, stored).unwrap();
    let proof = prove::<E2>(&loaded, &values(1), &Deviation::default());
    check::<E2>(first.layout(), &first.root(), &proof).unwrap();
    let short = ModelTree::new(vec![[0; 32]; 2]);
    assert!(matches!(
        ModelProver::load(first.layout().clone(), &params, short),
        Err(CommitmentError::Count { what: "levels of a model's tree", .. })
    ));
}

#[test]
fn a_wrong_value_is_refused_whichever_it_is() {
    let model = model(1);
    for claim in 0..7 {
        let deviation = Deviation { values: vec![(claim, E2::ONE)], ..Deviation::default() };
        assert_eq!(refused(&model, &deviation), SUM);
    }
    let deviation = Deviation { values: vec![(2, E3::ONE), (3, -E3::ONE)], ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), SUM);
}

#[test]
fn a_dropped_claim_is_refused() {
    let model = model(1);
    for dropped in 0..7 {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let mut claims: Vec<ParamClaim<E2>> =
            forms(&mut transcript).iter().map(|form| form.with_value(value(form, &values(1)))).collect();
        claims[dropped].value += E2::ONE;
        transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());
        claims.remove(dropped);
        model.open(&mut transcript, LEVEL, &claims).unwrap();
        check::<E2>(model.layout(), &model.root(), &transcript.into_proof()).unwrap_err();
    }
}

#[test]
fn evaluations_that_compensate_each_other_are_refused() {
    let model = model(1);
    let deviation = Deviation { compensated: Some((1, 2, E2::ONE)), ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), INNER);
}

#[test]
fn a_wrong_value_behind_a_wrong_evaluation_is_refused() {
    let model = model(1);
    let deviation = Deviation { values: vec![(0, E2::ONE)], balance: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), INNER);
}

#[test]
fn a_combined_row_that_is_bent_to_the_claim_is_refused() {
    let model = model(1);
    let mut deviation = Deviation { values: vec![(0, E2::ONE)], balance: true, bend: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), INNER);
    deviation.bent_columns = true;
    assert!(refused(&model, &deviation).contains(ROOT));
    let deviation = Deviation { values: vec![(0, E3::ONE)], balance: true, bend: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), INNER);
}

#[test]
fn another_model_is_refused_however_columns_and_paths_are_mixed() {
    let (one, other) = (model(1), model(2));
    let combined = Deviation { combined: Some(&other), ..Deviation::<E2>::default() };
    let proof = prove(&one, &values(2), &combined);
    let error = check::<E2>(one.layout(), &one.root(), &proof).unwrap_err();
    assert_eq!(error.to_string(), INNER);
    for paths in [&one, &other] {
        let all = Deviation { combined: Some(&other), columns: Some(&other), paths: Some(paths), ..Deviation::<E2>::default() };
        let error = check::<E2>(one.layout(), &one.root(), &prove(&one, &values(2), &all)).unwrap_err();
        assert!(error.to_string().contains(ROOT), "{error}");
    }
    let columns = Deviation { columns: Some(&other), ..Deviation::<E2>::default() };
    assert!(refused(&one, &columns).contains(ROOT));
    let paths = Deviation { paths: Some(&other), ..Deviation::<E2>::default() };
    assert!(refused(&one, &paths).contains(ROOT));
}

#[test]
fn another_layout_or_root_is_refused() {
    let model = model(1);
    let proof = prove::<E2>(&model, &values(1), &Deviation::default());
    let mut root = model.root();
    root[3] ^= 1;
    check::<E2>(model.layout(), &root, &proof).unwrap_err();
    // Another orientation of two params.
    let mut infos = infos();
    infos[3].shape = [1, 21, 1];
    infos[2].shape = [1, 21, 10];
    let other = ModelLayout::new(&infos).unwrap();
    check::<E2>(&other, &model.root(), &proof).unwrap_err();
}

#[test]
fn path_and_column_lists_of_another_length_are_refused() {
    let model = model(1);
    let truncate = |mut bytes: Vec<u8>, _| {
        bytes.truncate(bytes.len() - 32);
        bytes
    };
    let extend = |mut bytes: Vec<u8>, _| {
        bytes.extend([0; 32]);
        bytes
    };
    let duplicate_node = |mut bytes: Vec<u8>, cells: usize| {
        let node = bytes[cells..cells + 32].to_vec();
        bytes.splice(cells..cells, node);
        bytes
    };
    let duplicate_column = |mut bytes: Vec<u8>, _| {
        let column = bytes[..8 * 8].to_vec();
        bytes.splice(0..0, column);
        bytes
    };
    let rewrites: [&dyn Fn(Vec<u8>, usize) -> Vec<u8>; 4] = [&truncate, &extend, &duplicate_node, &duplicate_column];
    for rewrite in rewrites {
        let error = refused(&model, &Deviation::<E2> { rewrite: Some(rewrite), ..Deviation::default() });
        assert!(error.contains("bytes"), "{error}");
    }
}

#[test]
fn columns_and_nodes_in_another_order_are_refused() {
    let model = model(1);
    let rows = model.layout().num_rows();
    let swap_columns = |mut bytes: Vec<u8>, _| {
        let (one, other) = bytes.split_at_mut(rows * 8);
        one.swap_with_slice(&mut other[..rows * 8]);
        bytes
    };
    let swap_nodes = |mut bytes: Vec<u8>, cells: usize| {
        let (one, other) = bytes[cells..].split_at_mut(32);
        one.swap_with_slice(&mut other[..32]);
        bytes
    };
    let repeat_column = |mut bytes: Vec<u8>, _| {
        let column = bytes[..rows * 8].to_vec();
        bytes[rows * 8..2 * rows * 8].copy_from_slice(&column);
        bytes
    };
    let rewrites: [&dyn Fn(Vec<u8>, usize) -> Vec<u8>; 3] = [&swap_columns, &swap_nodes, &repeat_column];
    for rewrite in rewrites {
        let error = refused(&model, &Deviation::<E2> { rewrite: Some(rewrite), ..Deviation::default() });
        assert!(error.contains(ROOT), "{error}");
    }
}

/// A model of one row that holds nothing but a small constant: every column of its code is that number.
fn constant() -> (ModelLayout, Vec<i8>) {
    let layout = ModelLayout::new(&[ParamInfo { name: "w".to_owned(), shape: [1, 1, 4], num_planes: 1 }]).unwrap();
    let mut matrix = vec![0; layout.num_rows() << layout.log_columns()];
    matrix[0] = 5;
    (layout, matrix)
}

#[test]
fn an_owner_who_hashes_non_canonical_elements_gains_nothing() {
    let (layout, matrix) = constant();
    assert_eq!(layout.num_rows(), 1);
    let leaf = column_leaf(&(P + 5).to_le_bytes());
    let tree = ModelTree::new(vec![leaf; 1 << layout.log_domain()]);
    let canonical = ModelProver::hostile(layout.clone(), matrix.clone(), None);
    let leaves = ModelTree::new(vec![column_leaf(&5u64.to_le_bytes()); 1 << layout.log_domain()]);
    assert_eq!(canonical.root(), leaves.root());
    let hostile = ModelProver::hostile(layout.clone(), matrix, Some(tree));

    let prove_one = |model: &ModelProver| {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let column = Factor::Eq(transcript.challenges::<E2>("form", 2));
        let value = column.vector(4)[0] * E2::from_int(5);
        transcript.send("value", &[value]);
        let claim = ParamClaim { param: 0, kernel: vec![E2::ONE], output_point: vec![], column, value };
        model.open(&mut transcript, LEVEL, &[claim]).unwrap();
        transcript.into_proof()
    };
    let check_one = |root: &Root, proof: &[u8]| {
        let mut transcript = VerifierTranscript::new(DOMAIN, proof);
        let column = Factor::Eq(transcript.challenges::<E2>("form", 2));
        let value = transcript.receive_one::<E2>("value").unwrap();
        let claim = ParamClaim { param: 0, kernel: vec![E2::ONE], output_point: vec![], column, value };
        verify(&layout, root, &mut transcript, LEVEL, &[claim])
    };
    check_one(&canonical.root(), &prove_one(&canonical)).unwrap();
    // With the canonical bytes the paths fail; with the hashed ones the encoding does.
    let mut proof = prove_one(&hostile);
    assert!(check_one(&hostile.root(), &proof).unwrap_err().to_string().contains(ROOT));
    let mut changed = 0;
    for start in 0..proof.len() - 8 {
        if proof[start..start + 8] == 5u64.to_le_bytes() {
            proof[start..start + 8].copy_from_slice(&(P + 5).to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed > 50);
    let error = check_one(&hostile.root(), &proof).unwrap_err();
    assert!(matches!(error, CommitmentError::Transcript(TranscriptError::NonCanonical { label: COLUMNS, .. })), "{error}");
}

#[test]
fn weights_in_the_padding_are_no_part_of_a_claim() {
    let honest = model(1);
    let layout = honest.layout().clone();
    let len = 1usize << layout.log_columns();
    let mut matrix = honest.matrix().to_vec();
    let mut used = vec![false; matrix.len()];
    for placement in layout.placements() {
        let [kernel, outputs, columns] = placement.shape;
        for plane in 0..placement.num_planes {
            for position in 0..kernel {
                for output in 0..outputs {
                    let row = placement.row(plane, position, output >> placement.log_outputs);
                    let low = output % (1 << placement.log_outputs);
                    let start = row * len + placement.first_column + (low << placement.log_column);
                    used[start..start + columns].fill(true);
                }
            }
        }
    }
    let mut state = 9;
    for (cell, used) in matrix.iter_mut().zip(used) {
        if !used {
            *cell = random(&mut state) as i8;
        }
    }
    assert_ne!(matrix, honest.matrix());
    let hostile = ModelProver::hostile(layout.clone(), matrix, None);
    assert_ne!(hostile.root(), honest.root());
    let proof = prove::<E2>(&hostile, &values(1), &Deviation::default());
    check::<E2>(&layout, &hostile.root(), &proof).unwrap();
}

#[test]
fn a_matrix_that_is_not_encoded_is_refused() {
    // The tree of a word that differs from the code in 3 of 4 columns, the rest of the proof honest.
    let model = model(1);
    let other = self::model(2);
    let leaves = |model: &ModelProver| -> Vec<[u8; 32]> {
        let rows = model.rows();
        let indices: Vec<usize> = (0..1 << model.layout().log_domain()).collect();
        let points: Vec<u64> = column_points(model.layout(), &indices).iter().map(F::as_canonical_u64).collect();
        evaluate_columns(&rows, &points)
            .iter()
            .map(|column| column_leaf(&column_bytes(column).collect::<Vec<u8>>()))
            .collect()
    };
    let (one, two) = (leaves(&model), leaves(&other));
    assert_eq!(ModelTree::new(one.clone()), *model.tree());
    let mixed = (0..one.len()).map(|index| if index % 4 == 0 { one[index] } else { two[index] }).collect();
    let hostile =
        ModelProver::hostile(model.layout().clone(), model.matrix().to_vec(), Some(ModelTree::new(mixed)));
    assert!(refused(&hostile, &Deviation::<E2>::default()).contains(ROOT));
    // With the columns that the tree does hold, no row of the code agrees with enough of them.
    assert_eq!(refused(&hostile, &Deviation::<E2> { mixed: Some(&other), ..Deviation::default() }), INNER);
    let combined = Deviation::<E2> { mixed: Some(&other), combined: Some(&other), ..Deviation::default() };
    let proof = prove(&hostile, &values(2), &combined);
    assert_eq!(check::<E2>(hostile.layout(), &hostile.root(), &proof).unwrap_err().to_string(), INNER);
}

#[test]
fn every_byte_flip_is_refused() {
    let model = model(1);
    let proof = prove::<E2>(&model, &values(1), &Deviation::default());
    for (count, byte) in (0..proof.len()).step_by(131).enumerate() {
        let mut proof = proof.clone();
        proof[byte] ^= 1 << (count % 8);
        assert!(check::<E2>(model.layout(), &model.root(), &proof).is_err(), "byte {byte}");
    }
    for len in (0..proof.len()).step_by(4001).chain([proof.len() - 1]) {
        check::<E2>(model.layout(), &model.root(), &proof[..len]).unwrap_err();
    }
}

#[test]
fn misfitting_claims_are_errors() {
    let model = model(1);
    let claim = |param, kernel: usize, point: usize, column| ParamClaim {
        param,
        kernel: vec![E2::ONE; kernel],
        output_point: vec![E2::ONE; point],
        column,
        value: E2::ONE,
    };
    let eq = |vars: usize| Factor::Eq(vec![E2::ONE; vars]);
    let cases = [
        claim(4, 9, 3, eq(2)),
        claim(0, 8, 3, eq(2)),
        claim(0, 9, 4, eq(2)),
        claim(0, 9, 3, eq(1)),
        claim(0, 9, 3, Factor::Explicit(vec![E2::ONE; 4])),
        claim(0, 9, 3, Factor::Powers(F::ONE)),
    ];
    for case in cases {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let error = model.open(&mut transcript, LEVEL, &[case]).unwrap_err();
        assert!(matches!(error, CommitmentError::ParamClaim { claim: 0, .. }), "{error}");
    }
}

#[test]
fn bound_outputs_are_sums_over_real_outputs() {
    let model = model(1);
    let mut state = 4;
    for (param, info) in infos().iter().enumerate() {
        let [kernel, outputs, columns] = info.shape;
        let output: Vec<E2> = (0..outputs).map(|_| E2::from_limbs(&[random(&mut state) >> 1, random(&mut state) >> 1])).collect();
        let bound = model.bind_output(param, &output);
        assert_eq!(bound.len(), kernel * columns);
        let values = &values(1)[param];
        for (index, &sum) in bound.iter().enumerate() {
            let (k, c) = (index / columns, index % columns);
            let expected: E2 =
                (0..outputs).map(|o| output[o] * E2::from_int(values[(k * outputs + o) * columns + c])).sum();
            assert_eq!(sum, expected);
        }
    }
}

#[test]
fn every_term_of_the_error_reaches_the_level() {
    let layout = ModelLayout::new(&infos()).unwrap();
    for term in super::security_terms::<E2>(&layout, SecurityLevel::default(), &[0, 1, 2, 3]).unwrap() {
        assert!(term.bits >= 104.0, "{term:?}");
    }
    let level = SecurityLevel { bits: 132, grinding: 12 };
    for term in super::security_terms::<E3>(&layout, level, &[0, 1, 2, 3]).unwrap() {
        assert!(term.bits >= 132.0, "{term:?}");
    }
    assert!(super::security_terms::<E2>(&layout, level, &[0]).is_err());
}
