//! A decoded file to a model graph: inputs, constants, then each node in order through its operator's lowering.

use std::collections::{BTreeMap, BTreeSet};

use veritorch_graph::model::ModelGraph;

use crate::ImportOptions;
use crate::builder::{Builder, Operand, Source, Stop};
use crate::control_flow::is_control_flow;
use crate::declared::Declared;
use crate::error::{OnnxError, UnsupportedNode};
use crate::external::ExternalFiles;
use crate::initializer;
use crate::inputs;
use crate::lowering::Lowering;
use crate::ml;
use crate::ops;
use crate::proto::{Graph, Model, Node};
use crate::schedule::schedule;
use crate::source::source_line;

/// Operator sets whose operators the lowerings follow.
const OPSETS: (i64, i64) = (7, 24);

pub(crate) fn import(
    model: &Model,
    mut files: ExternalFiles,
    options: &ImportOptions,
) -> Result<ModelGraph, OnnxError> {
    let graph = model.graph.as_ref().ok_or_else(|| OnnxError::Malformed {
        reason: "there is no graph".into(),
    })?;
    let opset = opset(model)?;
    if !graph.sparse_initializer.is_empty() {
        return Err(OnnxError::Malformed {
            reason: "sparse constants are not supported".into(),
        });
    }
    check_names(graph)?;
    let mut state = State::new(graph, &mut files)?;
    state.add_inputs(graph, options)?;
    let ready: BTreeSet<String> = state.known.keys().cloned().collect();
    for k in schedule(&graph.node, &ready)? {
        state.lower(&graph.node[k], opset, &mut files)?;
    }
    if !state.unsupported.is_empty() {
        return Err(OnnxError::Unsupported(state.unsupported));
    }
    state.finish(graph)
}

fn opset(model: &Model) -> Result<i64, OnnxError> {
    let version = model
        .opset_import
        .iter()
        .find(|set| is_onnx(&set.domain))
        .map(|set| set.version)
        // Files of classical operators alone need no other set.
        .or_else(|| model.opset_import.iter().any(|set| ml::is_own(&set.domain)).then_some(OPSETS.1))
        .ok_or_else(|| OnnxError::Malformed {
            reason: "it names no operator set".into(),
        })?;
    if (OPSETS.0..=OPSETS.1).contains(&version) {
        Ok(version)
    } else {
        Err(OnnxError::Opset {
            version,
            supported: OPSETS,
        })
    }
}

/// Names end in errors and reports: they must not hold line breaks or terminal sequences.
pub(crate) fn check_names(graph: &Graph) -> Result<(), OnnxError> {
    let nodes = graph.node.iter().flat_map(|node| {
        [&node.name, &node.op_type, &node.domain]
            .into_iter()
            .chain(&node.input)
            .chain(&node.output)
    });
    let attributes = graph
        .node
        .iter()
        .flat_map(|node| &node.attribute)
        .map(|attribute| &attribute.name);
    let infos = graph
        .input
        .iter()
        .chain(&graph.output)
        .chain(&graph.value_info)
        .map(|info| &info.name);
    let tensors = graph.initializer.iter().map(|tensor| &tensor.name);
    let mut names = nodes
        .chain(attributes)
        .chain(infos)
        .chain(tensors)
        .chain([&graph.name]);
    match names.find(|name| name.chars().any(char::is_control)) {
        None => Ok(()),
        Some(name) => Err(OnnxError::Graph {
            reason: format!("a name holds control characters: {name:?}"),
        }),
    }
}

fn is_onnx(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

pub(crate) struct State<'a> {
    pub(crate) builder: Builder,
    declared: Declared<'a>,
    pub(crate) known: BTreeMap<String, Operand>,
    /// Values of nodes without a lowering, and what depends on them.
    pub(crate) unknown: BTreeSet<String>,
    /// Operators with subgraphs around the node at hand.
    pub(crate) depth: usize,
    /// Nodes of subgraphs, each time that they are lowered.
    pub(crate) unrolled: usize,
    /// Names that a node or the caller reads.
    read: BTreeSet<&'a str>,
    pub(crate) unsupported: Vec<UnsupportedNode>,
}

impl<'a> State<'a> {
    fn new(graph: &'a Graph, files: &mut ExternalFiles) -> Result<Self, OnnxError> {
        let mut known = BTreeMap::new();
        let mut entries = 0usize;
        for tensor in &graph.initializer {
            let constant = initializer::read(tensor, &tensor.name, files)?;
            entries = entries.saturating_add(constant.data.len());
            if tensor.name.is_empty() {
                return Err(OnnxError::Graph {
                    reason: "a constant has no name".into(),
                });
            }
            if known
                .insert(
                    tensor.name.clone(),
                    Operand::constant(tensor.name.clone(), constant),
                )
                .is_some()
            {
                return Err(OnnxError::Graph {
                    reason: format!("constant `{}` is there twice", tensor.name),
                });
            }
        }
        let outputs = graph.node.iter().flat_map(|node| &node.output);
        let inputs = graph.input.iter().map(|info| &info.name);
        let names = outputs
            .chain(inputs)
            .chain(known.keys())
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        let read = graph
            .node
            .iter()
            .flat_map(|node| &node.input)
            .chain(graph.output.iter().map(|info| &info.name))
            .map(String::as_str)
            .collect();
        let initializers = known.keys().cloned().collect();
        Ok(Self {
            builder: Builder::new(&graph.name, names, initializers, entries),
            declared: Declared::new(graph),
            known,
            unknown: BTreeSet::new(),
            depth: 0,
            unrolled: 0,
            read,
            unsupported: Vec::new(),
        })
    }

    fn add_inputs(&mut self, graph: &Graph, options: &ImportOptions) -> Result<(), OnnxError> {
        // old files list the constants among the inputs
        let constants: BTreeMap<&str, i32> = graph
            .initializer
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor.data_type))
            .collect();
        for info in &graph.input {
            if let Some(&kind) = constants.get(info.name.as_str()) {
                inputs::check_type(info, kind)?;
                continue;
            }
            if info.name.is_empty() {
                return Err(OnnxError::Graph {
                    reason: "an input has no name".into(),
                });
            }
            let operand = inputs::operand(info, options, &mut self.builder)?;
            if self.known.insert(info.name.clone(), operand).is_some() {
                return Err(OnnxError::Graph {
                    reason: format!("input `{}` is there twice", info.name),
                });
            }
        }
        inputs::check_options(graph, options)
    }

    pub(crate) fn lower(
        &mut self,
        node: &Node,
        opset: i64,
        files: &mut ExternalFiles,
    ) -> Result<(), OnnxError> {
        let label = match node.output.iter().find(|name| !name.is_empty()) {
            _ if !node.name.is_empty() => node.name.clone(),
            Some(output) => output.clone(),
            None => node.op_type.clone(),
        };
        let name = self.builder.unique_node_name(&label);
        let source = source_line(node);
        match self.lower_named(node, &name, source.as_ref(), opset, files) {
            Ok(()) => Ok(()),
            Err(Stop::Unsupported { reason, hint }) => {
                let op = if is_onnx(&node.domain) {
                    node.op_type.clone()
                } else {
                    format!("{}::{}", node.domain, node.op_type)
                };
                self.unsupported.push(UnsupportedNode {
                    node: name,
                    op,
                    source_line: source,
                    reason,
                    hint,
                });
                self.give_up(node);
                Ok(())
            }
            Err(Stop::Invalid(reason)) => Err(OnnxError::Node {
                node: name,
                op: node.op_type.clone(),
                source_line: source,
                reason,
            }),
            Err(Stop::Fatal(error)) => Err(error),
        }
    }

    fn lower_named(
        &mut self,
        node: &Node,
        name: &str,
        source: Option<&String>,
        opset: i64,
        files: &mut ExternalFiles,
    ) -> Result<(), Stop> {
        if !is_onnx(&node.domain) && !ml::is_own(&node.domain) {
            let hint = "veritorch knows ONNX's own operators; export without custom operators and local functions";
            return Err(Stop::hinted("operator of another domain", hint));
        }
        if is_control_flow(&node.op_type) && !node.input.iter().any(|input| self.unknown.contains(input)) {
            for (output, operand) in self.unroll(node, name, opset, files)? {
                self.known.insert(output, operand);
            }
            return Ok(());
        }
        let lower = if ml::is_own(&node.domain) { ml::find(&node.op_type)? } else { ops::find(&node.op_type)? };
        if node.input.iter().any(|input| self.unknown.contains(input)) {
            self.give_up(node);
            return Ok(());
        }
        let operands = node
            .input
            .iter()
            .map(|input| self.known.get(input).cloned())
            .collect();
        let first_value = self.builder.graph.values.len();
        let first_node = self.builder.graph.nodes.len();
        let mut lowering = Lowering::new(
            node,
            name,
            source,
            opset,
            operands,
            &mut self.builder,
            files,
        );
        lower(&mut lowering)?;
        let (read, inside) = (&self.read, self.depth > 0);
        let results = lowering.finish(&|name| inside || read.contains(name))?;
        self.builder.name_principal(first_node, name);
        let mut renamed = BTreeSet::new();
        for (output, operand) in results {
            if !inside {
                self.declared.check(&output, &operand.shape)?;
            }
            if let Source::Value(id) = operand.source
                && !inside
                && id.index() >= first_value
                && renamed.insert(id)
            {
                self.builder.rename(id, &output);
            }
            self.known.insert(output, operand);
        }
        Ok(())
    }

    /// Lets the nodes behind an unsupported one be looked at as far as the file declares shapes.
    fn give_up(&mut self, node: &Node) {
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            match self.declared.placeholder(output) {
                Some((shape, kind)) => {
                    let id = self.builder.add_value(output.clone(), shape.clone(), None);
                    self.known.insert(
                        output.clone(),
                        Operand {
                            shape,
                            kind,
                            source: Source::Value(id),
                        },
                    );
                }
                None => {
                    self.unknown.insert(output.clone());
                }
            }
        }
    }

    fn finish(mut self, graph: &Graph) -> Result<ModelGraph, OnnxError> {
        if graph.output.is_empty() {
            return Err(OnnxError::Graph {
                reason: "the model has no outputs".into(),
            });
        }
        for info in &graph.output {
            let operand = self.known.get(&info.name).ok_or_else(|| OnnxError::Graph {
                reason: format!("output `{}` is produced by nothing", info.name),
            })?;
            self.builder.add_output(&info.name, operand.clone())?;
        }
        self.builder.finish()
    }
}
