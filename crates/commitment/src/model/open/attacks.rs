//! Provers that do not keep to the protocol, and owners that do not keep to the format.
//!
//! [`prove`] is the honest prover step by step, with a place for each deviation; what it ends in is a claim on the combined row, which
//! the opening of the proof's stacks refuses.

mod hidden;
mod honest;
mod values;
mod words;

use p3_field::PrimeCharacteristicRing;
use veritorch_execute::Params;
use veritorch_graph::circuit::ParamInfo;
use veritorch_sumcheck::mle::eq_table;
use veritorch_sumcheck::random::SecretRng;

use super::*;
use crate::matrix::MatrixData;
use crate::model::reserve::InMemory;
use crate::opening::{Opening, Relations};
use crate::stack::Cells;

const DOMAIN: &str = "model attack";
const LEVEL: SecurityLevel = SecurityLevel { bits: 104, grinding: 2 };
/// Openings that the rows' masks are made for.
const OPENINGS: usize = 2;
/// Bytes of the columns and paths of a proof, where its cells end, what they become.
type Rewrite<'a> = &'a dyn Fn(Vec<u8>, usize) -> Vec<u8>;

/// What refuses false equations: the last sumcheck over the combined row of the opening.
const EQUATION: &str = "check `combination sumcheck` failed";
/// What refuses columns that were not committed.
const ROOT: &str = "opening `model columns` refused: its paths do not lead to the root";

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// A small model: a convolution, a wide and a narrow layer that leave padding in outputs and columns, a bias in planes.
fn infos() -> Vec<ParamInfo> {
    let info = |name: &str, shape, num_planes| ParamInfo { name: name.to_owned(), shape, num_planes };
    vec![info("conv", [9, 8, 3], 1), info("dense", [1, 21, 60], 2), info("head", [1, 10, 21], 1), info("bias", [1, 1, 21], 3)]
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

fn params(seed: u64) -> Params {
    Params::from_values(&infos(), &values(seed)).unwrap()
}

fn layout() -> ModelLayout {
    ModelLayout::new(&infos(), OPENINGS, LEVEL).unwrap()
}

/// A committed model; its masks are those of the seed as well.
fn model(seed: u64) -> ModelProver {
    ModelProver::commit(layout(), &params(seed), [seed as u8; 32]).unwrap()
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
    let [_, outputs, columns] = infos()[form.param].shape;
    let (output, column) = (eq_table(&form.output_point), form.column.vector(columns));
    let entries = values[form.param].iter().enumerate();
    entries
        .map(|(index, &entry)| {
            let (k, o, c) = (index / (outputs * columns), index / columns % outputs, index % columns);
            form.kernel[k] * output[o] * column[c] * E::from_int(entry)
        })
        .sum()
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
    /// Added to the proximity combination's value.
    proximity: E,
    /// Whether the combined row is changed so that it has the value that the verifier expects at the sumcheck's point.
    bend: bool,
    /// Whether columns are sent as the bent row would have them, with the paths of the true ones.
    bent_columns: bool,
    /// Whether what is claimed of the combined row is what it is, and not what the verifier derives.
    denies: bool,
    /// Rewrites the bytes of columns and paths.
    rewrite: Option<Rewrite<'a>>,
}

/// Columns are shown without asking anyone who counts.
fn reservation(model: &ModelProver) -> Reservation {
    Reservation::take(model.layout(), &InMemory::new(1)).unwrap()
}

fn opening<E: Ext>(layout: &ModelLayout) -> Opening<E> {
    Opening::new(&[combined_shapes::<E>(layout)], true, LEVEL).unwrap()
}

fn relations<E: Ext>(claims: Vec<TensorClaim<E>>) -> Relations<E> {
    Relations { claims, checks: Vec::new(), pads: None }
}

fn prove<E: Ext>(committed: &ModelProver, values: &[Vec<i64>], deviation: &Deviation<'_, E>) -> Vec<u8> {
    let layout = committed.layout();
    let mut transcript = ProverTranscript::new(DOMAIN);
    let mut claims: Vec<ParamClaim<E>> = forms(&mut transcript).iter().map(|form| form.with_value(value(form, values))).collect();
    for &(claim, by) in &deviation.values {
        claims[claim].value += by;
    }
    transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());

    // Steps 1 and 2.
    let combined = deviation.combined.unwrap_or(committed);
    transcript.absorb(IDENTITY, &layout.identity(&committed.root()));
    let delta: E = transcript.challenge(BATCH);
    let groups = group::groups(layout, &claims, delta);
    let sum = delta.powers().zip(&claims).map(|(power, claim)| power * claim.value).sum();
    let rows: Vec<Vec<PackedE<E>>> = groups.iter().map(|group| combined.combine_rows(group.rows.iter().map(|(&row, &weight)| (row, weight)))).collect();
    let tables = groups.iter().map(|group| group.table(layout.log_columns()));
    let terms = rows.iter().zip(tables).map(|(row, table)| vec![Mle::Packed(row.clone()), Mle::Packed(table)]).collect();
    let mut products = Products { terms };
    let reduced = sumcheck::prove(&mut transcript, SUMCHECK, &mut [&mut products], &[sum]);
    let gamma: Vec<E> = transcript.challenges(PROXIMITY, log_padded(layout.num_rows()));
    let proximity = eq_table(&gamma);
    let tested = combined.combine_rows(proximity.iter().take(layout.num_rows()).copied().enumerate());
    let u = Mle::Packed(tested.clone()).evaluate(&reduced.point) + deviation.proximity;
    transcript.send(PROXIMITY, &[u]);
    let epsilon: E = transcript.challenge(COMBINATION);
    let weights: Vec<E> = products.terms.iter().map(|term| term[1].value()).collect();
    let mut row = unpack::<E>(&add_scaled(tested, epsilon, &rows, &weights));
    let mut coefficients = row_weights(layout, &groups, weights.iter().copied());
    coefficients.iter_mut().zip(&proximity).for_each(|(weight, &eq)| *weight += epsilon * eq);
    let masks = combined.masks().combine(&coefficients);

    let sent = transcript.proof_so_far().to_vec();
    let mut reduction = reduce::<E>(layout, &committed.root(), &mut VerifierTranscript::replay(DOMAIN, &sent)).unwrap();
    let table = eq_table(&reduction.point);
    let at_point = |row: &[E]| -> E { table.iter().zip(row).map(|(&a, &b)| a * b).sum() };
    let missing = reduction.value.constant() - at_point(&row);
    if deviation.bend {
        row[0] += missing * table[0].inverse();
    }
    if deviation.denies {
        reduction.value = Value::public(at_point(&row));
    }

    // Step 3.
    let scheme = opening::<E>(layout);
    let polynomial: Vec<E> = row.iter().chain(&masks).copied().collect();
    let (root, data) = commit(&scheme, &Combined { row, masks });
    transcript.send_bytes(COMBINATION, &root);
    transcript.grind(COLUMNS, LEVEL.grinding);
    let indices = columns::draw(&mut transcript, COLUMNS, layout.num_queries(), layout.log_domain());
    let points = columns::points(layout.log_domain(), &indices);
    let mut shown = deviation.columns.unwrap_or(committed).columns(&points, &indices);
    if let Some(other) = deviation.mixed {
        let others = other.columns(&points, &indices);
        for ((column, other), index) in shown.iter_mut().zip(others).zip(&indices) {
            if index % 4 != 0 {
                *column = other;
            }
        }
    }
    if deviation.bent_columns {
        for ((column, _), &point) in shown.iter_mut().zip(&points) {
            let wanted = polynomial.iter().rev().fold(E::ZERO, |sum, &c| sum * point + c);
            // Row 0 takes the difference, as far as the base field goes.
            let has = combination_of(&reduction.coefficients, column);
            column[0] += ((wanted - has) * reduction.coefficients[0].inverse()).as_basis_coefficients_slice()[0];
        }
    }
    let num_cells = shown.iter().map(|(column, salt)| 8 * (column.len() + salt.len())).sum();
    let mut parts = ProverTranscript::new(DOMAIN);
    columns::send(&mut parts, COLUMNS, &shown, deviation.paths.unwrap_or(committed).tree(), &indices);
    let mut bytes = parts.into_proof()[4..].to_vec();
    if let Some(rewrite) = deviation.rewrite {
        bytes = rewrite(bytes, num_cells);
    }
    transcript.send_embedded(COLUMNS, &bytes);
    transcript.absorb(COLUMNS, blake3::hash(&bytes).as_bytes());

    // Step 4.
    let claims = claims_on(layout, reduction, points.iter().zip(&shown).map(|(&point, (column, _))| (point, column.as_slice())));
    scheme.open(&mut transcript, vec![data], &relations(claims)).unwrap();
    transcript.into_proof()
}

/// Commits to the combined row with randomness of its own.
fn commit<E: Ext>(scheme: &Opening<E>, combined: &Combined<E>) -> (Root, MatrixData) {
    let tensors = combined.tensors();
    let cells: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
    scheme.commit(0, &cells, Some(&mut SecretRng::from_seed(&[1; 32]))).unwrap()
}

/// What the verifier derives from these columns.
fn claims_on<'a, E: Ext>(layout: &ModelLayout, reduction: Reduction<E>, columns: impl Iterator<Item = (F, &'a [F])>) -> Vec<TensorClaim<E>> {
    let term = |tensor, scale: F, vector| {
        let limbs = basis::<E>().into_iter().map(|limb| limb * scale).collect();
        (Place { stack: 0, tensor }, Form::separable(vec![Factor::Explicit(limbs), vector]))
    };
    let at_point = TensorClaim { terms: vec![term(0, F::ONE, Factor::Eq(reduction.point))], value: reduction.value };
    let at_columns = columns.map(|(point, column)| {
        let masks = term(1, point.exp_power_of_2(layout.log_columns()), Factor::Powers(point));
        let value = Value::public(combination_of(&reduction.coefficients, column));
        TensorClaim { terms: vec![term(0, F::ONE, Factor::Powers(point)), masks], value }
    });
    [at_point].into_iter().chain(at_columns).collect()
}

fn combination_of<E: Ext>(coefficients: &[E], column: &[F]) -> E {
    coefficients.iter().zip(column).map(|(&a, &b)| a * b).sum()
}

/// The verifier up to the combined row.
fn reduce<E: Ext>(layout: &ModelLayout, root: &Root, transcript: &mut VerifierTranscript<'_>) -> Result<Reduction<E>, CommitmentError> {
    let forms = forms::<E>(transcript);
    let values: Vec<Value<E>> = transcript.receive("values", forms.len())?;
    let claims: Vec<_> = forms.iter().zip(values).map(|(form, value)| form.with_value(value)).collect();
    verify_combination(layout, root, transcript, &claims)
}

fn check<E: Ext>(layout: &ModelLayout, root: &Root, proof: &[u8]) -> Result<(), CommitmentError> {
    let mut transcript = VerifierTranscript::new(DOMAIN, proof);
    let reduction = reduce::<E>(layout, root, &mut transcript)?;
    let own = transcript.receive_bytes(COMBINATION)?;
    let claims = verify_columns(layout, root, &mut transcript, LEVEL, reduction, Place { stack: 0, tensor: 0 })?;
    opening::<E>(layout).verify(&mut transcript, &[own], &relations(claims))?;
    Ok(transcript.finish()?)
}

#[track_caller]
fn refused<E: Ext>(model: &ModelProver, deviation: &Deviation<'_, E>) -> String {
    let proof = prove(model, &values(1), deviation);
    check::<E>(model.layout(), &model.root(), &proof).expect_err("a dishonest proof was accepted").to_string()
}
