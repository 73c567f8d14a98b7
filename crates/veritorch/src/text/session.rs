//! Next ids, one after the other: row by row with a cache where the circuit can be run so, else by whole passes.

use veritorch_execute::{Decoder, ExecuteError};

use super::generate::arrays;
use super::statement::{NEXT_IDS, TextStatement};
use crate::{CompiledCircuit, Error};

/// A text under way.
pub(super) struct Session<'a> {
    circuit: &'a CompiledCircuit,
    seq_len: usize,
    /// `None` where positions are mixed in a way that takes whole passes.
    decoder: Option<Decoder<'a>>,
}

impl<'a> Session<'a> {
    /// A session of a circuit for texts of `seq_len` ids.
    pub(super) fn new(circuit: &'a CompiledCircuit, seq_len: usize) -> Result<Self, Error> {
        // ids [1, S]
        let decoder = Decoder::new(circuit.circuit(), &circuit.key.params, &[1])?;
        Ok(Self { circuit, seq_len, decoder })
    }

    /// A session without a cache.
    #[cfg(test)]
    pub(super) fn by_whole_passes(circuit: &'a CompiledCircuit, seq_len: usize) -> Self {
        Self { circuit, seq_len, decoder: None }
    }

    /// The choice behind a text that continues the one of the last call.
    pub(super) fn next_id(&mut self, text: &TextStatement) -> Result<u32, Error> {
        if let Some(decoder) = &mut self.decoder {
            let ids = text.prompt.iter().chain(&text.generated).map(|&id| i64::from(id));
            let new: Vec<i64> = ids.skip(decoder.len()).collect();
            match decoder.extend(new.len(), &[new]) {
                Ok(outputs) => {
                    let next = outputs.first().and_then(|rows| rows.last()).copied().unwrap_or_default();
                    return Ok(u32::try_from(next).unwrap_or_default());
                }
                Err(ExecuteError::NotCausal { .. }) => self.decoder = None,
                Err(error) => return Err(error.into()),
            }
        }
        let run = self.circuit.run(&arrays(text, self.seq_len)?)?;
        let last = text.prompt.len() + text.generated.len() - 1;
        let next = run.outputs.get(NEXT_IDS).and_then(|array| array.data.get(last)).copied().unwrap_or_default();
        Ok(next as u32)
    }
}
