//! Rows of a constant table: a private weight, read by the digits of the ids.

use veritorch_graph::gadgets;
use veritorch_graph::model::Node;

use super::sum::Int;
use super::{Lowering, State, Unsupported};
use crate::scales::Format;

/// Bits of a table's entries: two byte planes.
const BITS: u32 = 16;
/// Greatest entry of two balanced bytes.
const GREATEST: i64 = 32_639;

impl Lowering<'_> {
    /// Virtual, in the steps of the table.
    pub(super) fn embedding(&mut self, node: &Node) -> Result<State, Unsupported> {
        let (table, ids) = (node.inputs[0], node.inputs[1]);
        let Some(data) = self.constant(table) else {
            return Err(Unsupported::reason("a table that depends on the input"));
        };
        let [rows, columns] = *self.shape(table) else { return Err(Unsupported::reason("a table of another rank than 2")) };
        let magnitude = data.iter().fold(0.0f64, |max, v| max.max(f64::from(v.abs())));
        let format = Format::binary(magnitude, magnitude * ((1 << (BITS - 1)) as f64 / GREATEST as f64), BITS);
        let len = gadgets::one_hot_len(rows);
        let mut values = vec![0i64; columns * len];
        for (row, entries) in data.chunks(columns).enumerate() {
            for (column, &entry) in entries.iter().enumerate() {
                values[column * len + row] = format.encode(f64::from(entry)).clamp(-GREATEST, GREATEST);
            }
        }
        let ids = self.int(ids)?;
        if ids.scale != 1.0 {
            return Err(Unsupported::reason("ids that are not whole numbers of the input"));
        }
        let w = self.weight(&self.graph.value(table).name.clone(), [1, columns, len], values)?;
        let name = self.graph.value(node.output).name.clone();
        let tensor = gadgets::embedding(&mut self.builder, &name, ids.tensor, w, rows)?;
        Ok(State::Int(Int { tensor, scale: format.scale }))
    }
}
