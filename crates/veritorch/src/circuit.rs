//! A compiled model: what its owner keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use veritorch_graph::circuit::{Circuit, Visibility};
use veritorch_graph::model::Bytes;
use veritorch_prove::renewal::{model_identity, with_renewals};
use veritorch_prove::segments::prove as prove_segments;
use veritorch_prove::{
    Counted, DEFAULT_TENSOR_OPENINGS, Link, Linking, Openings, ProveError, ProvingKey, SecurityReport, VerifyingKey, security,
    verify_renewals,
};
use veritorch_quantise::QuantisationReport;

use crate::artefact::{self, File, Kind, Pieces, encode_section};
use crate::commitment::{CommitmentOpening, OncePerProof, commit_inputs};
use crate::inspect::{Inspection, Subject};
use crate::ledger::{Counter, Ledger, LedgerError};
use crate::parts::Parts;
use crate::port::{BatchForm, Saturation, dequantise, expected, match_arrays, quantise};
use crate::progress::begin;
use crate::proof::{Origin, Proof};
use crate::text::TextModel;
use crate::verifier::Verifier;
use crate::zoo::Random;
use crate::{Array, Arrays, Error, Progress};

/// A committed circuit with its weights: runs and proves. The `.vt` file.
#[derive(Clone, Debug)]
pub struct CompiledCircuit {
    pub(crate) key: ProvingKey,
    pub(crate) report: QuantisationReport,
    /// Hash of the model commitment's layout and first root.
    pub(crate) identity: [u8; 32],
    /// Earlier tables of the model.
    pub(crate) chain: Vec<Link>,
    /// Tokenizer and sequence length of a model of text.
    pub(crate) text: Option<TextModel>,
    /// Counts the openings of the model commitment; copies of a circuit share it.
    pub(crate) counter: Arc<Counter>,
}

/// What running a circuit gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Outputs in the model's units, by name.
    pub outputs: Arrays,
    /// Samples.
    pub batch: usize,
    /// Inputs that lie far outside the calibrated range.
    pub saturations: Vec<Saturation>,
}

/// What proving gives.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The proof, for anyone.
    pub proof: Proof,
    /// Outputs in the model's units, by name, whether public or not.
    pub outputs: Arrays,
    /// Samples.
    pub batch: usize,
    /// Inputs that lie far outside the calibrated range.
    pub saturations: Vec<Saturation>,
    /// The commitment to the inputs, where it was made for this proof.
    pub committed_inputs: Option<CommitmentOpening>,
    /// The commitment to the outputs, if the policy commits them.
    pub committed_outputs: Option<CommitmentOpening>,
    /// Seconds of each phase.
    pub timings: Vec<(String, f64)>,
}

/// What a proof is about.
#[derive(Clone, Copy, Debug)]
pub enum Inputs<'a> {
    /// Values in the model's units; commitments are made for this proof where the policy asks for them.
    Values(&'a Arrays),
    /// The integers of a commitment that was made before.
    Committed(&'a CommitmentOpening),
    /// Values that must be those of a commitment that was made before.
    Both(&'a Arrays, &'a CommitmentOpening),
}

struct Encoded {
    integers: Vec<Vec<i64>>,
    form: BatchForm,
    saturations: Vec<Saturation>,
}

impl CompiledCircuit {
    /// A circuit that was committed to just now.
    pub(crate) fn new(key: ProvingKey, report: QuantisationReport) -> Result<Self, Error> {
        let identity = model_identity(&key.vk, &[])?;
        let counter = Arc::new(Counter::in_memory(identity, key.vk.lifetime as u64)?);
        Ok(Self { key, report, identity, chain: Vec::new(), text: None, counter })
    }

    /// Reads a `.vt` file.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind or version, or is damaged.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::from_bytes(path, &artefact::map(path)?)
    }

    /// Reads the bytes of a `.vt` file, whose weights stay where they are. Its ledger is the one beside `path`.
    ///
    /// # Errors
    /// As [`CompiledCircuit::load`].
    pub fn from_bytes(path: &Path, bytes: &Bytes) -> Result<Self, Error> {
        let file = File::parse_as(path, (**bytes).as_ref(), Kind::ProverKey)?;
        // The circuit, the weights and the commitment's root are checked against one another.
        let key = ProvingKey::from_stored(file.own_section(0)?, bytes, file.range(1)).map_err(|error| file.damaged(0, error.to_string()))?;
        let report = file.section(2)?;
        let chain = read_chain(&file, 3, &key.vk)?;
        let text = file.has_section(4).then(|| file.own_section(4)).transpose()?;
        let identity = model_identity(&key.vk, &chain)?;
        let table = model_identity(&key.vk, &[])?;
        let counter = Arc::new(Counter::beside(table, path, key.vk.lifetime == 0));
        Ok(Self { key, report, identity, chain, text, counter })
    }

    /// The `.vt` file in pieces.
    #[must_use]
    pub fn to_pieces(&self) -> Pieces<'_> {
        let encoded = |section: Vec<u8>| vec![section.into()];
        let weights = self.key.params.stored().map(Into::into).collect();
        let mut sections = vec![encoded(encode_section(&self.key.stored())), weights, encoded(encode_section(&self.report))];
        if !self.chain.is_empty() || self.text.is_some() {
            sections.push(encoded(encode_section(&self.chain)));
        }
        sections.extend(self.text.as_ref().map(|text| encoded(encode_section(text))));
        artefact::pieces(Kind::ProverKey, sections)
    }

    /// Writes the `.vt` file and beside it the ledger and the `.vk` file, whose path is returned. Nobody but its owner can read the
    /// first two.
    ///
    /// # Errors
    /// The path ends in `.vk`, or a file cannot be written; then neither is left half-written.
    pub fn save(&self, path: &Path) -> Result<PathBuf, Error> {
        let verifier = verifier_path(path)?;
        artefact::write_private_pieces(path, &self.to_pieces())?;
        artefact::write_atomically(&verifier, &self.verifier().to_bytes())?;
        self.counter.save_beside(path)?;
        Ok(verifier)
    }

    /// The public part, for verifiers.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { key: self.key.vk.clone(), identity: self.identity, chain: self.chain.clone() }
    }

    /// Openings of the model commitment that are left, one to a proof; `None` where the weights are public.
    ///
    /// # Errors
    /// The ledger is missing and unknown, cannot be read, or is of another model.
    pub fn openings_left(&self) -> Result<Option<u64>, Error> {
        self.counter.left()
    }

    /// The ledger; `None` for a circuit that was never saved.
    ///
    /// # Errors
    /// The weights are public, or this machine has no folder for its records.
    pub fn ledger(&self) -> Result<Option<Ledger>, Error> {
        self.counter.ledger()
    }

    /// The integer circuit.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.key.vk.circuit
    }

    /// Tokenizer and sequence length of a model of text; `None` for others.
    #[must_use]
    pub fn text(&self) -> Option<&TextModel> {
        self.text.as_ref()
    }

    /// Names of the inputs in the model's order.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        self.circuit().inputs.iter().map(|port| port.name.clone()).collect()
    }

    /// How near the circuit is to the float model: accuracy, agreement, cosine, errors, and whether it can refuse inputs.
    #[must_use]
    pub fn quantisation(&self) -> &QuantisationReport {
        &self.report
    }

    /// The same as JSON.
    #[must_use]
    pub fn report(&self) -> serde_json::Value {
        serde_json::to_value(&self.report).unwrap_or(serde_json::Value::Null)
    }

    /// `batch` samples of uniform noise over the whole range of every input, alike for one seed on every machine.
    #[must_use]
    pub fn noise(&self, batch: usize, seed: u64) -> Arrays {
        let mut random = Random::new(seed);
        let ports = self.circuit().inputs.iter().map(|port| {
            let tensor = self.circuit().tensor(port.tensor);
            let middle = (tensor.min as f64 + tensor.max as f64) / 2.0;
            let half = (tensor.max as f64 - tensor.min as f64) / 2.0;
            let scales = port.scale.len().max(1);
            let value = |index: usize, random: &mut Random| {
                let scale = port.scale.get(index % scales).copied().unwrap_or(1.0);
                ((middle + half * f64::from(random.uniform())) * scale) as f32
            };
            let data = (0..batch * tensor.len()).map(|index| value(index, &mut random)).collect();
            (port.name.clone(), Array { shape: [&[batch], port.shape.as_slice()].concat(), data })
        });
        ports.collect()
    }

    /// Runs the circuit without a proof.
    ///
    /// # Errors
    /// The inputs do not fit the model, or drive a value out of a table's domain.
    pub fn run(&self, inputs: &Arrays) -> Result<Run, Error> {
        let encoded = self.encode(inputs)?;
        let circuit = self.circuit().instantiate(encoded.form.batch());
        let outputs = veritorch_execute::run(&circuit, &self.key.params, &encoded.integers)?;
        Ok(Run {
            outputs: self.decode(&outputs, encoded.form),
            batch: encoded.form.batch(),
            saturations: encoded.saturations,
        })
    }

    /// Runs the circuit and proves it; all samples go into one proof. With private weights this uses up one opening of the model
    /// commitment, before anything is revealed.
    ///
    /// # Errors
    /// As [`CompiledCircuit::run`], and where no opening is left, the security level is out of reach or the caller interrupts.
    pub fn prove(&self, inputs: &Arrays, progress: &dyn Progress) -> Result<Proven, Error> {
        self.prove_linked(Inputs::Values(inputs), DEFAULT_TENSOR_OPENINGS, progress)
    }

    /// As [`CompiledCircuit::prove`], with a commitment to the inputs that was made before, which this uses up one opening of. New
    /// commitments cover `openings` proofs, this one among them; they must be saved before the proof is given away.
    ///
    /// # Errors
    /// As [`CompiledCircuit::prove`]; the commitment is not one to these inputs, or the policy commits none.
    pub fn prove_linked(&self, inputs: Inputs<'_>, openings: usize, progress: &dyn Progress) -> Result<Proven, Error> {
        self.prove_keeping(inputs, openings, None, progress)
    }

    /// As [`CompiledCircuit::prove_linked`]; finished segments of a circuit that is proved in several are kept in this folder until the proof
    /// is there, so that the same call goes on where one before it ended. They are secret: nobody but their owner can read them. Inputs that
    /// are committed for this proof, and not beforehand, are committed anew each time, so that nothing is kept.
    ///
    /// # Errors
    /// As [`CompiledCircuit::prove_linked`]; what is in the folder is of another proof or damaged.
    pub fn prove_resumable(&self, inputs: Inputs<'_>, openings: usize, folder: &Path, progress: &dyn Progress) -> Result<Proven, Error> {
        self.prove_keeping(inputs, openings, Some(folder), progress)
    }

    fn prove_keeping(&self, inputs: Inputs<'_>, openings: usize, folder: Option<&Path>, progress: &dyn Progress) -> Result<Proven, Error> {
        begin(progress, "encode")?;
        let (given, mut encoded) = match inputs {
            Inputs::Values(arrays) => (None, self.encode(arrays)?),
            Inputs::Committed(opening) => (Some(opening), self.encode_opening(opening)?),
            Inputs::Both(arrays, opening) => (Some(opening), self.encode(arrays)?),
        };
        let commits = self.circuit().policy.input == Visibility::Committed;
        if given.is_some() && !commits {
            let reason = "the model was compiled without `--input committed`".to_owned();
            return Err(Error::Option { option: "input commitment", reason });
        }
        let made = match given {
            None if commits => Some(commit_inputs(&self.key.vk, &encoded.integers, encoded.form, openings)?),
            _ => None,
        };
        let opening = given.or(made.as_ref());
        let once = opening.map(|opening| OncePerProof::new(opening.counter()));
        let mut linking = Linking { output_openings: openings, ..Linking::default() };
        if let Some((opening, once)) = opening.zip(once.as_ref()) {
            let (tensors, _) = opening.for_inputs(&self.circuit().inputs)?;
            linking.inputs = tensors.into_iter().map(|tensor| Counted { tensor, openings: once }).collect();
        }
        let batch = encoded.form.batch();
        // The prover checks what its proof is worth; renewals take from it.
        if !self.chain.is_empty() {
            self.worth(batch)?;
        }
        let parts = folder.filter(|_| self.key.vk.is_segmented() && made.is_none());
        let parts = parts.map(|folder| Parts::new(folder, &self.key.vk, &encoded.integers, &linking));
        let proven = match &parts {
            Some(parts) => {
                prove_segments(&self.key, &encoded.integers, batch, &*self.counter, &linking, parts, progress).map_err(|error| parts.error(error))?
            }
            None => veritorch_prove::prove_linked(&self.key, &encoded.integers, batch, &*self.counter, &linking, progress)?,
        };
        drop(linking);
        let outputs = self.decode(&proven.outputs, encoded.form);
        let committed_outputs = if proven.committed_outputs.is_empty() {
            None
        } else {
            let opening = CommitmentOpening::of_outputs(&self.key.vk, proven.committed_outputs, encoded.form, openings)?;
            // The one that this proof has used.
            opening.counter().reserve().map_err(ProveError::Openings)?;
            Some(opening)
        };
        let security = with_renewals(proven.security, &self.key.vk, &self.chain)?;
        let origin = Origin::of(&self.key.vk, self.identity, &security, &proven.sizes);
        Ok(Proven {
            proof: Proof { origin, proof: proven.proof },
            outputs,
            batch,
            saturations: std::mem::take(&mut encoded.saturations),
            committed_inputs: made,
            committed_outputs,
            timings: proven.timings.into_iter().map(|(name, seconds)| (name.to_owned(), seconds)).collect(),
        })
    }

    /// The integers of a commitment.
    fn encode_opening(&self, opening: &CommitmentOpening) -> Result<Encoded, Error> {
        let (tensors, form) = opening.for_inputs(&self.circuit().inputs)?;
        Ok(Encoded { integers: tensors.iter().map(|tensor| tensor.values()).collect(), form, saturations: Vec::new() })
    }

    /// The same model under fresh masks, with openings of its own: a new table that is proved to hold the same weights, under the same
    /// identity. Uses up the one opening of the old table that is kept for this.
    ///
    /// # Errors
    /// The weights are public, the table was renewed before, its ledger cannot be used, or it covers a single proof, which the new
    /// table would need for its renewal's own proof; or the caller interrupts.
    pub fn renew(&self, progress: &dyn Progress) -> Result<Self, Error> {
        let lifetime = self.key.vk.lifetime as u64;
        if lifetime == 0 {
            return Err(LedgerError::Public.into());
        }
        if lifetime == 1 {
            return Err(LedgerError::TooShort.into());
        }
        let (key, link) = veritorch_prove::renew(&self.key, &self.counter.for_renewal(), progress)?;
        let mut renewed = Self::new(key, self.report.clone())?;
        // Its first opening went into the renewal.
        renewed.counter = Arc::new(Counter::in_memory(renewed.identity, lifetime - 1)?);
        renewed.identity = self.identity;
        renewed.text.clone_from(&self.text);
        renewed.chain = [self.chain.as_slice(), &[link]].concat();
        renewed.worth(1)?;
        Ok(renewed)
    }

    /// What a proof of `batch` samples will be worth, which is no less than the profile asks for.
    fn worth(&self, batch: usize) -> Result<SecurityReport, Error> {
        let security = self.verifier().security(batch)?;
        let (expected, actual) = (self.key.vk.profile.target_bits(), security.bits);
        if actual < expected { Err(ProveError::Security { expected, actual }.into()) } else { Ok(security) }
    }

    /// The graph, the plan, sizes and the security level, for proofs of `batch` samples.
    ///
    /// # Errors
    /// If no proof of that size is possible.
    pub fn inspect(&self, batch: usize) -> Result<Inspection, Error> {
        let mut report = self.verifier().inspect_as("prover's key", batch)?;
        report.set_quantisation(&self.report);
        // A report can be had without the ledger.
        report.openings_left = self.openings_left().ok().flatten();
        Ok(report)
    }

    fn encode(&self, inputs: &Arrays) -> Result<Encoded, Error> {
        let circuit = self.circuit();
        let (arrays, form) = match_arrays("input", &expected(&circuit.inputs), inputs)?;
        let encoded = circuit.inputs.iter().zip(arrays).map(|(port, array)| quantise(circuit, port, array));
        let (integers, saturations): (Vec<_>, Vec<_>) = encoded.unzip();
        Ok(Encoded { integers, form, saturations: saturations.into_iter().flatten().collect() })
    }

    fn decode(&self, outputs: &[Vec<i64>], form: BatchForm) -> Arrays {
        let ports = self.circuit().outputs.iter().zip(outputs);
        ports.map(|(port, integers)| (port.name.clone(), dequantise(port, integers, form))).collect()
    }
}

/// Where the `.vk` of a `.vt` goes.
///
/// # Errors
/// [`Error::Option`] where both would be the same file.
pub fn verifier_path(path: &Path) -> Result<PathBuf, Error> {
    let verifier = path.with_extension("vk");
    if verifier == path {
        return Err(Error::Option {
            option: "output",
            reason: format!("`{}` is where the verifier's key goes; expected a name that ends in .vt", path.display()),
        });
    }
    Ok(verifier)
}

impl Verifier {
    /// As [`Verifier::inspect`], under another name.
    pub(crate) fn inspect_as(&self, kind: &'static str, batch: usize) -> Result<Inspection, Error> {
        let circuit = &self.key.circuit;
        let subject = Subject {
            kind,
            model: &circuit.name,
            circuit_digest: &circuit.digest().0,
            model_identity: &self.identity,
            profile: self.key.profile,
            policy: circuit.policy,
            batch,
            security: self.security(batch)?,
        };
        let mut report = Inspection::new(subject).with_circuit(circuit);
        report.lifetime = Some(self.key.lifetime);
        report.renewals = self.chain.len();
        report.set_segments(&self.key)?;
        Ok(report)
    }

    /// What proofs of `batch` samples are worth, the renewals of the model commitment counted in.
    pub(crate) fn security(&self, batch: usize) -> Result<SecurityReport, Error> {
        self.with_renewals(security(&self.key, batch)?)
    }

    /// The same for a report that is there.
    pub(crate) fn with_renewals(&self, report: SecurityReport) -> Result<SecurityReport, Error> {
        Ok(with_renewals(report, &self.key, &self.chain)?)
    }
}

/// The chain in the section of this index, which is there only if there are links, checked.
pub(crate) fn read_chain(file: &File<'_>, index: usize, key: &VerifyingKey) -> Result<Vec<Link>, Error> {
    if !file.has_section(index) {
        return Ok(Vec::new());
    }
    let chain: Vec<Link> = file.section(index)?;
    // The section is there for its place before that of a text model, or it has links.
    if chain.is_empty() && !file.has_section(index + 1) {
        return Err(file.damaged(index, "it is empty".to_owned()));
    }
    verify_renewals(key, &chain).map_err(|error| file.damaged(index, error.to_string()))?;
    Ok(chain)
}

/// What of a statement a policy shows.
pub(crate) fn is_public(visibility: Visibility) -> bool {
    visibility == Visibility::Public
}
