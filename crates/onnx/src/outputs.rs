//! The end of an import: outputs under their own names, and the finished graph.

use veritorch_graph::model::{ModelGraph, ModelOp, Node, ValueId};

use crate::builder::{Builder, Operand, Source, Stop};
use crate::constant::{Constant, Data};
use crate::error::OnnxError;

impl Builder {
    /// Adds an output of the model; `name` is reserved.
    ///
    /// # Errors
    /// Whole numbers that floats do not hold, entries that are not finite, a value that is an output already.
    pub fn add_output(&mut self, name: &str, operand: Operand) -> Result<(), OnnxError> {
        let fail = |reason: &str| OnnxError::Graph {
            reason: format!("output `{name}` {reason}"),
        };
        let operand = whole_as_float(operand).ok_or_else(|| fail("has whole numbers beyond 2^24"))?;
        let mut id = self.value_of(&operand, name).map_err(|stop| match stop {
            Stop::Fatal(error) => error,
            Stop::Invalid(reason) | Stop::Unsupported { reason, .. } => fail(&reason),
        })?;
        if self.graph.value(id).name != name {
            id = self.copy(id, &operand, name);
        }
        if self.graph.outputs.contains(&id) {
            return Err(fail("is there twice"));
        }
        self.graph.outputs.push(id);
        Ok(())
    }

    /// The graph, which its checker has passed.
    ///
    /// # Errors
    /// A graph that breaks a rule of the model graph.
    pub fn finish(self) -> Result<ModelGraph, OnnxError> {
        self.graph.check()?;
        Ok(self.graph)
    }

    /// An output that is another value under a second name: a copy under its own.
    fn copy(&mut self, id: ValueId, operand: &Operand, name: &str) -> ValueId {
        let output = self.add_value(name.to_owned(), operand.shape.clone(), None);
        let node = self.unique_node_name(name);
        self.add_node(Node { name: node, op: ModelOp::Reshape, inputs: vec![id], output, source: None });
        output
    }
}

/// A constant output of whole numbers or truth values as floats that hold it exactly.
#[expect(clippy::cast_precision_loss, reason = "magnitudes are checked")]
fn whole_as_float(operand: Operand) -> Option<Operand> {
    let Source::Constant { name, data } = &operand.source else {
        return Some(operand);
    };
    let floats = match data.as_ref() {
        Data::Float(_) => return Some(operand),
        Data::Int(data) if data.iter().all(|x| x.unsigned_abs() <= 1 << 24) => {
            data.iter().map(|&x| x as f32).collect()
        }
        Data::Int(_) => return None,
        Data::Bool(data) => data.iter().map(|&x| f32::from(u8::from(x))).collect(),
    };
    Some(Operand::constant(
        name.clone(),
        Constant {
            shape: operand.shape,
            data: Data::Float(floats),
        },
    ))
}
