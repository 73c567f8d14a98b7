//! The segments of a key: their own keys, the sizes of their proofs, what all of them are worth.

use veritorch_commitment::CommitmentError;
use veritorch_graph::circuit::{Circuit, CircuitError, Visibility};
use veritorch_graph::segments::Segment;

use crate::error::ProveError;
use crate::key::{PartOf, SegmentRoot, VerifyingKey};
use crate::security::{SecurityReport, SecurityTerm, security_of};
use crate::tensor::{Sizes, TensorFormat, format_of};

/// Name of the terms of what crosses cuts, in reports.
pub(super) const BOUNDARIES: &str = "boundaries";

/// A segment with the key that its part of a proof is checked with.
pub(crate) struct Part {
    pub(super) segment: Segment,
    pub(super) vk: VerifyingKey,
    /// Openings that the commitments to what it exports cover: its own and one for each reader.
    pub(super) num_openings: usize,
}

impl VerifyingKey {
    /// The segments in order, if the key is one that proofs can be checked with: root and starts fit, and the circuit and theirs break no rule.
    pub(crate) fn checked_parts<X: From<CircuitError> + From<CommitmentError>>(&self) -> Result<Vec<Part>, X> {
        let count = |what, expected, actual| Err(CommitmentError::Count { what, expected, actual }.into());
        if self.segments.len() < 2 {
            return count("segments of a key that has some, at least", 2, self.segments.len());
        }
        if let Some(first) = self.segments.first().filter(|first| first.start != 0) {
            return count("the first segment's first tensor", 0, first.start as usize);
        }
        if self.model_root != root_of(&self.segments) {
            return Err(CommitmentError::Root { what: "the segments' model commitments" }.into());
        }
        self.parts()
    }

    /// The segments in order.
    pub(super) fn parts<X: From<CircuitError>>(&self) -> Result<Vec<Part>, X> {
        let cuts: Vec<u32> = self.segments.iter().skip(1).map(|segment| segment.start).collect();
        let segments = self.circuit.segments(&cuts)?;
        let (margin, whole) = (margin(segments.len()), self.digest());
        let readers: Vec<usize> = (0..segments.len()).map(|own| Segment::readers(&segments, own).into_iter().max().unwrap_or(0)).collect();
        let parts = (0u64..).zip(segments).zip(&self.segments).zip(readers).map(|(((index, segment), own), readers)| {
            let digest = blake3::derive_key("veritorch 2026 segment digest v1", &[whole.as_slice(), &index.to_le_bytes()].concat());
            let vk = VerifyingKey {
                circuit: segment.circuit.clone(),
                model_root: own.root,
                profile: self.profile,
                lifetime: self.lifetime,
                segments: Vec::new(),
                part_of: Some(PartOf { digest, margin }),
            };
            Part { segment, vk, num_openings: 1 + readers }
        });
        Ok(parts.collect())
    }
}

impl VerifyingKey {
    /// Bits by which commitments to outputs have to be better.
    pub(crate) fn output_margin(&self) -> usize {
        if self.is_segmented() { margin(self.segments.len()) } else { self.margin() }
    }
}

/// Bits by which each of so many segments has to be better.
fn margin(num_segments: usize) -> usize {
    num_segments.next_power_of_two().trailing_zeros() as usize
}

/// What stands for the roots of all segments.
pub(super) fn root_of(segments: &[SegmentRoot]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("veritorch 2026 root of a model in segments v1");
    for SegmentRoot { start, root } in segments {
        hasher.update(&start.to_le_bytes());
        hasher.update(root);
    }
    hasher.finalize().into()
}

impl Part {
    /// Formats of what it exports to later segments; none of the last one.
    pub(super) fn export_formats(&self, is_last: bool) -> Result<Vec<TensorFormat>, ProveError> {
        let ports = if is_last { &[][..] } else { &self.vk.circuit.outputs };
        ports.iter().map(|port| Ok(format_of(&self.vk.circuit, port, self.num_openings)?.with_margin(self.vk.margin()))).collect()
    }
}

/// Something of each export that is imported, in the order of a segment's inputs.
pub(super) fn imported<'a, T>(segment: &'a Segment, exports: &'a [Vec<T>]) -> impl Iterator<Item = &'a T> {
    segment.imports.iter().filter_map(|import| exports.get(import.segment)?.get(import.output))
}

fn is_committed(visibility: Visibility) -> bool {
    visibility == Visibility::Committed
}

/// The commitments of a whole statement that are to inputs, and those to outputs.
pub(super) fn ends<'a, T>(circuit: &Circuit, commitments: &'a [T]) -> (&'a [T], &'a [T]) {
    let inputs = if is_committed(circuit.policy.input) { circuit.inputs.len() } else { 0 };
    commitments.split_at(inputs.min(commitments.len()))
}

/// Sizes of each segment's proof from those of the whole proof.
fn part_sizes(key: &VerifyingKey, parts: &[Part], sizes: &Sizes) -> Result<Vec<Sizes>, ProveError> {
    let last = parts.len() - 1;
    let exports = parts.iter().enumerate().map(|(index, part)| part.export_formats(index == last)).collect::<Result<Vec<_>, _>>()?;
    let (inputs, outputs) = ends(&key.circuit, &sizes.formats);
    let sizes = parts.iter().enumerate().map(|(index, part)| {
        let mut formats: Vec<TensorFormat> = if index == 0 { inputs.to_vec() } else { imported(&part.segment, &exports).copied().collect() };
        formats.extend(if index == last { outputs } else { exports.get(index).map_or(&[][..], Vec::as_slice) });
        Sizes { batch: sizes.batch, formats }
    });
    Ok(sizes.collect())
}

/// What proofs of these sizes under a key with segments are worth.
pub(crate) fn segmented_security(key: &VerifyingKey, sizes: &Sizes) -> Result<SecurityReport, ProveError> {
    let parts = key.parts::<ProveError>()?;
    let mut reports = Vec::with_capacity(parts.len());
    for (part, sizes) in parts.iter().zip(part_sizes(key, &parts, sizes)?) {
        reports.push(security_of::<ProveError>(&part.vk, &sizes)?);
    }
    Ok(merged_reports(&parts, reports))
}

/// One report: terms of one name are added.
pub(super) fn merged_reports(parts: &[Part], reports: Vec<SecurityReport>) -> SecurityReport {
    let mut terms: Vec<SecurityTerm> = Vec::new();
    for (index, (part, report)) in parts.iter().zip(reports).enumerate() {
        let boundaries = part.boundary_names(index, parts.len());
        for term in report.terms {
            let boundary = boundaries.iter().any(|name| term.name.starts_with(name));
            let name = if boundary { BOUNDARIES.to_owned() } else { general(&term.name) };
            match terms.iter_mut().find(|other| other.name == name) {
                Some(other) => other.bits = -((-other.bits).exp2() + (-term.bits).exp2()).log2(),
                None => terms.push(SecurityTerm { name, bits: term.bits }),
            }
        }
    }
    SecurityReport::new(terms)
}

/// A term's name with `n` for each number: they differ between segments.
fn general(name: &str) -> String {
    let mut general = String::with_capacity(name.len());
    let mut in_number = false;
    for letter in name.chars() {
        let is_digit = letter.is_ascii_digit();
        if !is_digit {
            general.push(letter);
        } else if !in_number {
            general.push('n');
        }
        in_number = is_digit;
    }
    general
}

impl Part {
    /// Beginnings of the names of terms that are of what crosses cuts.
    fn boundary_names(&self, index: usize, count: usize) -> Vec<String> {
        let inputs = self.vk.circuit.inputs.iter().filter(|_| index > 0).map(|port| format!("input `{}`:", port.name));
        let outputs = self.vk.circuit.outputs.iter().filter(|_| index + 1 < count).map(|port| format!("output `{}`:", port.name));
        inputs.chain(outputs).collect()
    }
}
