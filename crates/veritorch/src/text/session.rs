//! Next ids, one after the other: row by row with a cache where the circuit can be run so, else by whole passes.

use veritorch_execute::{Decoder, ExecuteError, Feed, run};
use veritorch_graph::circuit::{Circuit, Constraint, Port, TensorId};

use super::generate::integers;
use super::statement::{NEXT_IDS, TextStatement, seed_words};
use crate::{CompiledCircuit, Error};

/// A text under way.
pub(super) struct Session<'a> {
    compiled: &'a CompiledCircuit,
    /// The circuit up to the next ids.
    circuit: Circuit,
    seq_len: usize,
    /// `None` where positions are mixed in a way that takes whole passes.
    decoder: Option<Decoder<'a>>,
}

impl<'a> Session<'a> {
    /// A session of a circuit for texts of `seq_len` ids, drawn by a seed where there is one.
    pub(super) fn new(compiled: &'a CompiledCircuit, seq_len: usize, seed: Option<u64>) -> Result<Self, Error> {
        let mut session = Self::by_whole_passes(compiled, seq_len);
        // ids [1, S], and the seed
        let feeds: Vec<Feed> = [Feed::Rows(1)].into_iter().chain(seed.map(|seed| Feed::Fixed(seed_words(seed)))).collect();
        session.decoder = Decoder::new(&session.circuit, &compiled.key.params, &feeds)?;
        Ok(session)
    }

    /// A session without a cache.
    pub(super) fn by_whole_passes(compiled: &'a CompiledCircuit, seq_len: usize) -> Self {
        Self { compiled, circuit: up_to_next_ids(compiled.circuit()), seq_len, decoder: None }
    }

    /// The choice behind a text that continues the one of the last call.
    pub(super) fn next_id(&mut self, text: &TextStatement) -> Result<u32, Error> {
        if let Some(decoder) = &mut self.decoder {
            let ids = text.prompt.iter().chain(&text.generated).map(|&id| i64::from(id));
            let new: Vec<i64> = ids.skip(decoder.len()).collect();
            let count = new.len();
            let inputs: Vec<Vec<i64>> = [new].into_iter().chain(text.seed.map(|_| Vec::new())).collect();
            match decoder.extend(count, &inputs) {
                Ok(outputs) => {
                    let next = outputs.first().and_then(|rows| rows.last()).copied().unwrap_or_default();
                    return Ok(u32::try_from(next).unwrap_or_default());
                }
                Err(ExecuteError::NotCausal { .. }) => self.decoder = None,
                Err(error) => return Err(error.into()),
            }
        }
        let outputs = run(&self.circuit.instantiate(1), &self.compiled.key.params, &integers(text, self.seq_len)?)?;
        let last = text.prompt.len() + text.generated.len() - 1;
        let next = outputs.first().and_then(|ids| ids.get(last)).copied().unwrap_or_default();
        Ok(u32::try_from(next).unwrap_or_default())
    }
}

/// The circuit with the next ids for its output, without what stands behind them.
fn up_to_next_ids(circuit: &Circuit) -> Circuit {
    let mut circuit = circuit.clone();
    if circuit.outputs.iter().any(|port| port.name == NEXT_IDS) {
        return circuit;
    }
    let Some(index) = circuit.tensors.iter().position(|tensor| tensor.name == NEXT_IDS) else { return circuit };
    circuit.tensors.truncate(index + 1);
    let is_here = |id: &TensorId| id.index() <= index;
    let tables = circuit.tables.clone();
    circuit.constraints.retain(|constraint| match constraint {
        Constraint::Lookup { table, columns } => columns.iter().chain(tables[table.index()].tensor().as_ref()).all(is_here),
        Constraint::Zero { tensor } => is_here(tensor),
    });
    let Some(next) = circuit.tensors.last() else { return circuit };
    let tensor = TensorId(u32::try_from(index).unwrap_or(u32::MAX));
    circuit.outputs = vec![Port { name: NEXT_IDS.to_owned(), tensor, shape: next.shape.clone(), scale: vec![1.0] }];
    circuit
}
