//! The model graph: a float DAG with static shapes and about twenty operators.
//!
//! Importers lower ONNX operators to [`ModelOp`]; passes work here; calibration runs here; the quantiser
//! turns it into a [`Circuit`](crate::circuit::Circuit).

mod check;
mod constant;
mod error;
mod evaluate;
mod fixed_point;
mod mapped;
mod names;
mod op;
mod print;
mod shape;
mod unary;

#[cfg(test)]
mod tests;

pub mod index;
pub mod passes;

use std::borrow::Cow;
use std::collections::BTreeSet;

pub use constant::{Bytes, Constant, Element, Stored, bfloat16, half};
pub use mapped::map_file;
pub use error::ModelError;
pub use evaluate::{Operand, evaluate, evaluate_all, evaluate_node, wire};
pub use fixed_point::{FixedPoint, Rounding};
pub use names::Names;
pub use op::{ModelOp, UnaryFn};

/// Index of a value in [`ModelGraph::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position in [`ModelGraph::values`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A float tensor of the graph, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Unique name from the user's model.
    pub name: String,
    /// Static extents, each at least 1.
    pub shape: Vec<usize>,
    /// Data of weights and other constants, `shape.iter().product()` finite numbers; `None` for what depends on the input.
    pub constant: Option<Constant>,
}

impl Value {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers of a constant, expanded where they are stored in a file; `None` for what depends on the input.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'_, [f32]>> {
        self.constant.as_ref().map(Constant::read)
    }

    /// Always false: extents are at least 1.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One operator with its operands and its one result.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique name from the user's model, extended where one ONNX node became several.
    pub name: String,
    /// What it computes.
    pub op: ModelOp,
    /// Operands.
    pub inputs: Vec<ValueId>,
    /// Result.
    pub output: ValueId,
    /// The user's source line, where the exporter kept it (`model.py:42, in forward: x = self.conv1(x)`).
    pub source: Option<String>,
}

/// A float model: nodes in topological order, any fan-out, any number of inputs and outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelGraph {
    /// Name of the model.
    pub name: String,
    /// All values.
    pub values: Vec<Value>,
    /// All operators.
    pub nodes: Vec<Node>,
    /// Inputs in the model's order.
    pub inputs: Vec<ValueId>,
    /// Outputs in the model's order.
    pub outputs: Vec<ValueId>,
    /// Inputs that hold whole numbers; truth values are 0 and 1.
    pub integers: BTreeSet<ValueId>,
}

impl ModelGraph {
    /// The value with this index.
    ///
    /// # Panics
    /// If the index is out of range.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }
}
