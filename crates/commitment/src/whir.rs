//! WHIR for one multilinear polynomial over the base field, opened at one point, with unique decoding.
//!
//! The parameters are chosen here: first fold 5 at rate 1/2, then folds of 3 at rate 1/8, so that every later domain
//! shrinks as fast as its polynomial. Unique decoding gains nothing from lower rates (a query is worth less than one
//! bit at any rate), and small domains keep encoding and paths short. [Arnon, Chiesa, Fenzi, Yogev 2024]

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use p3_blake3::Blake3;
use p3_commit::MultilinearPcs;
use p3_dft::Radix2DFTSmallBatch;
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_multilinear_util::point::Point;
use p3_sumcheck::layout::{Layout, PrefixProver, Table};
use p3_sumcheck::{OpeningBatch, OpeningProtocol, PrescribedPointPcs, SumcheckData, TableShape, TableSpec};
use p3_symmetric::{CompressionFunctionFromHasher, MerkleCap, SerializingHasher};
use p3_whir::{
    FoldingFactor, PcsProof, ProtocolParameters, QueryOpenings, RoundConfig, SecurityAssumption, WhirConfig, WhirProver,
    WhirProverData,
};
use veritorch_sumcheck::transcript::{Challenger, Transcript};
use veritorch_sumcheck::{E2, E3, Ext, F, ProverTranscript, VerifierTranscript};

use crate::error::CommitmentError;
use crate::security::{SecurityLevel, SecurityTerm};

type LeafHash = SerializingHasher<Blake3>;
type NodeHash = CompressionFunctionFromHasher<Blake3, 2, 32>;
type Mmcs = MerkleTreeMmcs<F, u8, LeafHash, NodeHash, 2, 32>;
type Dft = Radix2DFTSmallBatch<F>;
type Prover<E> = WhirProver<E, F, Dft, Mmcs, Challenger, PrefixProver<F, E>>;
type Proof<E> = PcsProof<F, E, Mmcs>;
type Data<E> = WhirProverData<F, E, Mmcs, PrefixProver<F, E>>;

/// A Merkle root.
pub type Root = [u8; 32];

const FIRST_FOLD: usize = 5;
const FOLD: usize = 3;
const FIRST_LOG_INV_RATE: usize = 1;
const LOG_INV_RATE: usize = 3;
/// Variables that are left when the polynomial is sent.
const FINAL_VARS: usize = 6;
/// Variables of the smallest polynomial.
pub const MIN_VARS: usize = 8;

const ASSUMPTION: SecurityAssumption = SecurityAssumption::UniqueDecoding;

/// Roots of unity are computed once for all sizes.
pub(crate) static DFT: LazyLock<Dft> = LazyLock::new(Dft::default);

/// The scheme for polynomials in a given number of variables.
///
/// The library's code is large and generic; it is compiled here, once for each field of challenges, and not again in every crate that
/// uses it.
pub struct Whir<E: Ext> {
    scheme: Box<dyn Scheme<E>>,
}

/// What the prover keeps of a committed polynomial.
pub struct WhirData<E: Ext> {
    /// The polynomial's values on the cube.
    cells: Vec<F>,
    data: Box<dyn Any + Send>,
    field: PhantomData<E>,
}

impl<E: Ext> WhirData<E> {
    /// The polynomial's values on the cube.
    #[must_use]
    pub fn cells(&self) -> &[F] {
        &self.cells
    }
}

/// WHIR over one field.
trait Scheme<E: Ext>: Send + Sync {
    fn num_vars(&self) -> usize;
    fn commit(&self, cells: Vec<F>) -> Result<(Root, Box<dyn Any + Send>), CommitmentError>;
    fn open(
        &self,
        transcript: &mut ProverTranscript,
        label: &'static str,
        data: Box<dyn Any + Send>,
        point: &[E],
    ) -> Result<(), CommitmentError>;
    fn verify(
        &self,
        transcript: &mut VerifierTranscript<'_>,
        label: &'static str,
        root: &Root,
        point: &[E],
        value: E,
    ) -> Result<(), CommitmentError>;
    fn security_terms(&self) -> Vec<SecurityTerm>;
}

fn quadratic(num_vars: usize, level: SecurityLevel) -> Result<Box<dyn Scheme<E2>>, CommitmentError> {
    Ok(Box::new(Concrete::<E2>::new(num_vars, level)?))
}

fn cubic(num_vars: usize, level: SecurityLevel) -> Result<Box<dyn Scheme<E3>>, CommitmentError> {
    Ok(Box::new(Concrete::<E3>::new(num_vars, level)?))
}

impl<E: Ext> Whir<E> {
    /// Parameters for `num_vars` variables.
    ///
    /// # Errors
    /// If the field is too small for the level at this size.
    ///
    /// # Panics
    /// If the field is neither the quadratic nor the cubic extension.
    pub fn new(num_vars: usize, level: SecurityLevel) -> Result<Self, CommitmentError> {
        let scheme: Box<dyn Any> = if E::DEGREE == E2::DEGREE { Box::new(quadratic(num_vars, level)?) } else { Box::new(cubic(num_vars, level)?) };
        let scheme = scheme.downcast::<Box<dyn Scheme<E>>>().expect("challenges are drawn from one of the two extensions");
        Ok(Self { scheme: *scheme })
    }

    /// Variables of the polynomial.
    #[must_use]
    pub fn num_vars(&self) -> usize {
        self.scheme.num_vars()
    }

    /// Commits to a polynomial by its values on the cube. The caller puts the root into the transcript.
    ///
    /// # Errors
    /// If their number is not `2^num_vars`.
    pub fn commit(&self, cells: Vec<F>) -> Result<(Root, WhirData<E>), CommitmentError> {
        let (root, data) = self.scheme.commit(cells.clone())?;
        Ok((root, WhirData { cells, data, field: PhantomData }))
    }

    /// Proves the polynomial's value at a point that is fixed by the transcript.
    ///
    /// # Errors
    /// If the point has the wrong length.
    pub fn open(&self, transcript: &mut ProverTranscript, label: &'static str, data: WhirData<E>, point: &[E]) -> Result<(), CommitmentError> {
        self.scheme.open(transcript, label, data.data, point)
    }

    /// Checks that the polynomial under `root` has `value` at `point`.
    ///
    /// # Errors
    /// If the proof is malformed, or does not show it.
    pub fn verify(
        &self,
        transcript: &mut VerifierTranscript<'_>,
        label: &'static str,
        root: &Root,
        point: &[E],
        value: E,
    ) -> Result<(), CommitmentError> {
        self.scheme.verify(transcript, label, root, point, value)
    }

    /// The terms of the soundness error of one opening, proof of work included.
    #[must_use]
    pub fn security_terms(&self) -> Vec<SecurityTerm> {
        self.scheme.security_terms()
    }
}

struct Concrete<E: Ext> {
    prover: Prover<E>,
    protocol: OpeningProtocol,
    level: SecurityLevel,
}

impl<E: Ext> Concrete<E> {
    fn new(num_vars: usize, level: SecurityLevel) -> Result<Self, CommitmentError> {
        let parameters = |reason: String| CommitmentError::Parameters { num_vars, bits: level.bits, reason };
        if num_vars < MIN_VARS {
            return Err(parameters(format!("at least {MIN_VARS} variables are needed")));
        }
        let mut folds = vec![FIRST_FOLD];
        let mut left = num_vars - FIRST_FOLD;
        while left > FINAL_VARS {
            folds.push(FOLD);
            left -= FOLD;
        }
        let config = WhirConfig::new(
            num_vars,
            ProtocolParameters {
                starting_log_inv_rate: FIRST_LOG_INV_RATE,
                round_log_inv_rates: vec![LOG_INV_RATE; folds.len() - 1],
                folding_factor: FoldingFactor::PerRound(folds),
                soundness_type: ASSUMPTION,
                security_level: level.bits,
                pow_bits: level.grinding,
            },
        )
        .map_err(|error| parameters(error.to_string()))?;
        let mmcs = Mmcs::new(LeafHash::new(Blake3), NodeHash::new(Blake3), 0);
        let protocol = OpeningProtocol::new(vec![TableSpec::new(
            TableShape::new(num_vars, 1),
            vec![OpeningBatch::new(vec![0], vec![])],
        )]);
        Ok(Self { prover: WhirProver::new(config, DFT.clone(), mmcs), protocol, level })
    }

    fn parameters(&self, reason: &str) -> CommitmentError {
        CommitmentError::Parameters { num_vars: Scheme::<E>::num_vars(self), bits: self.level.bits, reason: reason.to_owned() }
    }

    fn check_point(&self, point: &[E]) -> Result<(), CommitmentError> {
        if point.len() == Scheme::<E>::num_vars(self) {
            return Ok(());
        }
        Err(CommitmentError::Count { what: "coordinates of a point", expected: Scheme::<E>::num_vars(self), actual: point.len() })
    }

    /// The round that queries the codeword of phase `phase`, the final one included.
    fn query_round(&self, phase: usize) -> RoundConfig {
        self.prover.round_parameters().get(phase).cloned().unwrap_or_else(|| self.prover.final_round_config())
    }

    fn num_queries(round: &RoundConfig) -> usize {
        round.num_queries.min(round.domain_size >> round.folding_factor)
    }

    /// A bound on the length of a proof: what it has if no two paths share a node.
    fn max_proof_len(&self) -> usize {
        let element = E::DEGREE * 8;
        let phases = self.prover.n_rounds() + 1;
        let openings: usize = (0..phases)
            .map(|phase| {
                let round = self.query_round(phase);
                let cell = if phase == 0 { 8 } else { element };
                let row = (cell << round.folding_factor) + 10;
                Self::num_queries(&round) * (row + 32 * round.log_folded_domain_size) + 64
            })
            .sum();
        let sumchecks = Scheme::<E>::num_vars(self) * (2 * element + 8);
        openings + sumchecks + (element << self.prover.final_sumcheck_rounds()) + 256 * (phases + 1)
    }

    /// Decodes a proof and compares every count in it with the parameters.
    fn decode(&self, bytes: &[u8]) -> Result<Proof<E>, String> {
        let (proof, rest) = postcard::take_from_bytes::<Proof<E>>(bytes).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err(format!("{} bytes follow it", rest.len()));
        }
        self.check_shape(&proof).map_err(|part| format!("{part} has the wrong shape"))?;
        let encoded = postcard::to_stdvec(&proof).map_err(|error| error.to_string())?;
        if encoded != bytes {
            return Err("it is not in canonical form".to_owned());
        }
        Ok(proof)
    }

    fn check_shape(&self, proof: &Proof<E>) -> Result<(), &'static str> {
        let config = &self.prover;
        let whir = &proof.whir;
        let require = |holds: bool, part: &'static str| if holds { Ok(()) } else { Err(part) };
        require(
            matches!(proof.evals.as_slice(), [batch] if batch.current().len() == 1 && batch.next().is_empty()),
            "evaluation",
        )?;
        require(whir.initial_ood_answers.len() == config.commitment_ood_samples(), "out-of-domain answer")?;
        require(
            sumcheck_fits(&whir.initial_sumcheck, FIRST_FOLD, config.starting_folding_pow_bits()),
            "first sumcheck",
        )?;
        require(whir.rounds.len() == config.n_rounds(), "list of rounds")?;
        for (index, round) in whir.rounds.iter().enumerate() {
            let own = self.query_round(index);
            require(round.commitment.as_ref().is_some_and(|cap| cap.num_roots() == 1), "root")?;
            require(round.ood_answers.len() == own.ood_samples, "out-of-domain answer")?;
            require(openings_fit(&round.openings, &own, index == 0), "query opening")?;
            let folds = config.round_folding_factor(index + 1);
            require(sumcheck_fits(&round.sumcheck, folds, own.folding_pow_bits), "sumcheck")?;
        }
        let rounds = config.final_sumcheck_rounds();
        require(whir.final_poly.as_ref().is_some_and(|poly| poly.num_evals() == 1 << rounds), "final polynomial")?;
        require(openings_fit(&whir.final_openings, &config.final_round_config(), config.n_rounds() == 0), "final opening")?;
        require(
            match &whir.final_sumcheck {
                Some(sumcheck) => rounds > 0 && sumcheck_fits(sumcheck, rounds, config.final_folding_pow_bits()),
                None => rounds == 0,
            },
            "final sumcheck",
        )
    }
}

impl<E: Ext> Scheme<E> for Concrete<E> {
    fn num_vars(&self) -> usize {
        MultilinearPcs::<E, Challenger>::num_vars(&self.prover)
    }

    fn commit(&self, cells: Vec<F>) -> Result<(Root, Box<dyn Any + Send>), CommitmentError> {
        let expected = 1 << Scheme::<E>::num_vars(self);
        if cells.len() != expected {
            return Err(CommitmentError::Count { what: "cells of a polynomial", expected, actual: cells.len() });
        }
        let table = Table::new(RowMajorMatrix::new(cells, expected));
        let witness = PrefixProver::<F, E>::new_witness(vec![table], FIRST_FOLD);
        // The root is absorbed by the caller's transcript; this challenger is dropped.
        let mut unused = Challenger::from_hasher(Vec::new(), Blake3);
        let (cap, data) =
            self.prover.commit(witness, &mut unused).map_err(|error| self.parameters(&error.to_string()))?;
        Ok((cap.roots()[0], Box::new(data)))
    }

    fn open(
        &self,
        transcript: &mut ProverTranscript,
        label: &'static str,
        data: Box<dyn Any + Send>,
        point: &[E],
    ) -> Result<(), CommitmentError> {
        self.check_point(point)?;
        let data: Data<E> = *data.downcast().map_err(|_| self.parameters("the data is not that of a commitment in this field"))?;
        let proof = self
            .prover
            .open_at(data, &self.protocol, &[Point::new(point.to_vec())], transcript.challenger())
            .map_err(|error| self.parameters(&error.to_string()))?;
        let bytes = postcard::to_stdvec(&proof).map_err(|error| self.parameters(&error.to_string()))?;
        transcript.send_embedded(label, &bytes);
        Ok(())
    }

    fn verify(
        &self,
        transcript: &mut VerifierTranscript<'_>,
        label: &'static str,
        root: &Root,
        point: &[E],
        value: E,
    ) -> Result<(), CommitmentError> {
        self.check_point(point)?;
        let refused = |reason: String| CommitmentError::Opening { label, reason };
        let bytes = transcript.receive_embedded(label, self.max_proof_len())?;
        let proof = self.decode(bytes).map_err(refused)?;
        let root = MerkleCap::new(vec![*root]);
        let point = Point::new(point.to_vec());
        // Every count in the proof was compared with the parameters above, so that nothing below should be able to
        // panic; the library does not promise it, and a verifier must not depend on that.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            self.prover.verify_at(&root, &proof, &self.protocol, &[point], transcript.challenger())
        }))
        .map_err(|_| refused("the proof system stopped on it".to_owned()))?
        .map_err(|error| refused(error.to_string()))?;
        match opened.as_slice() {
            [batch] if batch.current() == [value] && batch.next().is_empty() => Ok(()),
            _ => Err(refused("it opens another value".to_owned())),
        }
    }

    fn security_terms(&self) -> Vec<SecurityTerm> {
        let config = &self.prover;
        let field = E::bits();
        // The library counts in whole bits, rounded up; the field is a little smaller.
        let excess = field as f64 - E::BITS;
        let mut terms = Vec::new();
        let mut phase_terms = |name: &str, vars: usize, rate: usize, folds: usize, work: usize| {
            let union = (folds as f64).log2() + excess - work as f64;
            terms.push(SecurityTerm::new(
                format!("WHIR {name}: proximity of {folds} folds"),
                ASSUMPTION.prox_gaps_error(vars, rate, field, 2) - union,
            ));
            terms.push(SecurityTerm::new(
                format!("WHIR {name}: sumcheck of {folds} folds"),
                ASSUMPTION.fold_sumcheck_error(field, vars, rate) - union,
            ));
        };
        phase_terms("phase 0", Scheme::<E>::num_vars(self), FIRST_LOG_INV_RATE, FIRST_FOLD, config.starting_folding_pow_bits());
        for (index, round) in config.round_parameters().iter().enumerate() {
            let folds = config.round_folding_factor(index + 1);
            let name = format!("phase {}", index + 1);
            phase_terms(&name, round.num_variables, round.log_inv_rate, folds, round.folding_pow_bits);
        }
        let mut rate = FIRST_LOG_INV_RATE;
        for (index, round) in config.round_parameters().iter().enumerate() {
            let work = round.pow_bits as f64;
            terms.push(SecurityTerm::new(
                format!("WHIR phase {index}: {} queries and {work} bits of work", round.num_queries),
                ASSUMPTION.queries_error(rate, round.num_queries) + work,
            ));
            let combination = ASSUMPTION.queries_combination_error(
                field,
                round.num_variables,
                round.log_inv_rate,
                round.ood_samples,
                round.num_queries,
            );
            terms.push(SecurityTerm::new(format!("WHIR phase {index}: combination of queries"), combination + work - excess));
            rate = round.log_inv_rate;
        }
        let terminal = config.terminal();
        terms.push(SecurityTerm::new(
            format!("WHIR final: {} queries and {} bits of work", terminal.num_queries, terminal.pow_bits),
            ASSUMPTION.queries_error(rate, terminal.num_queries) + terminal.pow_bits as f64,
        ));
        let rounds = config.final_sumcheck_rounds();
        if rounds > 0 {
            terms.push(SecurityTerm::new(
                "WHIR final: sumcheck",
                E::BITS - (2.0 * rounds as f64).log2() + config.final_folding_pow_bits() as f64,
            ));
        }
        terms
    }
}

fn sumcheck_fits<E>(sumcheck: &SumcheckData<F, E>, rounds: usize, pow_bits: usize) -> bool {
    let witnesses = if pow_bits > 0 { rounds } else { 0 };
    sumcheck.polynomial_evaluations.len() == rounds && sumcheck.pow_witnesses.len() == witnesses
}

/// Whether rows and path nodes have the numbers that a round asks for; how many nodes exactly depends on the indices.
fn openings_fit<E: Ext>(
    openings: &QueryOpenings<F, E, <Mmcs as p3_commit::Mmcs<F>>::MultiProof>,
    round: &RoundConfig,
    base: bool,
) -> bool {
    let queries = round.num_queries.min(round.domain_size >> round.folding_factor);
    let width = 1 << round.folding_factor;
    let nodes_fit = |nodes: usize| nodes <= queries * round.log_folded_domain_size;
    match openings {
        QueryOpenings::Base(opening) => {
            base && opening.rows.len() == queries
                && opening.rows.iter().all(|row| row.len() == width)
                && nodes_fit(opening.proof.sibling_hashes.len())
        }
        QueryOpenings::Extension(opening) => {
            !base && opening.rows.len() == queries
                && opening.rows.iter().all(|row| row.len() == width)
                && nodes_fit(opening.proof.sibling_hashes.len())
        }
    }
}
