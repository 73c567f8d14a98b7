//! Provers of an opening that do not keep to the protocol.
//!
//! [`prove`] is the honest prover step by step, with a place for each deviation.

mod bytes;
mod relations;
mod words;

use p3_field::Field;
use veritorch_sumcheck::mle::eq_table;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::{E2, E3};

use super::setting::{DOMAIN, LEVEL, NUM_CHECKS, NUM_CLAIMS, Setting, add};
use super::*;

/// What refuses false equations: the last sumcheck, over the combined row.
const EQUATION: &str = "check `combination sumcheck` failed";
/// What refuses columns that were not committed.
const ROOTS: [&str; 2] =
    ["opening `witness columns` refused: its paths do not lead to the root", "opening `combination columns` refused: its paths do not lead to the root"];

/// What a prover does otherwise than it should. The default is an honest prover.
#[derive(Default)]
struct Deviation<'a, E: Ext> {
    /// Added to the constants of claims, and of checks behind them.
    constants: Vec<(usize, E)>,
    /// The matrices that rows are combined from.
    combined: Option<&'a [(Root, MatrixData)]>,
    /// The matrices that columns are taken from.
    columns: Option<&'a [(Root, MatrixData)]>,
    /// The matrices that three of four columns are taken from, with the paths of the others.
    mixed: Option<&'a [(Root, MatrixData)]>,
    /// Added to the masks' sum.
    mask_sum: E,
    /// Added to `u`.
    proximity: E,
    /// Whether the combined row is changed so that it has the value that the verifier expects at the sumcheck's point.
    bend: bool,
    /// Added to an element of the tail.
    tail: Option<(usize, E)>,
    /// Whether the tail is changed so that all columns fit that a prover who had not sent it would be asked for.
    bend_tail: bool,
    /// Rewrites the bytes of the columns and paths of a stack; the second number is where columns end.
    rewrite: Option<(usize, &'a dyn Fn(Vec<u8>, usize) -> Vec<u8>)>,
}

fn prove<E: Ext>(setting: &Setting<E>, committed: &[(Root, MatrixData)], deviation: &Deviation<'_, E>) -> Vec<u8> {
    let opening = &setting.opening;
    let len = 1usize << opening.code.log_cells;
    let mut transcript = ProverTranscript::new(DOMAIN);
    committed.iter().for_each(|(root, _)| transcript.send_bytes("root", root));
    let mut relations = setting.relations(&mut transcript);
    let mut constants = setting.constants(&relations);
    for &(relation, by) in &deviation.constants {
        constants[relation] += by;
    }
    transcript.send_clear("constants", &constants);
    add(&mut relations, &constants);

    // Steps 1 and 2.
    let combined = deviation.combined.unwrap_or(committed);
    let merged = Merged::draw(opening, &mut transcript, &relations).unwrap();
    let mut further = Vec::new();
    let masks: Vec<Vec<E>> = opening.masks(&combined[0].1).iter().map(|mask| unpack::<E>(mask)).collect();
    let inner_product = |a: &[E], b: &[E]| a.iter().zip(b).map(|(&a, &b)| a * b).sum::<E>();
    let tables: Vec<Vec<E>> = (0..2).map(|_| eq_table(&transcript.challenges::<E>(MASK_POINT, opening.code.log_cells))).collect();
    let own = masks.iter().zip(&tables).map(|(mask, eq)| inner_product(mask, eq)).sum::<E>() + deviation.mask_sum;
    transcript.send_clear(MASK_SUM, &[own]);
    let rho: E = transcript.challenge(MASK_SUM);
    for (mask, eq) in masks.iter().zip(tables) {
        further.push(vec![Mle::new(mask.clone()), Mle::new(eq.into_iter().map(|value| rho * value).collect())]);
    }
    let num_data = opening.num_tested() - further.len();
    let matrices = combined.iter().map(|(_, matrix)| matrix);
    let (reduced, ends) = opening.sumcheck(&mut transcript, matrices, |stack| merged.on_stack(&relations, stack), further, merged.sum + rho * own);

    // Steps 3 and 4.
    let combination = Combination::draw(&mut transcript, opening, num_data);
    let table = eq_table(&reduced.point);
    let rows: E = combination.proximity.iter().zip(&ends).map(|(&weight, end)| weight * end[0]).sum();
    transcript.send_clear(PROXIMITY, &[rows + inner_product(&masks[2], &table) + deviation.proximity]);
    let epsilon: E = transcript.challenge(COMBINATION);
    let values: Vec<E> = ends.iter().map(|end| end[1]).collect();
    let coefficients = combination.coefficients(opening, &values, epsilon);
    let (mut row, mut tail) = (vec![E::ZERO; len], vec![E::ZERO; opening.code.tail]);
    for ((_, matrix), coefficients) in combined.iter().zip(&coefficients) {
        let rows = matrix.cells.chunks_exact(len).zip(matrix.tails.chunks_exact(opening.code.tail));
        for ((cells, tails), &coefficient) in rows.zip(coefficients) {
            row.iter_mut().zip(cells).for_each(|(sum, &cell)| *sum += coefficient * cell);
            tail.iter_mut().zip(tails).for_each(|(sum, &cell)| *sum += coefficient * cell);
        }
    }
    let sent = transcript.proof_so_far().to_vec();
    let (_, _, value) = reduce(setting, &mut VerifierTranscript::replay(DOMAIN, &sent)).unwrap().1;
    if deviation.bend || deviation.bend_tail {
        let by = (value - inner_product(&row, &table)) * table[0].inverse();
        row[0] += by;
        if deviation.bend_tail {
            // The constant changed by `by`, so at `y` the tail has to change by `-by / y^(2^c)`: interpolation at the points foreseen.
            let (root, _) = opening.inner.commit(&row).unwrap();
            let mut ahead = transcript.clone();
            ahead.send_bytes(COMBINATION, &root);
            ahead.send_clear(TAIL, &tail);
            ahead.grind(COMBINATION, LEVEL.grinding);
            let indices = columns::draw(&mut ahead, COMBINATION, opening.code.num_queries, opening.code.log_domain);
            let wanted = columns::points(opening.code.log_domain, &indices).into_iter().map(|y| (y, -by * y.exp_power_of_2(opening.code.log_cells).inverse()));
            interpolate(&wanted.collect::<Vec<_>>()).into_iter().zip(&mut tail).for_each(|(by, cell)| *cell += by);
        }
    }
    if let Some((index, by)) = deviation.tail {
        tail[index] += by;
    }
    let (root, data) = opening.inner.commit(&row).unwrap();
    transcript.send_bytes(COMBINATION, &root);
    transcript.send_clear(TAIL, &tail);

    // Step 5.
    transcript.grind(COMBINATION, LEVEL.grinding);
    let indices = columns::draw(&mut transcript, COMBINATION, opening.code.num_queries, opening.code.log_domain);
    let mut sums = vec![E::ZERO; indices.len()];
    for stack in 0..2 {
        let (own, others) = (&deviation.columns.unwrap_or(committed)[stack].1, deviation.mixed.map(|mixed| &mixed[stack].1));
        let column = |&index: &usize| others.filter(|_| index % 4 != 0).unwrap_or(own).column(index);
        let shown: Vec<(Vec<F>, Vec<F>)> = indices.iter().map(column).collect();
        let mut parts = ProverTranscript::new(DOMAIN);
        columns::send(&mut parts, COLUMNS[stack], &shown, &own.tree, &indices);
        let mut bytes = parts.into_proof()[4..].to_vec();
        if let Some((_, rewrite)) = deviation.rewrite.filter(|(which, _)| *which == stack) {
            bytes = rewrite(bytes, shown.iter().map(|(column, salt)| 8 * (column.len() + salt.len())).sum());
        }
        transcript.send_embedded(COLUMNS[stack], &bytes);
        transcript.absorb(COLUMNS[stack], blake3::hash(&bytes).as_bytes());
        add_columns(&mut sums, shown.iter().map(|(column, _)| column.as_slice()), &coefficients[stack]);
    }
    let claims = opening.row_claims(&indices, reduced.point, value, &sums, &tail);
    opening.inner.open(&mut transcript, data, &claims, &Positions { log_domain: opening.code.log_domain, indices }).unwrap();
    transcript.into_proof()
}

/// The coefficients of the polynomial of least degree with these values.
fn interpolate<E: Ext>(values: &[(F, E)]) -> Vec<E> {
    let mut sum = vec![E::ZERO; values.len()];
    for (i, &(x, value)) in values.iter().enumerate() {
        let mut basis = vec![value];
        for &(other, _) in values.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, pair)| pair) {
            let scale = E::from(x - other).inverse();
            let mut next = vec![E::ZERO; basis.len() + 1];
            for (k, &c) in basis.iter().enumerate() {
                next[k] -= c * scale * other;
                next[k + 1] += c * scale;
            }
            basis = next;
        }
        sum.iter_mut().zip(basis).for_each(|(sum, c)| *sum += c);
    }
    sum
}

type Reduced<E> = (Vec<Root>, (Vec<Vec<E>>, Vec<E>, E));

/// The verifier up to `u`.
fn reduce<E: Ext>(setting: &Setting<E>, transcript: &mut VerifierTranscript<'_>) -> Result<Reduced<E>, CommitmentError> {
    let roots = vec![transcript.receive_bytes("root")?, transcript.receive_bytes("root")?];
    let mut relations = setting.relations(transcript);
    add(&mut relations, &transcript.receive_clear::<E>("constants", NUM_CLAIMS + NUM_CHECKS)?);
    Ok((roots, setting.opening.verify_combination(transcript, &relations)?))
}

type Change<'a, E> = &'a dyn Fn(&mut Vec<Root>, &mut Relations<E>);

fn check<E: Ext>(setting: &Setting<E>, proof: &[u8], change: Change<'_, E>) -> Result<(), CommitmentError> {
    let mut transcript = VerifierTranscript::new(DOMAIN, proof);
    let mut roots = vec![transcript.receive_bytes("root")?, transcript.receive_bytes("root")?];
    let mut relations = setting.relations(&mut transcript);
    add(&mut relations, &transcript.receive_clear::<E>("constants", NUM_CLAIMS + NUM_CHECKS)?);
    change(&mut roots, &mut relations);
    setting.opening.verify(&mut transcript, &roots, &relations)?;
    Ok(transcript.finish()?)
}

fn commit<E: Ext>(setting: &Setting<E>, seed: u8) -> Vec<(Root, MatrixData)> {
    setting.commit(&mut SecretRng::from_seed(&[seed; 32]))
}

#[track_caller]
fn refused<E: Ext>(setting: &Setting<E>, committed: &[(Root, MatrixData)], deviation: &Deviation<'_, E>) -> String {
    check(setting, &prove(setting, committed, deviation), &|_, _| {}).expect_err("a dishonest proof was accepted").to_string()
}

/// A proof as the library makes it.
fn library<E: Ext>(setting: &Setting<E>) -> ProverTranscript {
    let mut transcript = ProverTranscript::new(DOMAIN);
    let (roots, matrices): (Vec<Root>, Vec<MatrixData>) = commit(setting, 1).into_iter().unzip();
    roots.iter().for_each(|root| transcript.send_bytes("root", root));
    let mut relations = setting.relations(&mut transcript);
    let constants = setting.constants(&relations);
    transcript.send_clear("constants", &constants);
    add(&mut relations, &constants);
    setting.opening.open(&mut transcript, matrices, &relations).unwrap();
    transcript
}

fn honest<E: Ext>() {
    let setting = Setting::<E>::new(1);
    let proof = prove(&setting, &commit(&setting, 1), &Deviation::default());
    check(&setting, &proof, &|_, _| {}).unwrap();

    // The prover above is the library's, step by step.
    let own = library(&setting).into_proof();
    check(&setting, &own, &|_, _| {}).unwrap();
    // Provers may find different witnesses of work.
    let before_work = own.len().min(proof.len()).min(2 * 32 + (NUM_CLAIMS + NUM_CHECKS + 2 + 2 * setting.opening.code.log_cells) * 8 * E::DEGREE);
    assert_eq!(own[..before_work], proof[..before_work]);
}

#[test]
fn honest_openings_are_accepted() {
    honest::<E2>();
    honest::<E3>();
}
