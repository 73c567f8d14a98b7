//! What an operator's file sees of its node: inputs, attributes, and (in `emission`) the means to emit model operators.
//!
//! Every attribute, input and output that a lowering does not touch is reported as unsupported, so that nothing of
//! the user's model is dropped in silence.

mod emission;

use std::cell::RefCell;
use std::collections::BTreeSet;

use veritorch_graph::model::ValueId;

use crate::builder::{Builder, Operand, Stop};
use crate::constant::{Constant, Data};
use crate::element::Kind;
use crate::error::OnnxError;
use crate::external::ExternalFiles;
use crate::initializer;
use crate::proto::{Attribute, Node, attribute_kind};

/// One node on its way to model operators.
pub(crate) struct Lowering<'a> {
    /// Unique name of the node.
    pub(crate) name: &'a str,
    /// Version of ONNX's operator set.
    pub(crate) opset: i64,
    node: &'a Node,
    source: Option<&'a String>,
    operands: Vec<Option<Operand>>,
    builder: &'a mut Builder,
    files: &'a mut ExternalFiles,
    touched_inputs: RefCell<BTreeSet<usize>>,
    touched_attributes: RefCell<BTreeSet<String>>,
    outputs: Vec<Option<Operand>>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        node: &'a Node,
        name: &'a str,
        source: Option<&'a String>,
        opset: i64,
        operands: Vec<Option<Operand>>,
        builder: &'a mut Builder,
        files: &'a mut ExternalFiles,
    ) -> Self {
        Self {
            name,
            opset,
            node,
            source,
            operands,
            builder,
            files,
            touched_inputs: RefCell::default(),
            touched_attributes: RefCell::default(),
            outputs: vec![None; node.output.len()],
        }
    }

    // ---- inputs and outputs ----

    /// Number of inputs, absent ones in the middle included.
    pub(crate) fn num_inputs(&self) -> usize {
        self.operands.len()
    }

    /// Number of outputs, unnamed ones in the middle included.
    pub(crate) fn num_outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Input `k`, which must be there.
    pub(crate) fn input(&self, k: usize) -> Result<Operand, Stop> {
        self.optional(k)
            .ok_or_else(|| Stop::invalid(format!("input {k} is missing")))
    }

    /// Input `k`, if it is there.
    pub(crate) fn optional(&self, k: usize) -> Option<Operand> {
        self.touched_inputs.borrow_mut().insert(k);
        self.operands.get(k).cloned().flatten()
    }

    /// Input `k` as integers known now, if it is there.
    pub(crate) fn optional_ints(&mut self, k: usize, what: &str) -> Result<Option<Vec<i64>>, Stop> {
        let Some(operand) = self.optional(k) else {
            return Ok(None);
        };
        match operand.data() {
            Some(Data::Int(data)) => {
                self.builder.charge(data.len())?;
                Ok(Some(data.clone()))
            }
            Some(other) => Err(Stop::invalid(format!(
                "{what} is {}, expected integer",
                other.kind().name()
            ))),
            None => Err(Stop::hinted(
                format!("{what} depends on the model's input"),
                "circuits have static shapes: export with fixed shapes",
            )),
        }
    }

    /// Input `k` as integers known now.
    pub(crate) fn ints_input(&mut self, k: usize, what: &str) -> Result<Vec<i64>, Stop> {
        self.optional_ints(k, what)?
            .ok_or_else(|| Stop::invalid(format!("input {k} ({what}) is missing")))
    }

    /// Input `k` as one float known now, if it is there.
    pub(crate) fn optional_float(&self, k: usize, what: &str) -> Result<Option<f32>, Stop> {
        let Some(operand) = self.optional(k) else {
            return Ok(None);
        };
        match operand.data() {
            Some(Data::Float(data)) if data.len() == 1 => Ok(Some(data[0])),
            Some(_) => Err(Stop::invalid(format!("{what} is not one float"))),
            None => Err(Stop::unsupported(format!(
                "{what} depends on the model's input"
            ))),
        }
    }

    /// Sets output `k`.
    pub(crate) fn set(&mut self, k: usize, operand: Operand) {
        if let Some(slot) = self.outputs.get_mut(k) {
            *slot = Some(operand);
        }
    }

    /// The node that produces a value.
    pub(crate) fn producer(&self, id: ValueId) -> Option<&veritorch_graph::model::Node> {
        self.builder.producer(id)
    }

    /// Shape of a value of the graph.
    pub(crate) fn shape_of(&self, id: ValueId) -> &[usize] {
        &self.builder.graph.value(id).shape
    }

    /// Shape and numbers of a constant of the graph.
    pub(crate) fn constant_value(&self, id: ValueId) -> Option<(&[usize], &[f32])> {
        let value = self.builder.graph.value(id);
        Some((&value.shape, value.constant.as_ref()?.owned()?))
    }

    /// The number that a value of the graph is, where it is one number known now.
    pub(crate) fn number(&self, id: ValueId) -> Option<f32> {
        let constant = self.builder.graph.value(id).constant.as_ref()?;
        (constant.len() == 1).then(|| constant.read()[0])
    }

    // ---- attributes ----

    fn attribute(&self, name: &str, kinds: &[i32]) -> Result<Option<&'a Attribute>, Stop> {
        self.touched_attributes.borrow_mut().insert(name.to_owned());
        let Some(attribute) = self.node.attribute.iter().find(|a| a.name == name) else {
            return Ok(None);
        };
        if !attribute.ref_attr_name.is_empty() {
            return Err(Stop::unsupported(format!(
                "attribute `{name}` refers to a function's parameter"
            )));
        }
        if attribute.kind == attribute_kind::UNDEFINED || kinds.contains(&attribute.kind) {
            Ok(Some(attribute))
        } else {
            Err(Stop::invalid(format!(
                "attribute `{name}` has the wrong type"
            )))
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.node.attribute.iter().any(|a| a.name == name)
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, Stop> {
        Ok(self.optional_int(name)?.unwrap_or(default))
    }

    pub(crate) fn optional_int(&self, name: &str) -> Result<Option<i64>, Stop> {
        // the default 0 is sometimes left out of the bytes
        Ok(self
            .attribute(name, &[attribute_kind::INT])?
            .map(|a| a.i.unwrap_or(0)))
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> Result<f32, Stop> {
        Ok(self.optional_float_attribute(name)?.unwrap_or(default))
    }

    pub(crate) fn optional_float_attribute(&self, name: &str) -> Result<Option<f32>, Stop> {
        Ok(self
            .attribute(name, &[attribute_kind::FLOAT])?
            .map(|a| a.f.unwrap_or(0.0)))
    }

    pub(crate) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Stop> {
        Ok(self
            .attribute(name, &[attribute_kind::INTS])?
            .map(|a| a.ints.clone()))
    }

    pub(crate) fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, Stop> {
        Ok(self
            .attribute(name, &[attribute_kind::FLOATS])?
            .map(|a| a.floats.clone()))
    }

    pub(crate) fn string(&self, name: &str, default: &str) -> Result<String, Stop> {
        let Some(attribute) = self.attribute(name, &[attribute_kind::STRING])? else {
            return Ok(default.to_owned());
        };
        String::from_utf8(attribute.s.clone().unwrap_or_default())
            .map_err(|_| Stop::invalid(format!("attribute `{name}` is not text")))
    }

    pub(crate) fn strings(&self, name: &str) -> Result<Option<Vec<String>>, Stop> {
        let Some(attribute) = self.attribute(name, &[attribute_kind::STRINGS])? else { return Ok(None) };
        let texts = attribute.strings.iter().map(|bytes| String::from_utf8(bytes.clone()));
        texts.collect::<Result<_, _>>().map(Some).map_err(|_| Stop::invalid(format!("attribute `{name}` is not text")))
    }

    /// Floats of an attribute, or of the tensor in it or in one whose name ends in `_as_tensor`.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Option<Vec<f32>>, Stop> {
        if let Some(floats) = self.attribute(name, &[attribute_kind::FLOATS, attribute_kind::TENSOR])?.filter(|a| a.t.is_none()) {
            return Ok(Some(floats.floats.clone()));
        }
        let own = if self.has(name) { name.to_owned() } else { format!("{name}_as_tensor") };
        match self.tensor(&own)?.map(|tensor| tensor.data) {
            None => Ok(None),
            Some(Data::Float(data)) => Ok(Some(data)),
            Some(_) => Err(Stop::invalid(format!("attribute `{own}` holds no floats"))),
        }
    }

    /// Notes that an attribute is not needed.
    pub(crate) fn skip(&self, name: &str) {
        self.touched_attributes.borrow_mut().insert(name.to_owned());
    }

    pub(crate) fn tensor(&mut self, name: &str) -> Result<Option<Constant>, Stop> {
        let Some(attribute) = self.attribute(name, &[attribute_kind::TENSOR])? else {
            return Ok(None);
        };
        let Some(tensor) = &attribute.t else {
            return Err(Stop::invalid(format!("attribute `{name}` is empty")));
        };
        initializer::read(tensor, &format!("{}/{name}", self.name), self.files)
            .map(Some)
            .map_err(Stop::Fatal)
    }

    // ---- the end ----

    /// Names of the results, or the first thing that the lowering did not touch; `read` says which outputs matter.
    pub(crate) fn finish(
        self,
        read: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, Operand)>, Stop> {
        let attributes = self.touched_attributes.borrow();
        if let Some(other) = self
            .node
            .attribute
            .iter()
            .find(|a| !attributes.contains(&a.name))
        {
            return Err(Stop::unsupported(format!("attribute `{}`", other.name)));
        }
        let inputs = self.touched_inputs.borrow();
        if let Some(k) =
            (0..self.operands.len()).find(|k| self.operands[*k].is_some() && !inputs.contains(k))
        {
            return Err(Stop::unsupported(format!("input {k}")));
        }
        let mut results = Vec::new();
        for (name, operand) in self.node.output.iter().zip(self.outputs) {
            match operand {
                Some(operand) if !name.is_empty() => results.push((name.clone(), operand)),
                None if !name.is_empty() && read(name) => {
                    return Err(Stop::unsupported(format!("output `{name}`")));
                }
                _ => {}
            }
        }
        Ok(results)
    }
}

/// An axis counted from the end where it is negative.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Stop> {
    let from_front = if axis < 0 {
        i64::try_from(rank)
            .ok()
            .and_then(|rank| axis.checked_add(rank))
    } else {
        Some(axis)
    };
    from_front
        .and_then(|k| usize::try_from(k).ok())
        .filter(|&k| k < rank)
        .ok_or_else(|| Stop::invalid(format!("axis {axis} of a tensor of rank {rank}")))
}

/// Distinct axes in ascending order.
pub(crate) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, Stop> {
    let mut out = axes
        .iter()
        .map(|&k| axis(k, rank))
        .collect::<Result<Vec<_>, _>>()?;
    out.sort_unstable();
    if out.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Stop::invalid(format!("axes {axes:?} name one axis twice")));
    }
    Ok(out)
}

/// Refuses integer and boolean operands of a float operator.
pub(crate) fn require_float(operand: &Operand, what: &str) -> Result<(), Stop> {
    if operand.kind == Kind::Float {
        Ok(())
    } else {
        Err(Stop::unsupported(format!(
            "{what} is {}",
            operand.kind.name()
        )))
    }
}

impl From<OnnxError> for Stop {
    fn from(error: OnnxError) -> Self {
        Self::Fatal(error)
    }
}
