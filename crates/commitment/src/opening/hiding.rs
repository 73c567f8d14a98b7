//! What an opening sends says nothing about what is committed.
//!
//! *Simulation.* A simulator that knows shapes only draws challenges first (it programs the random oracle) and messages that are uniform but for
//! what the verifier's equations fix. Honest runs on two witnesses and simulated ones are compared in the distribution of
//! each message and of pairs of messages.
//!
//! *Every mask is needed.* An observer who knows the witness and all masks but one subtracts what follows from them. What is left is
//! uniform, and constant when the mask is off.
//!
//! *The masks of the sumcheck reach every round.* The messages as linear maps of the masks are independent of each other and of `p`, and
//! with fewer masks they are not.
//!
//! Generators are seeded. A statistic of `k` degrees of freedom exceeds `k + 2 sqrt(k t) + 2 t` with probability `e^-t` at most
//! [Laurent and Massart 2000, lemma 1]; `t` is such that an honest run fails one of all tests with `10^-9`.

use p3_field::{BasedVectorSpace, Field, PrimeField64};
use veritorch_sumcheck::E2;
use veritorch_sumcheck::mle::eq_table;
use veritorch_sumcheck::sumcheck::{Instance, Products, lagrange};

use super::setting::{DOMAIN, NUM_CHECKS, NUM_CLAIMS, Setting, add};
use super::*;
use crate::tree::column_leaf;

const RUNS: usize = 1200;
/// Low bits of a word that are counted.
const BITS: usize = 3;
/// Messages whose pairs are counted.
const PAIRED: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mask {
    A,
    B,
    Q,
    Tails,
    Salts,
}

fn inner_product(a: &[E2], b: &[E2]) -> E2 {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// The messages of an opening, with the challenges between them. What follows `p` is a function of these.
struct View {
    points: [Vec<E2>; 2],
    rho: E2,
    point: Vec<E2>,
    epsilon: E2,
    coefficients: Vec<Vec<E2>>,
    indices: Vec<usize>,
    /// What the sumcheck leaves.
    left: E2,
    own: E2,
    rounds: Vec<[E2; 2]>,
    u: E2,
    row: Vec<E2>,
    tail: Vec<E2>,
    columns: Vec<Vec<Vec<F>>>,
}

/// Weights of the tested rows in `f`.
fn values(opening: &Opening<E2>, merged: &Merged<E2>, relations: &Relations<E2>, points: &[Vec<E2>; 2], rho: E2, point: &[E2]) -> (usize, Vec<E2>) {
    let stacks = opening.stacks.iter().enumerate();
    let mut values: Vec<E2> =
        stacks.flat_map(|(stack, layout)| merge::evaluate_rows(layout, &merged.on_stack(relations, stack), opening.num_rows(stack), point)).collect();
    let num_data = values.len();
    values.extend(points.iter().map(|own| rho * eq(own, point)));
    (num_data, values)
}

fn next_claim(claim: E2, [zero, two]: [E2; 2], r: E2) -> E2 {
    lagrange(3, r).into_iter().zip([zero, claim - zero, two]).map(|(a, b)| a * b).sum()
}

/// Messages and challenges of a proof up to its columns.
fn read(setting: &Setting<E2>, proof: &[u8], row: Vec<E2>) -> View {
    let opening = &setting.opening;
    let log_cells = opening.code.log_cells;
    let mut transcript = VerifierTranscript::new(DOMAIN, proof);
    let roots: [Root; 2] = [(); 2].map(|()| transcript.receive_bytes("root").unwrap());
    let mut relations = setting.relations(&mut transcript);
    add(&mut relations, &transcript.receive_clear("constants", NUM_CLAIMS + NUM_CHECKS).unwrap());
    let merged = Merged::draw(opening, &mut transcript, &relations).unwrap();
    let points = [(); 2].map(|()| transcript.challenges(MASK_POINT, log_cells));
    let own: E2 = transcript.receive_clear(MASK_SUM, 1).unwrap()[0];
    let rho: E2 = transcript.challenge(MASK_SUM);
    let (mut left, mut point, mut rounds) = (merged.sum + rho * own, Vec::new(), Vec::new());
    for _ in 0..log_cells {
        let message: [E2; 2] = transcript.receive_clear(SUMCHECK, 2).unwrap().try_into().unwrap();
        let r = transcript.challenge(SUMCHECK);
        left = next_claim(left, message, r);
        rounds.push(message);
        point.push(r);
    }
    let (num_data, values) = values(opening, &merged, &relations, &points, rho, &point);
    let combination = Combination::draw(&mut transcript, opening, num_data);
    let u = transcript.receive_clear(PROXIMITY, 1).unwrap()[0];
    let epsilon = transcript.challenge(COMBINATION);
    let coefficients = combination.coefficients(opening, &values, epsilon);
    let _: Root = transcript.receive_bytes(COMBINATION).unwrap();
    let tail = transcript.receive_clear(TAIL, opening.code.tail).unwrap();
    let indices = columns::draw(&mut transcript, COMBINATION, opening.code.num_queries, opening.code.log_domain);
    let columns = (0..2)
        .map(|stack| {
            let width = opening.num_rows(stack) + opening.num_mask_rows(stack);
            let source = Source { root: &roots[stack], width, salt: SALT, log_domain: opening.code.log_domain };
            columns::receive(&mut transcript, COLUMNS[stack], &source, &indices).unwrap()
        })
        .collect();
    transcript.finish().unwrap();
    View { points, rho, point, epsilon, coefficients, indices, left, own, rounds, u, row, tail, columns }
}

/// An honest run, but for a mask that may be off; with what the prover knows.
fn honest(setting: &mut Setting<E2>, off: Option<Mask>, rng: &mut SecretRng) -> (View, Vec<MatrixData>, Relations<E2>) {
    setting.renew(rng);
    let setting = &*setting;
    let opening = &setting.opening;
    let (roots, matrices): (Vec<Root>, Vec<MatrixData>) =
        setting.commit(rng).into_iter().enumerate().map(|(stack, (root, data))| match off {
            Some(mask) => without(opening, stack, data, mask),
            None => (root, data),
        }).unzip();
    let mut transcript = ProverTranscript::new(DOMAIN);
    roots.iter().for_each(|root| transcript.send_bytes("root", root));
    let mut relations = setting.relations(&mut transcript);
    let constants = setting.constants(&relations);
    transcript.send_clear("constants", &constants);
    add(&mut relations, &constants);
    let combined = opening.combine(&mut transcript, &matrices, &relations).unwrap();
    let row = combined.row.clone();
    // The commitment to `p` is a function of `p`.
    let bytes: Vec<u8> = row.iter().flat_map(Ext::limbs).flat_map(u64::to_le_bytes).collect();
    transcript.send_bytes(COMBINATION, blake3::hash(&bytes).as_bytes());
    transcript.send_clear(TAIL, &combined.tail);
    let _ = opening.show_columns(&mut transcript, &matrices, combined);
    (read(setting, &transcript.into_proof(), row), matrices, relations)
}

/// The same matrix with a mask that is zero.
fn without(opening: &Opening<E2>, stack: usize, matrix: MatrixData, off: Mask) -> (Root, MatrixData) {
    let len = 1 << opening.code.log_cells;
    let (mut cells, mut tails, mut salts) = matrix.parts();
    let mask = |index: usize| (opening.num_rows(0) + index * E2::DEGREE) * len..(opening.num_rows(0) + (index + 1) * E2::DEGREE) * len;
    match (off, stack) {
        (Mask::A, 0) => cells[mask(0)].fill(F::ZERO),
        (Mask::B, 0) => cells[mask(1)].fill(F::ZERO),
        (Mask::Q, 0) => cells[mask(2)].fill(F::ZERO),
        (Mask::Tails, _) => tails.fill(F::ZERO),
        (Mask::Salts, _) => salts.iter_mut().for_each(|salts| salts.fill(F::ZERO)),
        _ => {}
    }
    MatrixData::with_randomness(&opening.code, cells, tails, salts)
}

/// A run without a witness: of the setting, only shapes are used.
fn simulated(setting: &Setting<E2>, rng: &mut SecretRng) -> View {
    let opening = &setting.opening;
    let log_cells = opening.code.log_cells;
    // The oracle: its answers do not depend on the messages, it is programmed to give them.
    let mut oracle = ProverTranscript::new("oracle");
    let mut nonce = [0; 32];
    rng.fill(&mut nonce);
    oracle.absorb("nonce", &nonce);
    let mut relations = setting.relations(&mut oracle);
    let constants: Vec<E2> = (0..NUM_CLAIMS + NUM_CHECKS).map(|_| rng.extension()).collect();
    add(&mut relations, &constants);
    let merged = Merged::draw(opening, &mut oracle, &relations).unwrap();
    let points = [(); 2].map(|()| oracle.challenges(MASK_POINT, log_cells));
    let own: E2 = rng.extension();
    let rho: E2 = oracle.challenge(MASK_SUM);
    let (mut left, mut point, mut rounds) = (merged.sum + rho * own, Vec::new(), Vec::new());
    for _ in 0..log_cells {
        let message = [rng.extension(), rng.extension()];
        let r = oracle.challenge(SUMCHECK);
        left = next_claim(left, message, r);
        rounds.push(message);
        point.push(r);
    }
    let (num_data, values) = values(opening, &merged, &relations, &points, rho, &point);
    let combination = Combination::draw(&mut oracle, opening, num_data);
    let epsilon: E2 = oracle.challenge(COMBINATION);
    let coefficients = combination.coefficients(opening, &values, epsilon);
    let row: Vec<E2> = (0..1 << log_cells).map(|_| rng.extension()).collect();
    let tail: Vec<E2> = (0..opening.code.tail).map(|_| rng.extension()).collect();
    let u = (inner_product(&row, &eq_table(&point)) - left) * epsilon.inverse();
    let indices = columns::draw(&mut oracle, COMBINATION, opening.code.num_queries, opening.code.log_domain);
    let mut columns: Vec<Vec<Vec<F>>> = (0..2)
        .map(|stack| indices.iter().map(|_| (0..coefficients[stack].len()).map(|_| rng.base()).collect()).collect())
        .collect();
    // The last mask's column is what the others leave.
    for (position, y) in columns::points(opening.code.log_domain, &indices).into_iter().enumerate() {
        let (others, mask) = coefficients[0].split_at(coefficients[0].len() - E2::DEGREE);
        let has: E2 = others.iter().zip(&columns[0][position]).chain(coefficients[1].iter().zip(&columns[1][position])).map(|(&a, &b)| a * b).sum();
        let wanted = row.iter().chain(&tail).rev().fold(E2::ZERO, |sum, &c| sum * y + c);
        let last = (wanted - has) * epsilon.inverse();
        assert_eq!(mask[0], epsilon);
        let first = others.len();
        columns[0][position][first..].copy_from_slice(last.as_basis_coefficients_slice());
    }
    View { points, rho, point, epsilon, coefficients, indices, left, own, rounds, u, row, tail, columns }
}

/// Whether the verifier's equations hold.
fn holds(setting: &Setting<E2>, view: &View) -> bool {
    let at_point = inner_product(&view.row, &eq_table(&view.point)) == view.left + view.epsilon * view.u;
    let points = columns::points(setting.opening.code.log_domain, &view.indices);
    at_point
        && points.into_iter().enumerate().all(|(position, y)| {
            let own = view.row.iter().chain(&view.tail).rev().fold(E2::ZERO, |sum, &c| sum * y + c);
            let columns = view.coefficients.iter().zip(&view.columns);
            own == columns.map(|(coefficients, columns)| coefficients.iter().zip(&columns[position]).map(|(&a, &b)| a * b).sum::<E2>()).sum()
        })
}

/// Words of messages: all that the sumcheck sends, a few of each vector.
fn words(view: &View) -> Vec<u64> {
    let elements = [view.own, view.u].into_iter().chain(view.rounds.iter().flatten().copied());
    let elements = elements.chain(view.row.iter().copied().take(3)).chain(view.row.last().copied());
    let elements = elements.chain(view.tail.iter().copied().take(2)).chain(view.tail.last().copied());
    let cells = view.columns.iter().flat_map(|columns| columns.iter().take(2).chain(columns.last()).flatten());
    // The first limbs come first: their pairs are counted.
    let (first, second): (Vec<u64>, Vec<u64>) = elements.map(|value| (value.limbs()[0], value.limbs()[1])).unzip();
    first.into_iter().chain(second).chain(cells.map(F::as_canonical_u64)).collect()
}

fn low(word: u64) -> usize {
    (word as usize) % (1 << BITS)
}

/// Counts of one word, or of two at once.
fn histogram(samples: &[Vec<u64>], one: usize, other: Option<usize>) -> Vec<f64> {
    let mut counts = vec![0.0; 1 << (BITS * if other.is_some() { 2 } else { 1 })];
    for sample in samples {
        counts[low(sample[one]) + other.map_or(0, |other| low(sample[other]) << BITS)] += 1.0;
    }
    counts
}

/// What a statistic may reach when this many are looked at.
fn limit(bins: usize, tests: usize) -> f64 {
    let (k, t) = (bins as f64 - 1.0, (1e9 * tests as f64).ln());
    k + 2.0 * (k * t).sqrt() + 2.0 * t
}

fn against_uniform(counts: &[f64]) -> f64 {
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    counts.iter().map(|count| (count - mean).powi(2) / mean).sum()
}

/// Two samples of one size.
fn against_other(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).filter(|(a, b)| *a + *b > 0.0).map(|(a, b)| (a - b).powi(2) / (a + b)).sum()
}

#[test]
fn a_simulator_without_a_witness_sends_the_same() {
    let mut rng = SecretRng::from_seed(&[5; 32]);
    let mut runs: Vec<Vec<Vec<u64>>> = Vec::new();
    for witness in [1, 2] {
        let mut setting = Setting::toy(witness);
        runs.push(
            (0..RUNS)
                .map(|_| {
                    let (view, ..) = honest(&mut setting, None, &mut rng);
                    assert!(holds(&setting, &view));
                    words(&view)
                })
                .collect(),
        );
    }
    let setting = Setting::toy(3);
    runs.push(
        (0..RUNS)
            .map(|_| {
                let view = simulated(&setting, &mut rng);
                assert!(holds(&setting, &view));
                words(&view)
            })
            .collect(),
    );
    let num_words = runs[0].iter().chain(&runs[1]).chain(&runs[2]).map(Vec::len).min().unwrap();
    assert!(num_words > 60);
    let singles = (0..num_words).map(|word| (word, None));
    let pairs = (0..PAIRED).flat_map(|one| (0..one).map(move |other| (one, Some(other))));
    let positions: Vec<(usize, Option<usize>)> = singles.chain(pairs).collect();
    let tests = 6 * positions.len();
    for (one, other) in positions {
        let counts: Vec<Vec<f64>> = runs.iter().map(|samples| histogram(samples, one, other)).collect();
        let limit = limit(counts[0].len(), tests);
        for own in &counts {
            assert!(against_uniform(own) < limit, "words {one} {other:?}: {own:?}");
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            assert!(against_other(&counts[a], &counts[b]) < limit, "runs {a} and {b}, words {one} {other:?}");
        }
    }
}

/// What is left of a message when all that is known but one mask is subtracted.
fn residues(setting: &Setting<E2>, view: &View, matrices: &[MatrixData], relations: &Relations<E2>) -> Vec<(Mask, u64)> {
    let opening = &setting.opening;
    let len = 1usize << opening.code.log_cells;
    let masks: Vec<Vec<E2>> = opening.masks(&matrices[0]).iter().map(|mask| unpack::<E2>(mask)).collect();
    let [a, b, _]: [Vec<E2>; 3] = masks.try_into().unwrap();
    let mut residues = Vec::new();
    let word = |value: E2| value.limbs()[1];

    // The masks' sum, and each round.
    let tables = view.points.each_ref().map(|point| eq_table(point));
    residues.push((Mask::A, word(view.own - inner_product(&b, &tables[1]))));
    residues.push((Mask::B, word(view.own - inner_product(&a, &tables[0]))));
    let rounds_of = |terms: Vec<Vec<Mle<E2>>>| -> Vec<E2> {
        let mut products = Products { terms };
        let mut zeros = Vec::new();
        for &r in &view.point {
            zeros.push(products.evaluations(E2::ZERO)[0]);
            products.bind(r);
        }
        zeros
    };
    // The merging challenge is drawn where the verifier draws it, after the constants: the relations hold both.
    let mask_rounds = [(&a, &tables[0]), (&b, &tables[1])]
        .map(|(mask, eq)| rounds_of(vec![vec![Mle::new(mask.clone()), Mle::new(eq.iter().map(|&value| view.rho * value).collect())]]));
    let merged = merged_of(setting, matrices, relations);
    let mut terms = Vec::new();
    for (stack, (layout, matrix)) in opening.stacks.iter().zip(matrices).enumerate() {
        let num_rows = opening.num_rows(stack);
        let weights = merge::weights(layout, &merged.on_stack(relations, stack), num_rows * len);
        let weights = weights.chunks(len / PackedF::WIDTH).map(|row| Mle::Packed(row.to_vec()));
        terms.extend(matrix.cells.chunks_exact(len).zip(weights).map(|(row, weights)| vec![Mle::from_base(row), weights]));
    }
    for (((message, data), own), other) in view.rounds.iter().zip(rounds_of(terms)).zip(&mask_rounds[0]).zip(&mask_rounds[1]) {
        residues.push((Mask::A, word(message[0] - data - *other)));
        residues.push((Mask::B, word(message[0] - data - *own)));
    }

    // The combined row.
    for cell in [0, len - 1] {
        let known = matrices.iter().zip(&view.coefficients).enumerate().map(|(stack, (matrix, coefficients))| {
            let rows = coefficients.len() - if stack == 0 { E2::DEGREE } else { 0 };
            let cells = matrix.cells.iter().skip(cell).step_by(len);
            coefficients.iter().zip(cells).take(rows).map(|(&a, &b)| a * b).sum::<E2>()
        });
        residues.push((Mask::Q, word(view.row[cell] - known.sum::<E2>())));
    }

    // Columns: one of each row.
    let y = columns::points(opening.code.log_domain, &view.indices)[0];
    for (matrix, columns) in matrices.iter().zip(&view.columns) {
        for (row, &shown) in matrix.cells.chunks_exact(len).zip(&columns[0]) {
            let known = row.iter().rev().fold(F::ZERO, |sum, &cell| sum * y + cell);
            residues.push((Mask::Tails, (shown - known).as_canonical_u64()));
        }
    }
    residues
}

/// The relations as they were merged in the run.
fn merged_of(setting: &Setting<E2>, matrices: &[MatrixData], relations: &Relations<E2>) -> Merged<E2> {
    let mut transcript = ProverTranscript::new(DOMAIN);
    matrices.iter().for_each(|matrix| transcript.send_bytes("root", &matrix.tree.root()));
    let constants = setting.constants(&setting.relations(&mut transcript));
    transcript.send_clear("constants", &constants);
    Merged::draw(&setting.opening, &mut transcript, relations).unwrap()
}

/// Whether a leaf that stays closed is found by someone who knows its column.
fn finds_a_leaf(view: &View, matrix: &MatrixData) -> bool {
    let closed = (0..1 << matrix.tree.depth()).find(|index| !view.indices.contains(index)).unwrap();
    let (column, _) = matrix.column(closed);
    matrix.tree.siblings(&[closed ^ 1])[0] == column_leaf(&column, &[F::ZERO; SALT])
}

/// The masks whose residues are not uniform.
fn seen(off: Option<Mask>) -> Vec<Mask> {
    let mut rng = SecretRng::from_seed(&[6; 32]);
    let mut setting = Setting::toy(1);
    let mut samples: Vec<Vec<u64>> = Vec::new();
    let (mut masks, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..RUNS / 5 {
        let (view, matrices, relations) = honest(&mut setting, off, &mut rng);
        let own = residues(&setting, &view, &matrices, &relations);
        masks = own.iter().map(|(mask, _)| *mask).collect();
        samples.push(own.into_iter().map(|(_, word)| word).collect());
        if matrices.iter().any(|matrix| finds_a_leaf(&view, matrix)) && !seen.contains(&Mask::Salts) {
            seen.push(Mask::Salts);
        }
    }
    for (word, &mask) in masks.iter().enumerate() {
        let counts = histogram(&samples, word, None);
        if against_uniform(&counts) >= limit(counts.len(), 6 * masks.len()) && !seen.contains(&mask) {
            seen.push(mask);
        }
    }
    seen
}

#[test]
fn every_mask_is_needed() {
    assert_eq!(seen(None), []);
    for mask in [Mask::A, Mask::B, Mask::Q, Mask::Tails, Mask::Salts] {
        assert_eq!(seen(Some(mask)), [mask]);
    }
}

/// The rank of a matrix over the extension field.
fn rank(mut rows: Vec<Vec<E2>>) -> usize {
    let mut rank = 0;
    for column in 0..rows[0].len() {
        let Some(pivot) = (rank..rows.len()).find(|&row| rows[row][column] != E2::ZERO) else { continue };
        rows.swap(rank, pivot);
        let own = rows[rank].clone();
        for row in &mut rows[rank + 1..] {
            let factor = row[column] * own[column].inverse();
            row.iter_mut().zip(&own).for_each(|(a, &b)| *a -= factor * b);
        }
        rank += 1;
    }
    rank
}

#[test]
fn the_masks_of_the_sumcheck_reach_every_round() {
    // The messages as linear maps of the masks' cells: each unit vector's messages under fixed challenges.
    let mut rng = SecretRng::from_seed(&[7; 32]);
    for log_cells in 1..=4 {
        let mut draw = |count: usize| -> Vec<E2> { (0..count).map(|_| rng.extension()).collect() };
        let (points, rho, point, weights) = ([draw(log_cells), draw(log_cells)], draw(1)[0], draw(log_cells), [draw(1)[0], draw(1)[0]]);
        let len = 1usize << log_cells;
        let maps = |mask: usize, with_row: bool| -> Vec<Vec<E2>> {
            (0..len)
                .map(|cell| {
                    let mut unit = vec![E2::ZERO; len];
                    unit[cell] = E2::ONE;
                    let table = eq_table(&points[mask]);
                    let mut messages = vec![table[cell]];
                    let mut products = Products { terms: vec![vec![Mle::new(unit.clone()), Mle::new(table.iter().map(|&v| rho * v).collect())]] };
                    for &r in &point {
                        let evaluations = products.evaluations(E2::ZERO);
                        messages.extend([evaluations[0], evaluations[2]]);
                        products.bind(r);
                    }
                    if with_row {
                        messages.extend(unit.iter().map(|&value| weights[mask] * value));
                    }
                    messages
                })
                .collect()
        };
        let both = |with_row| [maps(0, with_row), maps(1, with_row)].concat();
        // The sum and two elements of every round, the last one included: uniform with both masks.
        assert_eq!(rank(both(false)), 1 + 2 * log_cells);
        // One mask alone reaches one element of a round.
        assert_eq!(rank(maps(0, false)), 1 + log_cells);
        assert_eq!(rank(maps(1, false)), 1 + log_cells);
        // With the combined row, they leave one relation open, whatever the length of a row; the last mask closes it.
        if log_cells >= 3 {
            assert_eq!(rank(both(true)), 2 * log_cells + len);
            let last = (0..len).map(|cell| (0..1 + 2 * log_cells + len).map(|message| E2::from_bool(message == 1 + 2 * log_cells + cell)).collect());
            assert_eq!(rank(both(true).into_iter().chain(last).collect()), 1 + 2 * log_cells + len);
        }
    }
}
