//! An ONNX operator applied to operands: importers of other formats say what their operators are in ONNX's words.

use crate::builder::{Builder, Operand, Stop};
use crate::external::ExternalFiles;
use crate::lowering::Lowering;
use crate::ops;
use crate::proto::{Attribute, Node};

/// The operator set that [`apply`] follows.
const OPSET: i64 = 21;

/// Attributes of an operator.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a whole number.
    #[must_use]
    pub fn int(mut self, name: &str, value: i64) -> Self {
        self.0.push(Attribute { name: name.to_owned(), i: Some(value), ..Attribute::default() });
        self
    }

    /// With whole numbers.
    #[must_use]
    pub fn ints(mut self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.0.push(Attribute { name: name.to_owned(), ints: values.into_iter().collect(), ..Attribute::default() });
        self
    }

    /// With a real number.
    #[must_use]
    pub fn float(mut self, name: &str, value: f32) -> Self {
        self.0.push(Attribute { name: name.to_owned(), f: Some(value), ..Attribute::default() });
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.0.push(Attribute { name: name.to_owned(), s: Some(value.as_bytes().to_vec()), ..Attribute::default() });
        self
    }
}

/// The results of ONNX's operator `op_type` on operands; `name` is what nodes and errors are called.
///
/// # Errors
/// An operator that is not known, operands or attributes that it does not take.
pub fn apply(
    builder: &mut Builder,
    name: &str,
    op_type: &str,
    attributes: Attributes,
    operands: &[Option<&Operand>],
    num_outputs: usize,
) -> Result<Vec<Operand>, Stop> {
    let node = Node {
        op_type: op_type.to_owned(),
        output: (0..num_outputs).map(|k| format!("{name}:{k}")).collect(),
        attribute: attributes.0,
        ..Node::default()
    };
    let lower = ops::find(op_type)?;
    let operands = operands.iter().map(|operand| operand.cloned()).collect();
    let mut files = ExternalFiles::new(None);
    let mut lowering = Lowering::new(&node, name, None, OPSET, operands, builder, &mut files);
    lower(&mut lowering)?;
    let results = lowering.finish(&|_| true)?;
    Ok(results.into_iter().map(|(_, operand)| operand).collect())
}
