//! `tokenizer.json`: text to ids and back.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{CheckpointError, read_file};

/// Largest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// A tokenizer, and the bytes that it was read from.
#[derive(Clone)]
pub struct Tokenizer {
    path: PathBuf,
    bytes: Vec<u8>,
    inner: tokenizers::Tokenizer,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokenizer({} tokens)", self.vocabulary())
    }
}

impl Tokenizer {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read or is no tokenizer.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::from_bytes(path, read_file(path, MAX_BYTES)?)
    }

    /// Reads the bytes of a file; `path` is for errors only.
    ///
    /// # Errors
    /// They are no tokenizer.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        let fault = |error| CheckpointError::Tokenizer { path: path.to_owned(), reason: format!("not a tokenizer: {error}") };
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(fault)?;
        // whoever saved the file may have cut and filled batches; sequences here are whole
        inner.with_padding(None);
        inner.with_truncation(None).map_err(fault)?;
        Ok(Self { path: path.to_owned(), bytes, inner })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of tokens, added ones included.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Ids of a text, with the special tokens that the tokenizer puts around it.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, CheckpointError> {
        let encoding = self.inner.encode(text, true).map_err(|error| self.fault(&error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids, without special tokens.
    ///
    /// # Errors
    /// Ids that the tokenizer refuses.
    pub fn decode(&self, ids: &[u32]) -> Result<String, CheckpointError> {
        self.inner.decode(ids, true).map_err(|error| self.fault(&error))
    }

    /// Sequences of exactly `seq_len` ids from the lines of a text: a line, with as many after it as fill a sequence, is cut into
    /// sequences, each with its special tokens; what is left over is dropped.
    ///
    /// # Errors
    /// The text does not fill one sequence, or a sequence holds no more than special tokens.
    pub fn windows(&self, text: &str, seq_len: usize) -> Result<Vec<Vec<u32>>, CheckpointError> {
        let mut windows = Vec::new();
        let (mut lines, mut most) = (String::new(), 0);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(line);
            let [before, ids, after] = self.parts(&lines)?;
            let room = seq_len.saturating_sub(before.len() + after.len());
            if room == 0 {
                return Err(CheckpointError::Text { reason: format!("a sequence of {seq_len} has room for special tokens alone") });
            }
            most = most.max(ids.len() + seq_len - room);
            if ids.len() >= room {
                windows.extend(ids.chunks_exact(room).map(|part| [&before, part, &after].concat()));
                lines.clear();
            }
        }
        if windows.is_empty() {
            return Err(CheckpointError::Text { reason: format!("the text has {most} tokens, expected at least {seq_len}") });
        }
        Ok(windows)
    }

    /// Special tokens before a text, its own, and special tokens behind it.
    fn parts(&self, text: &str) -> Result<[Vec<u32>; 3], CheckpointError> {
        let encode = |special| self.inner.encode(text, special).map_err(|error| self.fault(&error));
        let (whole, own) = (encode(true)?.get_ids().to_vec(), encode(false)?.get_ids().to_vec());
        let at = (0..=whole.len().saturating_sub(own.len())).find(|&at| whole[at..].starts_with(&own));
        let Some(at) = at else {
            let reason = "special tokens stand within a text, expected around it".to_owned();
            return Err(CheckpointError::Tokenizer { path: self.path.clone(), reason });
        };
        let after = whole[at + own.len()..].to_vec();
        Ok([whole[..at].to_vec(), own, after])
    }

    fn fault(&self, error: &tokenizers::Error) -> CheckpointError {
        CheckpointError::Tokenizer { path: self.path.clone(), reason: error.to_string() }
    }
}
