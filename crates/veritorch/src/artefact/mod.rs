//! The files `.vt` (prover's key), `.vk` (verifier's key), `.proof`, `.ledger` and others.
//!
//! ```text
//! magic 8 | version u16 | kind u8 | sections u8 | (length u64 | BLAKE3 32) per section | BLAKE3 of all before 32 | sections
//! ```
//!
//! Integers are little-endian. The checksums tell damage from forgery; they are no defence. A section is one value in
//! postcard's encoding; those of `.vk` and `.proof` are accepted only if encoding the value again gives the same bytes,
//! so that a file that loads is the only file for its content.

mod canonical;
mod store;

pub use store::{check_destination, map, read, readable_by_others, remove_unfinished, write_atomically, write_private, write_private_pieces};

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// The first bytes of every file. The first byte is not ASCII and the last is a line end, so that transfers
/// in a text mode show.
pub const MAGIC: [u8; 8] = *b"\x95vtorch\n";

/// The format that this build writes, and the only one that it reads.
pub const VERSION: u16 = 4;

const FIXED_HEADER: usize = 12;
const SECTION_HEADER: usize = 40;
const CHECKSUM: usize = 32;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.vt`: the prover's key, with the weights.
    ProverKey,
    /// `.vk`: the verifier's key.
    VerifierKey,
    /// `.proof`: a statement and its proof.
    Proof,
    /// `.ledger`: openings of a model commitment, and how many are gone.
    Ledger,
    /// `.commitment`: commitments to inputs or outputs.
    Commitment,
    /// `.opening`: what opens them.
    Opening,
    /// `.part`: a finished segment of an unfinished proof.
    Part,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::ProverKey, Self::VerifierKey, Self::Proof, Self::Ledger, Self::Commitment, Self::Opening, Self::Part];

    /// Extension of ledgers.
    pub(crate) const LEDGER: &str = "ledger";

    fn tag(self) -> u8 {
        match self {
            Self::ProverKey => 1,
            Self::VerifierKey => 2,
            Self::Proof => 3,
            Self::Ledger => 4,
            Self::Commitment => 5,
            Self::Opening => 6,
            Self::Part => 7,
        }
    }

    /// Whether a file of this kind can have as many sections: those for renewals and for a tokenizer are there only if
    /// there is something in them, or in one behind.
    fn allows(self, sections: usize) -> bool {
        let optional = match self {
            Self::ProverKey => 2,
            Self::VerifierKey => 1,
            _ => 0,
        };
        let all = self.sections().len();
        (all - optional..=all).contains(&sections)
    }

    /// Names of the sections, in their order in the file.
    #[must_use]
    pub fn sections(self) -> &'static [&'static str] {
        match self {
            Self::ProverKey => &["key", "weights", "report", "renewals", "text"],
            Self::VerifierKey => &["key", "renewals"],
            Self::Proof => &["origin", "proof"],
            Self::Ledger => &["grant"],
            Self::Commitment => &["commitment"],
            Self::Opening => &["tensors"],
            Self::Part => &["proof it belongs to", "segment"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProverKey => "prover's key (.vt)",
            Self::VerifierKey => "verifier's key (.vk)",
            Self::Proof => "proof (.proof)",
            Self::Ledger => "ledger (.ledger)",
            Self::Commitment => "commitment (.commitment)",
            Self::Opening => "commitment's opening (.opening)",
            Self::Part => "part of an unfinished proof (.part)",
        })
    }
}

/// Bytes in pieces that stand one after the other: large ones are written from where they are.
pub type Pieces<'a> = Vec<Cow<'a, [u8]>>;

/// One file in pieces, from those of its sections.
///
/// # Panics
/// If the number of sections is not the kind's: an error of this library.
#[must_use]
pub fn pieces<'a>(kind: Kind, sections: Vec<Pieces<'a>>) -> Pieces<'a> {
    assert!(kind.allows(sections.len()), "a {kind} does not have {} sections", sections.len());
    let mut header = Vec::with_capacity(FIXED_HEADER + sections.len() * SECTION_HEADER + CHECKSUM);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend([kind.tag(), sections.len() as u8]);
    for section in &sections {
        let length: usize = section.iter().map(|piece| piece.len()).sum();
        header.extend((length as u64).to_le_bytes());
        header.extend(checksum(section.iter().map(Cow::as_ref)));
    }
    let own = checksum([header.as_slice()]);
    header.extend(own);
    let mut file = vec![Cow::Owned(header)];
    file.extend(sections.into_iter().flatten());
    file
}

/// One file's bytes from the encodings of its sections.
///
/// # Panics
/// As [`pieces`].
#[must_use]
pub fn encode(kind: Kind, sections: &[Vec<u8>]) -> Vec<u8> {
    pieces(kind, sections.iter().map(|section| vec![section.into()]).collect()).concat()
}

/// BLAKE3 of bytes in pieces; long ones are hashed by all threads.
fn checksum<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> [u8; CHECKSUM] {
    const LONG: usize = 1 << 20;
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        if piece.len() < LONG { hasher.update(piece) } else { hasher.update_rayon(piece) };
    }
    *hasher.finalize().as_bytes()
}

/// The encoding of one section.
///
/// # Panics
/// Never: encoding into memory cannot fail.
#[must_use]
pub fn encode_section<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("encoding into memory cannot fail")
}

/// A file whose header and checksums are right.
#[derive(Debug)]
pub struct File<'a> {
    /// What it holds.
    pub kind: Kind,
    path: &'a Path,
    bytes: &'a [u8],
    sections: Vec<Range<usize>>,
}

impl<'a> File<'a> {
    /// Splits a file into sections. `path` is for errors only.
    ///
    /// # Errors
    /// [`Error::NotAnArtefact`], [`Error::Version`], [`Error::Truncated`] or [`Error::Damaged`].
    pub fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Self, Error> {
        let damaged = |kind, section: &str, reason: &str| Error::Damaged {
            path: path.to_owned(),
            kind,
            section: section.to_owned(),
            reason: reason.to_owned(),
        };
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        if start != &MAGIC[..start.len()] || bytes.is_empty() {
            return Err(Error::NotAnArtefact { path: path.to_owned(), looks_like: looks_like(bytes) });
        }
        let header = Reader { path, bytes, at: MAGIC.len(), kind: None };
        let (header, version) = header.take::<2>(FIXED_HEADER)?;
        let version = u16::from_le_bytes(version);
        if version != VERSION {
            return Err(Error::Version { path: path.to_owned(), found: version, supported: VERSION });
        }
        let (mut header, [tag, num_sections]) = header.take::<2>(FIXED_HEADER)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.tag() == tag);
        let Some(kind) = kind.filter(|kind| kind.allows(usize::from(num_sections))) else {
            return Err(damaged(None, "header", "its kind is not known"));
        };
        header.kind = Some(kind);
        let num_sections = usize::from(num_sections);
        let header_len = FIXED_HEADER + num_sections * SECTION_HEADER + CHECKSUM;
        let mut table = Vec::with_capacity(num_sections);
        for _ in 0..num_sections {
            let length;
            let checksum;
            (header, length) = header.take::<8>(header_len)?;
            (header, checksum) = header.take::<CHECKSUM>(header_len)?;
            table.push((u64::from_le_bytes(length), checksum));
        }
        let covered = header.at;
        let (header, checksum) = header.take::<CHECKSUM>(header_len)?;
        if self::checksum([&bytes[..covered]]) != checksum {
            return Err(damaged(Some(kind), "header", "the checksum does not match"));
        }
        let total = table.iter().try_fold(header.at as u64, |total, (length, _)| total.checked_add(*length));
        match total {
            Some(total) if total == bytes.len() as u64 => {}
            Some(total) if total < bytes.len() as u64 => {
                return Err(damaged(Some(kind), "end", &format!("{} bytes too many", bytes.len() as u64 - total)));
            }
            _ => {
                let expected = total.unwrap_or(u64::MAX);
                return Err(Error::Truncated { path: path.to_owned(), kind: Some(kind), expected, actual: bytes.len() as u64 });
            }
        }
        let mut start = header.at;
        let mut sections = Vec::with_capacity(table.len());
        for ((length, checksum), name) in table.into_iter().zip(kind.sections()) {
            let section = start..start + length as usize;
            if self::checksum([&bytes[section.clone()]]) != checksum {
                return Err(damaged(Some(kind), name, "the checksum does not match"));
            }
            start = section.end;
            sections.push(section);
        }
        Ok(Self { kind, path, bytes, sections })
    }

    /// The same, and the file must be of this kind.
    ///
    /// # Errors
    /// Those of [`File::parse`], and [`Error::WrongKind`].
    pub fn parse_as(path: &'a Path, bytes: &'a [u8], expected: Kind) -> Result<Self, Error> {
        let file = Self::parse(path, bytes)?;
        if file.kind != expected {
            return Err(Error::WrongKind { path: path.to_owned(), expected, actual: file.kind });
        }
        Ok(file)
    }

    /// Decodes the section of this index; exactly one encoding of each value is accepted.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the section.
    ///
    /// # Panics
    /// If the kind has no such section: an error of this library.
    pub fn section<T: Serialize + DeserializeOwned>(&self, index: usize) -> Result<T, Error> {
        canonical::decode(&self.bytes[self.range(index)]).map_err(|reason| self.damaged(index, reason))
    }

    /// Decodes the section of this index without insisting on one encoding: for the owner's own large files.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the section.
    ///
    /// # Panics
    /// If the kind has no such section: an error of this library.
    pub fn own_section<T: DeserializeOwned>(&self, index: usize) -> Result<T, Error> {
        canonical::decode_any(&self.bytes[self.range(index)]).map_err(|reason| self.damaged(index, reason))
    }

    /// Where the section of this index lies in the file.
    ///
    /// # Panics
    /// If the kind has no such section: an error of this library.
    #[must_use]
    pub fn range(&self, index: usize) -> Range<usize> {
        self.sections[index].clone()
    }

    /// Whether there is a section of this index.
    #[must_use]
    pub fn has_section(&self, index: usize) -> bool {
        index < self.sections.len()
    }

    pub(crate) fn damaged(&self, index: usize, reason: String) -> Error {
        let section = self.kind.sections()[index].to_owned();
        Error::Damaged { path: self.path.to_owned(), kind: Some(self.kind), section, reason }
    }

    /// Bytes of each section.
    #[must_use]
    pub fn section_sizes(&self) -> Vec<(&'static str, usize)> {
        self.kind.sections().iter().copied().zip(self.sections.iter().map(|section| section.len())).collect()
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
    kind: Option<Kind>,
}

impl Reader<'_> {
    /// The next `N` bytes of a header that is `header_len` bytes long.
    fn take<const N: usize>(self, header_len: usize) -> Result<(Self, [u8; N]), Error> {
        let end = self.at + N;
        match self.bytes.get(self.at..end).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok((Self { at: end, ..self }, bytes)),
            None => Err(Error::Truncated {
                path: self.path.to_owned(),
                kind: self.kind,
                expected: header_len as u64,
                actual: self.bytes.len() as u64,
            }),
        }
    }
}

/// A guess at what a file is, for the error.
fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'P', b'K', ..] => "a zip or .npz archive",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "an .npy array",
        // field 1 (ir_version) of an ONNX ModelProto
        [0x08, version, 0x12 | 0x1a | 0x2a | 0x32 | 0x3a, ..] if *version < 32 => "an ONNX model",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "a TensorFlow Lite model",
        _ if bytes.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => "text",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests;
