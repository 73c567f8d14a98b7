//! The circuit: an integer graph in which every tensor is a source, a public linear or bilinear
//! function of earlier tensors (*virtual*: never committed), or a hint pinned by constraints.
//!
//! All tensors are row-major `i64` and hold real entries only; padding to powers of two exists in the
//! argument alone. A circuit is written for one sample; [`Circuit::instantiate`] puts the batch axis
//! in front of every tensor that is not a weight.

mod axis;
mod bounds;
mod builder;
mod check;
mod digest;
mod error;
mod instantiate;
pub mod noise;
mod op;
mod pinned;
mod policy;
mod print;
mod prune;
mod table;
#[cfg(test)]
mod tests;
mod wiring;

pub use axis::{AxisFactor, AxisLink, AxisMap, SeparableMap};
pub use builder::{CircuitBuilder, Refusal, SAFE_RANGE, plane_range};
pub use check::{MAX_ITEMS, MAX_LOG_TABLE, MAX_RANK, MAX_TENSOR_LEN};
pub use digest::CircuitDigest;
pub use error::CircuitError;
pub use op::{ConvGeometry, Op, Term};
pub use policy::{Policy, Visibility};
pub use table::{Table, TableId};

use serde::{Deserialize, Serialize};

/// Index of a tensor in [`Circuit::tensors`]; an operator's operands have smaller indices than its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TensorId(pub u32);

impl TensorId {
    /// Position in [`Circuit::tensors`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tensor of the circuit with the operator that defines it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Unique name, taken from the user's model where it has one (`layer1.0.conv1:accumulator`).
    pub name: String,
    /// Extents of the axes, each at least 1. Rank 0 is a scalar with one entry.
    pub shape: Vec<usize>,
    /// What defines the tensor.
    pub op: Op,
    /// Least value over all admitted inputs (worst case, not calibration).
    pub min: i64,
    /// Greatest value over all admitted inputs.
    pub max: i64,
    /// Name of the user's node that this tensor belongs to, for errors and reports.
    pub node: String,
}

impl Tensor {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Always false: extents are at least 1. Present for the convention beside [`Tensor::len`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What must hold beside the virtual operators' own equations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Constraint {
    /// For every entry `i`, the tuple `(columns[0][i], ..)` is a row of the table. All columns have one shape;
    /// their number is the table's width.
    Lookup {
        /// The table.
        table: TableId,
        /// One tensor per table column.
        columns: Vec<TensorId>,
    },
    /// Every entry of the tensor is zero.
    Zero {
        /// The tensor.
        tensor: TensorId,
    },
}

/// A weight tensor's place in the model commitment. Values are data of the model, not of the circuit.
///
/// Shape `[kernel, output, column]`: `kernel` positions and `output` channels select rows of the committed
/// matrix, `column` runs along a row. A value is `sum_p 256^p * plane_p` with planes of `i8` (balanced digits).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamInfo {
    /// Unique name.
    pub name: String,
    /// `[kernel, output, column]`, each at least 1.
    pub shape: [usize; 3],
    /// Number of byte planes, 1 to 4.
    pub num_planes: usize,
}

/// How an input or output of the model meets the circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// ONNX name.
    pub name: String,
    /// The tensor.
    pub tensor: TensorId,
    /// Shape in the user's model (without the batch axis that veritorch adds).
    pub shape: Vec<usize>,
    /// Real value = integer * scale. One entry for the whole tensor, or one per index of the last axis.
    pub scale: Vec<f64>,
}

/// The integer graph with its constraints, tables and interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Circuit {
    /// Name of the model.
    pub name: String,
    /// Tensors in topological order.
    pub tensors: Vec<Tensor>,
    /// Lookup tables.
    pub tables: Vec<Table>,
    /// Weight tensors.
    pub params: Vec<ParamInfo>,
    /// Constraints.
    pub constraints: Vec<Constraint>,
    /// Inputs in the order of the model.
    pub inputs: Vec<Port>,
    /// Outputs in the order of the model.
    pub outputs: Vec<Port>,
    /// What the statement shows.
    pub policy: Policy,
    /// Samples in one proof; 0 before [`Circuit::instantiate`].
    pub batch: usize,
}

impl Circuit {
    /// The tensor with this index.
    ///
    /// # Panics
    /// If the index is out of range; [`Circuit::check`] rules it out for every index in a checked circuit.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// Whether a tensor's values are committed as a witness column: hints, and inputs that are not public.
    #[must_use]
    pub fn is_committed(&self, id: TensorId) -> bool {
        match self.tensor(id).op {
            Op::Input { .. } => self.policy.input != Visibility::Public,
            ref op => op.is_hint(),
        }
    }
}
