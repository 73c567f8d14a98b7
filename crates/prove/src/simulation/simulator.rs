//! The simulator of `docs/security.md`, section 4, step by step.

use p3_field::{BasedVectorSpace, Field, PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use veritorch_commitment::whir::{Root, Whir};
use veritorch_commitment::{ColumnTree, Relations, StackLayout};
use veritorch_sumcheck::form::padded_index;
use veritorch_sumcheck::mle::{Mle, eq, eq_table, log_padded};
use veritorch_sumcheck::products::PadLayout;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::sumcheck::{self, Products, lagrange};
use veritorch_sumcheck::transcript::{Hidden, Transcript};
use veritorch_sumcheck::{E2, Ext, F, ProverTranscript, VerifierTranscript};

use super::Messages;
use crate::protocol::{COMBINATION_ROOT, DOMAIN, WITNESS_ROOT, messages, relations as show};
use crate::public::Public;
use crate::tensor::Sizes;
use crate::{ProveError, Statement, VerifyingKey};

/// Elements of a salt.
const SALT: usize = 2;
/// Rows over the base field that hide an opening.
const MASKS: usize = 3 * E2::DEGREE;

type Column = (Vec<F>, Vec<F>);

/// A point of the domain.
pub(super) fn point_of(log_domain: usize, position: usize) -> F {
    F::two_adic_generator(log_domain).exp_u64(position as u64)
}

fn column(rng: &mut SecretRng, width: usize) -> Column {
    (rng.bases(width), rng.bases(SALT))
}

/// The leaf of a column that fits a chunk of the hash, as `docs/format.md` has it.
fn leaf((cells, salt): &Column) -> Root {
    let mut message: Vec<u8> = cells.iter().chain(salt).flat_map(|cell| cell.as_canonical_u64().to_le_bytes()).collect();
    assert!(message.len() <= 1024 - 8);
    if message.len() == 64 {
        message.extend([0; 8]);
    }
    blake3::hash(&message).into()
}

/// A matrix that is no code word: all columns are uniform.
struct Uniform {
    columns: Vec<Column>,
    tree: ColumnTree,
}

impl Uniform {
    fn new(rng: &mut SecretRng, width: usize, log_domain: usize) -> Self {
        let columns: Vec<Column> = (0..1 << log_domain).map(|_| column(rng, width)).collect();
        let tree = ColumnTree::new(columns.iter().map(leaf).collect());
        Self { columns, tree }
    }
}

fn send_columns<'a>(transcript: &mut ProverTranscript, label: &'static str, columns: impl Iterator<Item = &'a Column>, siblings: &[Root]) {
    let elements = columns.flat_map(|(cells, salt)| cells.iter().chain(salt));
    let mut bytes: Vec<u8> = elements.flat_map(|cell| cell.as_canonical_u64().to_le_bytes()).collect();
    bytes.extend(siblings.iter().flatten());
    transcript.send_embedded(label, &bytes);
    transcript.absorb(label, blake3::hash(&bytes).as_bytes());
}

fn positions(transcript: &mut ProverTranscript, label: &'static str, count: usize, log_domain: usize) -> Vec<usize> {
    let mut positions = transcript.indices(label, count, log_domain);
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// Goes on where a verifier is.
fn after(verifier: &mut VerifierTranscript<'_>) -> ProverTranscript {
    let mut transcript = ProverTranscript::new(DOMAIN);
    *transcript.challenger() = verifier.challenger().clone();
    transcript
}

/// What has been sent so far.
struct Sent(Messages);

impl Sent {
    fn bytes(&mut self, label: &'static str, bytes: &[u8]) {
        self.0.bytes.extend_from_slice(bytes);
        self.0.parts.push((label, bytes.len()));
    }

    /// Uniform elements in place of padded ones.
    fn elements(&mut self, label: &'static str, len: usize, rng: &mut SecretRng) {
        let bytes: Vec<u8> = rng.bases(len / 8).iter().flat_map(|cell| cell.as_canonical_u64().to_le_bytes()).collect();
        self.bytes(label, &bytes);
    }

    fn transcript(&mut self, transcript: ProverTranscript) {
        self.0.parts.extend_from_slice(transcript.parts());
        self.0.bytes.extend(transcript.into_proof());
    }
}

/// A key and a proof under it, of what everybody knows: the key without its root, and labels and lengths of messages.
pub(super) fn simulate(vk: &VerifyingKey, form: &[(&'static str, usize)], rng: &mut SecretRng) -> Messages {
    let layout = vk.model_layout().unwrap();
    let model = Uniform::new(rng, layout.num_rows(), layout.log_domain());
    let vk = &VerifyingKey { model_root: model.tree.root(), ..vk.clone() };
    let sizes = Sizes { batch: 1, formats: Vec::new() };
    let public = Public::<E2>::new::<ProveError>(vk, &sizes).unwrap();
    let statement = Statement::empty(&public.plan.circuit, &sizes);
    let level = public.plan.level;
    let setting = Setting::new(&public, form);

    // Steps 0 to 5, all of it padded.
    let mut sent = Sent(Messages { bytes: Vec::new(), parts: Vec::new() });
    let mut root = [0; 32];
    rng.fill(&mut root);
    sent.bytes(WITNESS_ROOT, &root);
    for &(label, len) in form.iter().skip(1).take_while(|(label, _)| *label != COMBINATION_ROOT) {
        sent.elements(label, len, rng);
    }
    let before = sent.0.bytes.clone();
    let mut verifier = VerifierTranscript::new(DOMAIN, &before);
    let _ = messages::<E2>(vk, &public.plan, &statement, &mut verifier).unwrap();
    let mut transcript = after(&mut verifier);
    let combinations = Uniform::new(rng, setting.num_rows(&public, 1), setting.log_domain);
    transcript.send_bytes(COMBINATION_ROOT, &combinations.tree.root());
    transcript.grind("model columns", level.grinding);
    let shown = positions(&mut transcript, "model columns", layout.num_queries(), layout.log_domain());
    send_columns(&mut transcript, "model columns", shown.iter().map(|&at| &model.columns[at]), &model.tree.siblings(&shown));
    sent.transcript(transcript);

    // Step 6: rounds are padded, the ends are uniform because of the dummies.
    for &(label, len) in form.iter().filter(|(label, _)| label.starts_with("products: ")) {
        sent.elements(label, len, rng);
    }
    let before = sent.0.bytes.clone();
    let mut verifier = VerifierTranscript::new(DOMAIN, &before);
    let (roots, relations) = show(vk, &public, &statement, &mut verifier).unwrap();
    assert_eq!(roots, [root, combinations.tree.root()]);

    let mut transcript = after(&mut verifier);
    let programmed = setting.open(&public, &relations, &combinations, &mut transcript, rng);
    // The verifier accepts it if the oracle says that the leaves lead to the first root.
    let opening = transcript.proof_so_far().to_vec();
    let whole = [before.as_slice(), &opening].concat();
    let mut verifier = VerifierTranscript::new(DOMAIN, &whole);
    let (roots, relations) = show(vk, &public, &statement, &mut verifier).unwrap();
    public.opening.verify(&mut verifier, &[programmed, roots[1]], &relations).unwrap();
    verifier.finish().unwrap();
    sent.transcript(transcript);
    sent.0
}

/// The sizes of the opening.
struct Setting {
    log_cells: usize,
    log_domain: usize,
    num_queries: usize,
}

impl Setting {
    fn new(public: &Public<E2>, form: &[(&'static str, usize)]) -> Self {
        let log_cells = form.iter().filter(|(label, _)| *label == "opening sumcheck").count();
        let tail = form.iter().find(|(label, _)| *label == "opening tail").unwrap().1 / (8 * E2::DEGREE);
        let log_inverse_rate = match log_cells {
            0..=10 => 3,
            11..=12 => 2,
            _ => 1,
        };
        assert!(public.plan.hidden);
        Self { log_cells, log_domain: log_cells + log_inverse_rate, num_queries: tail }
    }

    fn num_rows(&self, public: &Public<E2>, stack: usize) -> usize {
        public.opening.layout(stack).num_cells().div_ceil(1 << self.log_cells).max(1)
    }

    /// `K(row, x*)` for the rows of a stack.
    fn values(&self, layout: &StackLayout, num_rows: usize, forms: &[(usize, Vec<E2>)], at: &[E2]) -> Vec<E2> {
        let mut cells = vec![E2::ZERO; num_rows << self.log_cells];
        for (tensor, vector) in forms {
            for (index, &value) in vector.iter().enumerate() {
                cells[layout.offset(*tensor) + padded_index(layout.shape(*tensor), index)] += value;
            }
        }
        cells.chunks_exact(at.len()).map(|row| row.iter().zip(at).map(|(&a, &b)| a * b).sum()).collect()
    }

    /// The opening; the root that the witness' tree has to have.
    fn open(
        &self,
        public: &Public<E2>,
        relations: &Relations<E2>,
        combinations: &Uniform,
        transcript: &mut ProverTranscript,
        rng: &mut SecretRng,
    ) -> Root {
        let level = public.plan.level;
        let len = 1 << self.log_cells;
        let num_rows = [0, 1].map(|stack| self.num_rows(public, stack));
        let (tensor, pads) = relations.pads.as_ref().unwrap();

        // All relations as one.
        let lambda: E2 = transcript.challenge("opening merge");
        let claims = relations.claims.iter().map(|claim| (&claim.value, E2::NEG_ONE));
        let checks = relations.checks.iter().map(|(_, value)| (value, E2::ONE));
        let mut sum = E2::ZERO;
        let mut hidden = vec![E2::ZERO; pads.len()];
        for (weight, (value, sign)) in lambda.powers().zip(claims.chain(checks)) {
            sum -= sign * weight * value.constant();
            for &(key, coefficient) in value.hidden() {
                hidden[position(pads, key)] += sign * weight * coefficient;
            }
        }
        let mut forms: [Vec<(usize, Vec<E2>)>; 2] = [Vec::new(), Vec::new()];
        for (weight, claim) in lambda.powers().zip(&relations.claims) {
            for (place, form) in &claim.terms {
                let vector = form.vector(public.opening.layout(place.stack).shape(place.tensor));
                forms[place.stack].push((place.tensor, vector.into_iter().map(|value| weight * value).collect()));
            }
        }
        let limbs: Vec<E2> = (0..E2::DEGREE).map(|d| E2::from_basis_coefficients_fn(|at| F::from_bool(at == d))).collect();
        forms[0].push((*tensor, limbs.iter().flat_map(|&limb| hidden.iter().map(move |&value| limb * value)).collect()));

        // The sum of the masks, the rounds: uniform.
        let taus: [Vec<E2>; 2] = [(); 2].map(|()| transcript.challenges("mask point", self.log_cells));
        let own: E2 = rng.extension();
        transcript.send_clear("mask sum", &[own]);
        let rho: E2 = transcript.challenge("mask sum");
        let (mut left, mut point) = (sum + rho * own, Vec::new());
        for _ in 0..self.log_cells {
            let message: [E2; 2] = [rng.extension(), rng.extension()];
            transcript.send_clear("opening sumcheck", &message);
            let r: E2 = transcript.challenge("opening sumcheck");
            left = lagrange(3, r).into_iter().zip([message[0], left - message[0], message[1]]).map(|(a, b)| a * b).sum();
            point.push(r);
        }
        let at = eq_table(&point);

        // `u` is uniform, and `p` where it fulfils `p(x*) = left + epsilon u`.
        let num_tested = num_rows[0] + num_rows[1] + 2;
        let gamma: Vec<E2> = transcript.challenges("opening proximity", log_padded(num_tested));
        let zeta: E2 = transcript.challenge("opening proximity");
        let u: E2 = rng.extension();
        transcript.send_clear("opening proximity", &[u]);
        let epsilon: E2 = transcript.challenge("opening combination");
        let mut row: Vec<E2> = (0..len).map(|_| rng.extension()).collect();
        let has: E2 = row.iter().zip(&at).map(|(&a, &b)| a * b).sum();
        row[len - 1] += (left + epsilon * u - has) * at[len - 1].inverse();
        let whir = Whir::<E2>::new(self.log_cells + 1, level).unwrap();
        let cells: Vec<F> = (0..E2::DEGREE).flat_map(|d| row.iter().map(move |value| value.as_basis_coefficients_slice()[d])).collect();
        let (inner_root, data) = whir.commit(cells.clone()).unwrap();
        transcript.send_bytes("opening combination", &inner_root);
        let tail: Vec<E2> = (0..self.num_queries).map(|_| rng.extension()).collect();
        transcript.send_clear("opening tail", &tail);

        // Columns: uniform but for those of the last mask, which are what the others leave of `p`.
        transcript.grind("opening combination", level.grinding);
        let shown = positions(transcript, "opening combination", self.num_queries, self.log_domain);
        let mut weights: Vec<E2> = (0..2).flat_map(|stack| self.values(public.opening.layout(stack), num_rows[stack], &forms[stack], &at)).collect();
        weights.extend(taus.iter().map(|tau| rho * eq(tau, &point)));
        weights.iter_mut().zip(eq_table(&gamma)).for_each(|(weight, tested)| *weight += epsilon * zeta * tested);
        let masks = weights.split_off(num_rows[0] + num_rows[1]);
        let second = weights.split_off(num_rows[0]);
        weights.extend(masks.iter().flat_map(|&weight| limbs.iter().map(move |&limb| weight * limb)));
        let mut columns = Vec::with_capacity(shown.len());
        let points: Vec<F> = shown.iter().map(|&at| point_of(self.log_domain, at)).collect();
        for (&position, &y) in shown.iter().zip(&points) {
            let (mut cells, salt) = column(rng, num_rows[0] + MASKS - E2::DEGREE);
            let others = weights.iter().zip(&cells).chain(second.iter().zip(&combinations.columns[position].0));
            let has: E2 = others.map(|(&a, &b)| a * b).sum();
            let wanted = row.iter().chain(&tail).rev().fold(E2::ZERO, |sum, &c| sum * y + c);
            cells.extend_from_slice(((wanted - has) * epsilon.inverse()).as_basis_coefficients_slice());
            columns.push((cells, salt));
        }
        let mut leaves = vec![[0; 32]; 1 << self.log_domain];
        leaves.iter_mut().for_each(|leaf| rng.fill(leaf));
        shown.iter().zip(&columns).for_each(|(&position, column)| leaves[position] = leaf(column));
        let tree = ColumnTree::new(leaves);
        send_columns(transcript, "witness columns", columns.iter(), &tree.siblings(&shown));
        let opened = shown.iter().map(|&at| &combinations.columns[at]);
        send_columns(transcript, "combination columns", opened, &combinations.tree.siblings(&shown));

        // What is left of `p` is shown as an honest prover shows it.
        let lambda: E2 = transcript.challenge("combination merge");
        let (mut vector, mut sum) = (at, left + epsilon * u);
        for (weight, &y) in lambda.powers().skip(1).zip(&points) {
            sum += weight * row.iter().rev().fold(E2::ZERO, |sum, &c| sum * y + c);
            vector.iter_mut().zip(y.powers()).for_each(|(cell, power)| *cell += weight * power);
        }
        let table: Vec<E2> = limbs.iter().flat_map(|&limb| vector.iter().map(move |&value| limb * value)).collect();
        let mut products = Products { terms: vec![vec![Mle::from_base(&cells), Mle::new(table)]] };
        let reduced = sumcheck::prove(transcript, "combination sumcheck", &mut [&mut products], &[sum]);
        transcript.send_clear("combination value", &[products.terms[0][0].value()]);
        whir.open(transcript, "combination opening", data, &reduced.point).unwrap();
        tree.root()
    }
}

fn position(pads: &PadLayout, key: Hidden) -> usize {
    pads.position(key).unwrap()
}
