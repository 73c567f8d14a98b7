//! A circuit in segments: one proof, made and checked part by part.
//!
//! # Statement
//! That of the whole circuit. The segments follow from the key ([`veritorch_graph::segments`]); each is proved as a circuit of its own, with
//! its own model commitment. A tensor that crosses a cut is a committed output of its segment and a committed input of each reader
//! ([`crate::tensor`]): its root stands in the proof once, and the verifier puts it into the statements of both sides.
//!
//! # Soundness
//! If every segment's statement holds, so does the whole's: by unique decoding all segments speak of the same integers under one root, hints
//! are unique in each segment, so that their tensors are those of the whole circuit. The errors of all segments add up; each commitment is made
//! better by `log2` of the number of segments.
//!
//! # Zero knowledge
//! Each segment's proof is simulated from its statement; commitments to what crosses a cut hide it through as many openings as there are
//! segments that speak of it.
//!
//! # Bytes
//! For each segment: the roots of what later segments read, its transcript's length (u64), its transcript.
//!
//! # Memory
//! One segment's weights and witness at a time, and the tensors that cross cuts.

mod frames;
mod part;
mod renewal;
#[cfg(test)]
mod tests;

pub(crate) use part::segmented_security;
pub(crate) use renewal::{chains, renew};

use serde::{Deserialize, Serialize};
use veritorch_commitment::model::{InMemory, Openings};
use veritorch_execute::Params;
use veritorch_graph::circuit::{Circuit, Visibility};

use self::part::{Part, ends, imported, merged_reports, root_of};
use crate::clock::{Clock, Timings};
use crate::error::{ProveError, VerifyError};
use crate::key::{Model, ProvingKey, SegmentRoot, Setup, StoredTable, VerifyingKey, commit};
use crate::progress::Progress;
use crate::protocol::{Proven, Verified, check_statement, prove_linked, verify_checked};
use crate::request::Request;
use crate::security::{SecurityReport, security};
use crate::statement::{Proof, Statement};
use crate::tensor::{CommittedTensor, Counted, Linking, TensorCommitment};

/// Label of what frames the transcripts of segments, in a proof's list of sizes.
const FRAMES: &str = "segments";

/// Keeps finished segments, so that proving can go on where it ended.
pub trait Store: Sync {
    /// What was kept of a segment, from 0.
    ///
    /// # Errors
    /// If it cannot be read.
    fn load(&self, segment: usize) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>>;

    /// Keeps a segment; it is secret.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save(&self, segment: usize, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Store for Forgetful {
    fn load(&self, _: usize) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(None)
    }

    fn save(&self, _: usize, _: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

impl ProvingKey {
    /// As [`ProvingKey::setup`], with a commitment of its own for each segment that the cuts make.
    ///
    /// # Errors
    /// As [`ProvingKey::setup`]; the circuit cannot be cut so.
    pub fn setup_segments(
        circuit: Circuit,
        params: Params,
        cuts: &[u32],
        setup: impl Into<Setup>,
        progress: &dyn Progress,
    ) -> Result<Self, ProveError> {
        let setup = setup.into();
        if cuts.is_empty() {
            return Self::setup(circuit, params, setup, progress);
        }
        params.check(&circuit.params)?;
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let segments = starts.map(|start| SegmentRoot { start, root: [0; 32] }).collect();
        let Setup { profile, lifetime } = setup;
        let mut vk = VerifyingKey { circuit, model_root: [0; 32], profile, lifetime, segments, part_of: None };
        let parts = vk.parts::<ProveError>()?;
        let mut tables = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            progress.segment(index, parts.len());
            Clock::new(progress).begin("commit to the model")?;
            let model = commit(&part.vk, &params.select(&part.segment.params))?;
            vk.segments[index].root = model.root();
            tables.push(StoredTable::of(&model).into_owned());
        }
        vk.model_root = root_of(&vk.segments);
        let actual = security(&vk, 1)?.bits;
        let expected = profile.target_bits();
        if actual < expected {
            return Err(ProveError::Security { expected, actual });
        }
        Ok(Self { vk, params, model: Model::Segments(tables) })
    }

    /// The key of one segment: its weights as a matrix.
    fn part(&self, index: usize, part: &Part) -> Result<Self, ProveError> {
        let Model::Segments(tables) = &self.model else { return Err(ProveError::Segmented) };
        let table = tables.get(index).ok_or(ProveError::OtherModel)?.clone();
        let params = self.params.select(&part.segment.params);
        let model = table.load(&part.vk, &params)?;
        Ok(Self { vk: part.vk.clone(), params, model: Model::Whole(model) })
    }
}

/// A finished segment, as it is kept.
#[derive(Serialize, Deserialize)]
struct Finished {
    exports: Vec<CommittedTensor>,
    transcript: Vec<u8>,
    sizes: Vec<(String, usize)>,
}

/// Proves a batch of samples segment by segment; what was kept of earlier ones is taken from the store. Otherwise as
/// [`prove_linked`]. One opening is used up, of all segments' model commitments together, whenever this is called.
///
/// # Errors
/// As [`prove_linked`]; what was kept is damaged or of another proof.
pub fn prove(
    key: &ProvingKey,
    inputs: &[Vec<i64>],
    batch: usize,
    openings: &dyn Openings,
    linking: &Linking<'_>,
    store: &dyn Store,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    let parts = key.vk.parts::<ProveError>()?;
    let last = parts.len() - 1;
    let sizes = Request { inputs, openings, linking }.sizes(key, batch)?;
    let expected = key.vk.profile.target_bits();
    let actual = segmented_security(&key.vk, &sizes)?.bits;
    if actual < expected {
        return Err(ProveError::Security { expected, actual });
    }
    if key.vk.lifetime > 0 {
        openings.reserve().map_err(ProveError::Openings)?;
    }
    let mut run = Run { key, parts: &parts, batch, linking, exports: Vec::new(), reports: Vec::new() };
    let mut bytes = Vec::new();
    let mut all_sizes: Vec<(String, usize)> = vec![(FRAMES.to_owned(), 0)];
    let mut timings: Timings = Vec::new();
    for index in 0..last {
        progress.segment(index, parts.len());
        let kept = store.load(index).map_err(|reason| ProveError::Kept { segment: index + 1, reason })?;
        let finished = match kept {
            Some(kept) => run.read(index, inputs, &kept)?,
            None => {
                let proven = run.prove(index, inputs, progress)?;
                add_all(&mut timings, &proven.timings, |total, seconds| *total += seconds);
                let finished = Finished { exports: proven.committed_outputs, transcript: proven.proof.transcript, sizes: proven.sizes };
                let kept = postcard::to_stdvec(&finished).map_err(|reason| ProveError::Kept { segment: index + 1, reason: reason.into() })?;
                store.save(index, &kept).map_err(|reason| ProveError::Kept { segment: index + 1, reason })?;
                finished
            }
        };
        let roots: Vec<[u8; 32]> = finished.exports.iter().map(|tensor| tensor.commitment().root).collect();
        frames::put(&mut bytes, &roots, &finished.transcript);
        add_all(&mut all_sizes, &finished.sizes, |total, bytes| *total += bytes);
        run.exports.push(finished.exports.into_iter().map(Some).collect());
        run.forget(index);
    }
    progress.segment(last, parts.len());
    let proven = run.prove(last, inputs, progress)?;
    frames::put(&mut bytes, &[], &proven.proof.transcript);
    add_all(&mut all_sizes, &proven.sizes, |total, bytes| *total += bytes);
    add_all(&mut timings, &proven.timings, |total, seconds| *total += seconds);
    let named: usize = all_sizes.iter().map(|(_, bytes)| bytes).sum();
    if let Some((_, frames)) = all_sizes.first_mut() {
        *frames = bytes.len() - named;
    }
    let given = linking.inputs.iter().map(|counted| counted.tensor.commitment());
    let statement = Statement {
        batch,
        inputs: if key.vk.circuit.policy.input == Visibility::Public { inputs.to_vec() } else { Vec::new() },
        outputs: proven.proof.statement.outputs,
        commitments: given.chain(proven.committed_outputs.iter().map(CommittedTensor::commitment)).collect(),
    };
    let security = merged_reports(&parts, std::mem::take(&mut run.reports));
    let proof = Proof { statement, transcript: bytes };
    Ok(Proven { proof, outputs: proven.outputs, committed_outputs: proven.committed_outputs, security, sizes: all_sizes, timings })
}

/// Adds up by name.
fn add_all<K: PartialEq + Clone, V: Copy>(totals: &mut Vec<(K, V)>, values: &[(K, V)], add: impl Fn(&mut V, V)) {
    for (name, value) in values {
        match totals.iter_mut().find(|(known, _)| known == name) {
            Some((_, total)) => add(total, *value),
            None => totals.push((name.clone(), *value)),
        }
    }
}

/// A proof on its way.
struct Run<'a> {
    key: &'a ProvingKey,
    parts: &'a [Part],
    batch: usize,
    linking: &'a Linking<'a>,
    /// Of finished segments; `None` once nobody reads them any more.
    exports: Vec<Vec<Option<CommittedTensor>>>,
    reports: Vec<SecurityReport>,
}

impl Run<'_> {
    /// Committed inputs of a segment.
    fn imports(&self, index: usize) -> Vec<&CommittedTensor> {
        self.parts.get(index).map_or_else(Vec::new, |part| imported(&part.segment, &self.exports).flatten().collect())
    }

    fn prove(&mut self, index: usize, inputs: &[Vec<i64>], progress: &dyn Progress) -> Result<Proven, ProveError> {
        let part = self.parts.get(index).ok_or(ProveError::Segmented)?;
        let key = self.key.part(index, part)?;
        // Of an export, its own segment uses the first opening and each reader one.
        let once: Vec<InMemory> = part.segment.imports.iter().map(|_| InMemory::new(1)).collect();
        let imports = self.imports(index);
        let integers: Vec<Vec<i64>> = imports.iter().map(|tensor| tensor.values()).collect();
        let counted = imports.into_iter().zip(&once).map(|(tensor, once)| Counted { tensor, openings: once });
        let linking = Linking {
            inputs: if index == 0 { self.linking.inputs.clone() } else { counted.collect() },
            output_openings: if index + 1 == self.parts.len() { self.linking.output_openings } else { part.num_openings },
        };
        let inputs = if index == 0 { inputs } else { &integers };
        let proven = prove_linked(&key, inputs, self.batch, &InMemory::new(1), &linking, progress)?;
        self.reports.push(proven.security.clone());
        Ok(proven)
    }

    /// A segment that was kept: it must be one of this proof.
    fn read(&mut self, index: usize, inputs: &[Vec<i64>], kept: &[u8]) -> Result<Finished, ProveError> {
        let segment = index + 1;
        let other = |reason: &str| ProveError::Kept { segment, reason: reason.into() };
        let finished: Finished = postcard::from_bytes(kept).map_err(|reason| ProveError::Kept { segment, reason: reason.into() })?;
        let part = self.parts.get(index).ok_or(ProveError::Segmented)?;
        let formats = part.export_formats(false)?;
        if !finished.exports.iter().map(|tensor| tensor.commitment().format).eq(formats) {
            return Err(other("its commitments are not those of this model"));
        }
        let lens = part.vk.circuit.outputs.iter().map(|port| part.vk.circuit.tensor(port.tensor).len() * self.batch);
        if !finished.exports.iter().map(|tensor| tensor.values().len()).eq(lens) {
            return Err(other("it is of another batch"));
        }
        let given = self.linking.inputs.iter().map(|counted| counted.tensor.commitment());
        let imports = self.imports(index).into_iter().map(CommittedTensor::commitment);
        let linked: Vec<TensorCommitment> = if index == 0 { given.collect() } else { imports.collect() };
        let commitments = linked.into_iter().chain(finished.exports.iter().map(CommittedTensor::commitment)).collect();
        // Segments behind the first have committed inputs.
        let inputs = if part.vk.circuit.policy.input == Visibility::Public { inputs.to_vec() } else { Vec::new() };
        let statement = Statement { batch: self.batch, inputs, outputs: Vec::new(), commitments };
        let proof = Proof { statement, transcript: finished.transcript.clone() };
        let verified = verify_checked(&part.vk, &proof).map_err(|reason| ProveError::Kept { segment, reason: reason.into() })?;
        self.reports.push(verified.security);
        Ok(finished)
    }

    /// Drops what no segment after this one reads.
    fn forget(&mut self, index: usize) {
        for (segment, exports) in self.exports.iter_mut().enumerate() {
            for (output, export) in exports.iter_mut().enumerate() {
                let later = self.parts.iter().skip(index + 1).flat_map(|part| &part.segment.imports);
                if !later.into_iter().any(|import| (import.segment, import.output) == (segment, output)) {
                    *export = None;
                }
            }
        }
    }
}

/// Verifies a proof under a key with segments.
pub(crate) fn verify(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    let parts = key.checked_parts::<VerifyError>()?;
    check_statement(&key.circuit, &proof.statement)?;
    let last = parts.len() - 1;
    let Statement { batch, inputs, outputs, commitments } = &proof.statement;
    let (given_inputs, given_outputs) = ends(&key.circuit, commitments);
    let mut rest = proof.transcript.as_slice();
    let mut exports: Vec<Vec<TensorCommitment>> = Vec::with_capacity(parts.len());
    let mut reports = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let refused = |source: VerifyError| VerifyError::Segment { segment: index + 1, source: Box::new(source) };
        let formats = part.export_formats(index == last).map_err(|error| refused(VerifyError::Statement { reason: error.to_string() }))?;
        let (roots, transcript) = frames::take(&mut rest, formats.len())
            .ok_or_else(|| refused(VerifyError::Statement { reason: "the proof ends within its roots and lengths".to_owned() }))?;
        exports.push(roots.into_iter().zip(formats).map(|(root, format)| TensorCommitment { root, format }).collect());
        let mut linked: Vec<TensorCommitment> = if index == 0 { given_inputs.to_vec() } else { imported(&part.segment, &exports).copied().collect() };
        linked.extend(if index == last { given_outputs } else { exports.get(index).map_or(&[][..], Vec::as_slice) });
        let statement = Statement {
            batch: *batch,
            inputs: if index == 0 { inputs.clone() } else { Vec::new() },
            outputs: if index == last { outputs.clone() } else { Vec::new() },
            commitments: linked,
        };
        let proof = Proof { statement, transcript: transcript.to_vec() };
        reports.push(verify_checked(&part.vk, &proof).map_err(refused)?.security);
    }
    if !rest.is_empty() {
        return Err(VerifyError::Statement { reason: format!("{} bytes follow the last segment", rest.len()) });
    }
    let security = merged_reports(&parts, reports);
    let (expected, actual) = (key.profile.target_bits(), security.bits);
    if actual < expected { Err(VerifyError::Security { expected, actual }) } else { Ok(Verified { security }) }
}
