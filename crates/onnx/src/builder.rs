//! The model graph under construction: values, nodes, unique names, and folding of what is constant.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use veritorch_graph::model::index::{MAX_ELEMENTS, element_count};
use veritorch_graph::model::{ModelGraph, ModelOp, Names, Node, UnaryFn, Value, ValueId};

use crate::constant::{Constant, Data};
use crate::element::Kind;
use crate::error::OnnxError;
use crate::masked::{Keep, Site, is_infinite};

/// Entries that folding may make beyond four times the file's own: a small file cannot ask for much memory.
const FREE_ENTRIES: usize = 1 << 25;
/// Multiplications that folding may make beyond 64 for each entry of the file.
const FREE_WORK: usize = 1 << 28;

/// A value during the import.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Extents; some may be 0 during the import.
    pub shape: Vec<usize>,
    /// What its entries are.
    pub kind: Kind,
    /// Where they come from.
    pub source: Source,
}

/// Where an operand's entries come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Known now, with the name it gets in the graph.
    Constant {
        /// Its name.
        name: String,
        /// The entries.
        data: Rc<Data>,
    },
    /// Depends on the model's inputs.
    Value(ValueId),
    /// The truth of `value > threshold` for each entry of a value that depends on the model's inputs.
    Above {
        /// What is compared.
        value: ValueId,
        /// With what.
        threshold: f32,
    },
    /// A value that depends on the model's inputs, minus infinity where `keep` (broadcast to its shape) is not set.
    Masked {
        /// Its finite numbers.
        value: ValueId,
        /// Where they count.
        keep: Keep,
    },
}

impl Operand {
    /// Entries that are known, with the name that they get in the graph.
    pub fn constant(name: impl Into<String>, constant: Constant) -> Self {
        Self {
            kind: constant.data.kind(),
            shape: constant.shape,
            source: Source::Constant {
                name: name.into(),
                data: Rc::new(constant.data),
            },
        }
    }

    /// The entries, where they are known.
    pub fn data(&self) -> Option<&Data> {
        match &self.source {
            Source::Constant { data, .. } => Some(data),
            Source::Value(_) | Source::Above { .. } | Source::Masked { .. } => None,
        }
    }

    /// The float entries, where they are known.
    pub fn floats(&self) -> Option<&[f32]> {
        match self.data() {
            Some(Data::Float(data)) => Some(data),
            _ => None,
        }
    }

    /// The same entries as real numbers, where they depend on the input.
    pub(crate) fn as_float(self) -> Self {
        if self.is_constant() { self } else { Self { kind: Kind::Float, ..self } }
    }

    /// Whether the entries are known.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.data().is_some()
    }
}

/// Why a node is not lowered.
#[derive(Debug)]
pub enum Stop {
    /// It is legal, but there is no lowering: collected with all others of the model.
    Unsupported {
        /// What has no lowering.
        reason: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// It breaks a rule: the import ends here.
    Invalid(String),
    /// The import ends with this error.
    Fatal(OnnxError),
}

impl Stop {
    /// Legal, without a lowering.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::Unsupported {
            reason: reason.into(),
            hint: None,
        }
    }

    /// The same, with what the user can do.
    pub fn hinted(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported {
            reason: reason.into(),
            hint: Some(hint.into()),
        }
    }

    /// A broken rule.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }
}

/// Builds the graph and keeps its names unique.
#[derive(Debug)]
pub struct Builder {
    /// The graph so far.
    pub graph: ModelGraph,
    value_names: Names,
    node_names: Names,
    /// Position of the node that produces a value.
    producers: BTreeMap<ValueId, usize>,
    initializers: BTreeSet<String>,
    constants: BTreeMap<String, Vec<(Rc<Data>, ValueId)>>,
    entries_left: usize,
    work_left: usize,
}

impl Builder {
    /// `reserved` are the file's value names, `initializers` those of its constants, `file_entries` the number of
    /// entries of its constants.
    pub fn new(
        name: &str,
        reserved: BTreeSet<String>,
        initializers: BTreeSet<String>,
        file_entries: usize,
    ) -> Self {
        Self {
            graph: ModelGraph {
                name: name.to_owned(),
                ..ModelGraph::default()
            },
            value_names: Names::new(reserved),
            node_names: Names::default(),
            producers: BTreeMap::new(),
            initializers,
            constants: BTreeMap::new(),
            entries_left: FREE_ENTRIES.saturating_add(file_entries.saturating_mul(4)),
            work_left: FREE_WORK.saturating_add(file_entries.saturating_mul(64)),
        }
    }

    /// Adds a value under a name that the caller owns (one of the reserved ones).
    pub fn add_value(
        &mut self,
        name: String,
        shape: Vec<usize>,
        constant: Option<Vec<f32>>,
    ) -> ValueId {
        // 2^32 values do not fit into memory
        let id = ValueId(u32::try_from(self.graph.values.len()).unwrap_or(u32::MAX));
        self.graph.values.push(Value {
            name,
            shape,
            constant: constant.map(Into::into),
        });
        id
    }

    pub(crate) fn unique_value_name(&mut self, base: &str) -> String {
        self.value_names.unique(base)
    }

    /// A name that no node has yet.
    pub fn unique_node_name(&mut self, base: &str) -> String {
        self.node_names.unique(base)
    }

    /// The node that produces a value.
    pub fn producer(&self, id: ValueId) -> Option<&Node> {
        self.producers
            .get(&id)
            .and_then(|&at| self.graph.nodes.get(at))
    }

    /// Adds a node.
    pub fn add_node(&mut self, node: Node) {
        self.producers.insert(node.output, self.graph.nodes.len());
        self.graph.nodes.push(node);
    }

    /// Gives a value that a node made the name it has in the file.
    pub fn rename(&mut self, id: ValueId, name: &str) {
        let old = std::mem::replace(&mut self.graph.values[id.index()].name, name.to_owned());
        self.value_names.release(&old);
    }

    /// Gives the principal one of the nodes from `first` on the name of the node that they come from: the one that
    /// computes, or the last.
    pub fn name_principal(&mut self, first: usize, name: &str) {
        let Some(made) = self
            .graph
            .nodes
            .get_mut(first..)
            .filter(|made| !made.is_empty())
        else {
            return;
        };
        let last = made.len() - 1;
        let principal = made
            .iter()
            .position(|node| is_principal(&node.op))
            .unwrap_or(last);
        let old = std::mem::replace(&mut made[principal].name, name.to_owned());
        self.node_names.release(&old);
    }

    /// Reserves memory for a constant that folding makes.
    pub fn charge(&mut self, entries: usize) -> Result<(), Stop> {
        self.entries_left = self.entries_left.checked_sub(entries).ok_or_else(|| {
            Stop::invalid(format!(
                "constants of {entries} entries and more would be made from a much smaller file"
            ))
        })?;
        Ok(())
    }

    pub(crate) fn charge_work(&mut self, work: usize) -> Result<(), Stop> {
        self.work_left = self
            .work_left
            .checked_sub(work)
            .ok_or_else(|| Stop::invalid("computing the model's constants takes too long"))?;
        Ok(())
    }

    /// The operand as a value of the graph; constants are added at their first use.
    ///
    /// `reader` is the node or output that errors name.
    pub(crate) fn value_of(&mut self, operand: &Operand, reader: &str) -> Result<ValueId, Stop> {
        let (name, data) = match &operand.source {
            Source::Value(id) => return Ok(*id),
            Source::Masked { .. } => {
                return Err(Stop::hinted(
                    "reads entries that are minus infinity",
                    "masked scores go into Softmax; use a finite number in other places",
                ));
            }
            &Source::Above { value, threshold } => {
                let x = Operand { shape: operand.shape.clone(), kind: Kind::Float, source: Source::Value(value) };
                let bound = Constant { shape: Vec::new(), data: Data::Float(vec![threshold]) };
                let bound = Operand::constant(format!("{reader}/threshold"), bound);
                let site = |part| Site { name: reader, part, source: None };
                let excess = self.emit(site("excess"), ModelOp::Sub, &[&x, &bound], operand.shape.clone())?;
                let op = ModelOp::Unary(UnaryFn::Positive);
                let above = self.emit(site("above"), op, &[&excess], operand.shape.clone())?;
                return self.value_of(&above, reader);
            }
            Source::Constant { name, data } => (name, data),
        };
        let converted;
        let numbers = match data.as_ref() {
            Data::Float(numbers) => numbers,
            // ids beside ids that depend on the input
            Data::Int(whole) if whole.iter().all(|x| x.unsigned_abs() <= 1 << 24) => {
                #[expect(clippy::cast_precision_loss, reason = "magnitudes are checked")]
                {
                    converted = whole.iter().map(|&x| x as f32).collect::<Vec<_>>();
                }
                &converted
            }
            Data::Bool(flags) => {
                converted = flags.iter().map(|&flag| f32::from(u8::from(flag))).collect::<Vec<_>>();
                &converted
            }
            Data::Int(_) => {
                return Err(Stop::unsupported(format!("constant `{name}` has whole numbers beyond 2^24")));
            }
        };
        if let Some(index) = numbers.iter().position(|x| !x.is_finite()) {
            let value = numbers[index];
            return Err(Stop::Fatal(OnnxError::NotFinite {
                tensor: name.clone(),
                reader: reader.to_owned(),
                index,
                value,
            }));
        }
        if numbers.is_empty() {
            return Err(Stop::invalid(format!("constant `{name}` is empty")));
        }
        let known = self.constants.get(name).into_iter().flatten();
        let shape = &operand.shape;
        for (other, id) in known {
            if Rc::ptr_eq(other, data) && self.graph.value(*id).shape == *shape {
                return Ok(*id);
            }
        }
        let own_name = self.initializers.contains(name) && !self.constants.contains_key(name);
        if !own_name {
            self.charge(numbers.len())?;
        }
        let graph_name = if own_name {
            name.clone()
        } else {
            self.unique_value_name(name)
        };
        let id = self.add_value(graph_name, shape.clone(), Some(numbers.clone()));
        self.constants
            .entry(name.clone())
            .or_default()
            .push((Rc::clone(data), id));
        Ok(id)
    }

    /// Whole numbers and truth values as real numbers.
    pub fn real(&mut self, x: &Operand) -> Result<Operand, Stop> {
        let (Source::Constant { name, .. }, Some(data)) = (&x.source, x.data()) else {
            return Ok(match x.source {
                Source::Above { .. } => {
                    let id = self.value_of(x, "comparison")?;
                    Operand { shape: x.shape.clone(), kind: Kind::Float, source: Source::Value(id) }
                }
                _ => Operand { kind: Kind::Float, ..x.clone() },
            });
        };
        #[expect(clippy::cast_precision_loss, reason = "magnitudes are checked")]
        let data = match data {
            Data::Float(_) => return Ok(x.clone()),
            Data::Int(data) if data.iter().all(|x| x.unsigned_abs() <= 1 << 24) => {
                data.iter().map(|&x| x as f32).collect::<Vec<_>>()
            }
            Data::Int(_) => {
                return Err(Stop::unsupported("whole numbers beyond 2^24 beside numbers that depend on the model's input"));
            }
            Data::Bool(data) => data.iter().map(|&x| f32::from(u8::from(x))).collect(),
        };
        self.charge(data.len())?;
        Ok(Operand::constant(name.clone(), Constant { shape: x.shape.clone(), data: Data::Float(data) }))
    }

    /// Adds a node, or computes it now where every operand is constant.
    pub fn emit(
        &mut self,
        site: Site<'_>,
        op: ModelOp,
        operands: &[&Operand],
        shape: Vec<usize>,
    ) -> Result<Operand, Stop> {
        let Site { name, part, source } = site;
        if operands.iter().any(|x| matches!(x.source, Source::Masked { .. })) {
            return self.emit_masked(site, op, operands, shape);
        }
        if let (ModelOp::Add, &[a, b]) = (&op, operands)
            && (is_infinite(a) != is_infinite(b))
            && !(a.is_constant() && b.is_constant())
        {
            return self.emit_masking_sum(site, if is_infinite(a) { [b, a] } else { [a, b] }, shape);
        }
        let wiring = op.is_wiring();
        let kind = self.result_kind(&op, operands, wiring)?;
        let folds = operands.iter().all(|x| x.is_constant());
        let count = element_count(&shape).ok_or_else(|| {
            Stop::invalid(format!(
                "result {shape:?} has more than {MAX_ELEMENTS} entries"
            ))
        })?;
        if count == 0 {
            if !folds {
                return Err(Stop::invalid(format!("result {shape:?} is empty")));
            }
            let data = match kind {
                Kind::Float => Data::Float(Vec::new()),
                Kind::Int => Data::Int(Vec::new()),
                Kind::Bool => Data::Bool(Vec::new()),
            };
            return Ok(Operand::constant(name, Constant { shape, data }));
        }
        let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape.as_slice()).collect();
        op.check_shapes(&shapes, &shape)
            .map_err(|error| Stop::invalid(error.to_string()))?;
        if folds {
            return self.fold(name, part, &op, operands, shape, count);
        }
        let inputs = operands
            .iter()
            .map(|x| self.value_of(x, name))
            .collect::<Result<Vec<_>, _>>()?;
        let long = format!("{name}/{part}");
        let value_name = self.unique_value_name(&long);
        let node_name = self.unique_node_name(&long);
        let output = self.add_value(value_name, shape.clone(), None);
        self.add_node(Node {
            name: node_name,
            op,
            inputs,
            output,
            source: source.cloned(),
        });
        Ok(Operand {
            shape,
            kind,
            source: Source::Value(output),
        })
    }

    fn result_kind(&self, op: &ModelOp, operands: &[&Operand], wiring: bool) -> Result<Kind, Stop> {
        let first = operands.first().map_or(Kind::Float, |x| x.kind);
        if let (ModelOp::Embedding, [Kind::Float, Kind::Int]) = (op, operands.iter().map(|x| x.kind).collect::<Vec<_>>().as_slice()) {
            return Ok(Kind::Float);
        }
        if operands.iter().any(|x| x.kind != first) {
            return Err(Stop::invalid("operands are of different types"));
        }
        match op {
            ModelOp::ArgMax { .. } => Ok(Kind::Int),
            _ if wiring || first == Kind::Float => Ok(first),
            _ => Err(Stop::hinted(
                format!("computes on {} tensors", first.name()),
                "cast to float first: circuits compute on the model's float tensors",
            )),
        }
    }
}

/// Operators that carry an ONNX node's name where it became several.
fn is_principal(op: &ModelOp) -> bool {
    matches!(
        op,
        ModelOp::Conv { .. }
            | ModelOp::MatMul
            | ModelOp::MaxPool { .. }
            | ModelOp::SumPool { .. }
            | ModelOp::ReduceSum { .. }
            | ModelOp::ReduceMax { .. }
            | ModelOp::ArgMax { .. }
            | ModelOp::Softmax { .. }
            | ModelOp::Normalize { .. }
            | ModelOp::Embedding
            | ModelOp::Trees { .. }
    )
}
