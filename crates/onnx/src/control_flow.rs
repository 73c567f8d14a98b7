//! If, Loop and Scan: where their course is known now, the branch that is taken, or the body once for each iteration, becomes
//! part of the graph.
//!
//! Names of a subgraph are its own: what it makes is forgotten behind it, except for its results. What it reads from outside it finds among
//! the names that are known where its operator stands.

use std::collections::BTreeSet;

use prost::Message;
use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::constant::{Constant, Data};
use crate::external::ExternalFiles;
use crate::import::{State, check_names};
use crate::initializer;
use crate::lowering::axis;
use crate::masked::Site;
use crate::proto::{Attribute, Graph, Node};
use crate::schedule::schedule;

/// Subgraphs within subgraphs.
const MOST_DEPTH: usize = 8;
/// Nodes that unrolling may make.
const MOST_NODES: usize = 1 << 16;

/// Operators that are unrolled.
pub(crate) const CONTROL_FLOW: [&str; 3] = ["If", "Loop", "Scan"];

/// Whether an operator has a subgraph that may be unrolled.
pub(crate) fn is_control_flow(op_type: &str) -> bool {
    CONTROL_FLOW.contains(&op_type)
}

impl State<'_> {
    /// Unrolls an operator with a subgraph; results by the node's output names.
    pub(crate) fn unroll(
        &mut self,
        node: &Node,
        name: &str,
        opset: i64,
        files: &mut ExternalFiles,
    ) -> Result<Vec<(String, Operand)>, Stop> {
        if self.depth >= MOST_DEPTH {
            return Err(Stop::unsupported(format!("more than {MOST_DEPTH} operators with subgraphs inside each other")));
        }
        let operands: Vec<Option<Operand>> = node.input.iter().map(|input| self.known.get(input).cloned()).collect();
        self.depth += 1;
        let results = match node.op_type.as_str() {
            "If" => self.branch(node, &operands, opset, files),
            "Loop" => self.repeat(node, name, &operands, opset, files),
            _ => self.scan(node, name, &operands, opset, files),
        };
        self.depth -= 1;
        let results = results?;
        if node.output.len() > results.len() {
            return Err(Stop::invalid(format!("{} outputs, the subgraph has {}", node.output.len(), results.len())));
        }
        Ok(node.output.iter().cloned().zip(results).filter(|(name, _)| !name.is_empty()).collect())
    }

    fn branch(&mut self, node: &Node, operands: &[Option<Operand>], opset: i64, files: &mut ExternalFiles) -> Result<Vec<Operand>, Stop> {
        let condition = operands.first().and_then(|x| x.as_ref()).and_then(|x| x.data());
        let Some(Data::Bool(flags)) = condition.filter(|data| data.len() == 1) else {
            return Err(Stop::hinted(
                "the condition depends on the model's input",
                "export the model with an example input, so that one branch is left",
            ));
        };
        let graph = subgraph(node, if flags[0] { "then_branch" } else { "else_branch" })?;
        self.inline(&graph, Vec::new(), opset, files)
    }

    fn repeat(
        &mut self,
        node: &Node,
        name: &str,
        operands: &[Option<Operand>],
        opset: i64,
        files: &mut ExternalFiles,
    ) -> Result<Vec<Operand>, Stop> {
        let body = subgraph(node, "body")?;
        let dynamic = || {
            Stop::hinted(
                "the number of iterations depends on the model's input",
                "export the model with an example input, so that the loop unrolls",
            )
        };
        let count = match operands.first().and_then(|x| x.as_ref()) {
            None => usize::MAX,
            Some(count) => match count.data() {
                Some(Data::Int(data)) if data.len() == 1 => usize::try_from(data[0].max(0)).unwrap_or(usize::MAX),
                _ => return Err(dynamic()),
            },
        };
        let is_on = |operand: &Operand| match operand.data() {
            Some(Data::Bool(flags)) if flags.len() == 1 => Ok(flags[0]),
            _ => Err(dynamic()),
        };
        let mut goes_on = operands.get(1).and_then(|x| x.as_ref()).map_or(Ok(true), is_on)?;
        let mut carried: Vec<Operand> = operands
            .iter()
            .skip(2)
            .map(|x| x.clone().ok_or_else(|| Stop::invalid("a carried value is missing")))
            .collect::<Result<_, _>>()?;
        let mut scanned: Vec<Vec<Operand>> = Vec::new();
        let mut done = 0;
        while goes_on && done < count {
            let whole = |data: Data, shape: Vec<usize>| Operand::constant(format!("{name}/state"), Constant { shape, data });
            let iteration = whole(Data::Int(vec![i64::try_from(done).unwrap_or(i64::MAX)]), Vec::new());
            let condition = whole(Data::Bool(vec![true]), Vec::new());
            let inputs = [vec![iteration, condition], carried.clone()].concat();
            let mut results = self.inline(&body, inputs, opset, files)?;
            if results.len() < 1 + carried.len() {
                return Err(Stop::invalid("the body gives fewer values than the loop carries"));
            }
            goes_on = is_on(&results[0])?;
            let rest = results.split_off(1 + carried.len());
            carried = results.split_off(1);
            scanned.resize(rest.len(), Vec::new());
            scanned.iter_mut().zip(rest).for_each(|(all, one)| all.push(one));
            done += 1;
        }
        if done == 0 && body.output.len() > 1 + carried.len() {
            return Err(Stop::unsupported("a loop without iterations"));
        }
        for (k, parts) in scanned.into_iter().enumerate() {
            carried.push(self.stack(name, &format!("scan_{k}"), &parts, 0)?);
        }
        Ok(carried)
    }

    fn scan(
        &mut self,
        node: &Node,
        name: &str,
        operands: &[Option<Operand>],
        opset: i64,
        files: &mut ExternalFiles,
    ) -> Result<Vec<Operand>, Stop> {
        if opset < 9 {
            return Err(Stop::unsupported("Scan before operator set 9"));
        }
        let body = subgraph(node, "body")?;
        let ints = |name: &str| attribute(node, name).map(|a| a.ints.clone()).unwrap_or_default();
        let num_scanned = attribute(node, "num_scan_inputs").and_then(|a| a.i).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let all: Option<Vec<Operand>> = operands.iter().cloned().collect();
        let (Some(mut state), true) = (all, (1..=operands.len()).contains(&num_scanned)) else {
            return Err(Stop::invalid("inputs of the scan are missing"));
        };
        let sequences = state.split_off(state.len() - num_scanned);
        let pick = |list: &[i64], k: usize| list.get(k).copied().unwrap_or(0);
        let (axes, directions) = (ints("scan_input_axes"), ints("scan_input_directions"));
        let (out_axes, out_directions) = (ints("scan_output_axes"), ints("scan_output_directions"));
        let axes: Vec<usize> =
            sequences.iter().enumerate().map(|(k, x)| axis(pick(&axes, k), x.shape.len())).collect::<Result<_, _>>()?;
        let steps = sequences[0].shape[axes[0]];
        if sequences.iter().zip(&axes).any(|(x, &at)| x.shape[at] != steps) {
            return Err(Stop::invalid("sequences of different lengths"));
        }
        let mut outputs: Vec<Vec<Operand>> = Vec::new();
        for step in 0..steps {
            let mut inputs = state.clone();
            for (k, (x, &at)) in sequences.iter().zip(&axes).enumerate() {
                let index = if pick(&directions, k) == 1 { steps - 1 - step } else { step };
                inputs.push(self.entry(name, &format!("entry_{k}_{step}"), x, at, index)?);
            }
            let mut results = self.inline(&body, inputs, opset, files)?;
            if results.len() < state.len() {
                return Err(Stop::invalid("the body gives fewer values than the scan carries"));
            }
            let rest = results.split_off(state.len());
            state = results;
            outputs.resize(rest.len(), Vec::new());
            outputs.iter_mut().zip(rest).for_each(|(all, one)| all.push(one));
        }
        for (k, mut parts) in outputs.into_iter().enumerate() {
            if pick(&out_directions, k) == 1 {
                parts.reverse();
            }
            let at = axis(pick(&out_axes, k), parts.first().map_or(1, |part| part.shape.len() + 1))?;
            state.push(self.stack(name, &format!("scan_{k}"), &parts, at)?);
        }
        Ok(state)
    }

    /// The results of a subgraph whose inputs are these.
    fn inline(&mut self, graph: &Graph, inputs: Vec<Operand>, opset: i64, files: &mut ExternalFiles) -> Result<Vec<Operand>, Stop> {
        check_names(graph)?;
        if graph.input.len() != inputs.len() {
            return Err(Stop::invalid(format!("a subgraph of {} inputs gets {}", graph.input.len(), inputs.len())));
        }
        // A body without nodes counts as well: a loop over it must end.
        self.unrolled = self.unrolled.saturating_add(graph.node.len().max(1));
        if self.unrolled > MOST_NODES {
            return Err(Stop::unsupported(format!("unrolling gives more than {MOST_NODES} nodes")));
        }
        let made = graph.node.iter().flat_map(|node| &node.output);
        let own: BTreeSet<&String> =
            graph.initializer.iter().map(|tensor| &tensor.name).chain(graph.input.iter().map(|info| &info.name)).chain(made).collect();
        let outside: Vec<(&String, Option<Operand>)> = own.into_iter().map(|name| (name, self.known.remove(name))).collect();
        let results = self.inline_known(graph, inputs, opset, files);
        for (name, operand) in outside {
            self.known.remove(name);
            self.known.extend(operand.map(|operand| (name.clone(), operand)));
        }
        results
    }

    fn inline_known(&mut self, graph: &Graph, inputs: Vec<Operand>, opset: i64, files: &mut ExternalFiles) -> Result<Vec<Operand>, Stop> {
        for tensor in &graph.initializer {
            let constant = initializer::read(tensor, &tensor.name, files)?;
            self.builder.charge(constant.data.len())?;
            self.known.insert(tensor.name.clone(), Operand::constant(tensor.name.clone(), constant));
        }
        for (info, operand) in graph.input.iter().zip(inputs) {
            self.known.insert(info.name.clone(), operand);
        }
        let read = graph.node.iter().flat_map(|node| &node.input);
        let ready: BTreeSet<String> =
            read.filter(|name| self.known.contains_key(*name) || self.unknown.contains(*name)).cloned().collect();
        let before = self.unsupported.len();
        for k in schedule(&graph.node, &ready)? {
            self.lower(&graph.node[k], opset, files)?;
        }
        if self.unsupported.len() > before {
            return Err(Stop::unsupported("its subgraph has operators that are not supported"));
        }
        graph
            .output
            .iter()
            .map(|info| self.known.get(&info.name).cloned().ok_or_else(|| Stop::unsupported(format!("its result `{}`", info.name))))
            .collect()
    }

    /// Entry `index` of an axis, which goes.
    fn entry(&mut self, name: &str, part: &str, x: &Operand, at: usize, index: usize) -> Result<Operand, Stop> {
        let site = Site { name, part, source: None };
        let mut starts = vec![0; x.shape.len()];
        starts[at] = index;
        let mut shape = x.shape.clone();
        shape[at] = 1;
        let one = self.builder.emit(site, ModelOp::Slice { starts, steps: vec![1; x.shape.len()] }, &[x], shape.clone())?;
        shape.remove(at);
        self.builder.emit(site, ModelOp::Reshape, &[&one], shape)
    }

    /// Values side by side on a new axis.
    fn stack(&mut self, name: &str, part: &str, parts: &[Operand], at: usize) -> Result<Operand, Stop> {
        let site = Site { name, part, source: None };
        let Some(first) = parts.first() else { return Err(Stop::unsupported("no iterations")) };
        if parts.iter().any(|part| part.shape != first.shape) {
            return Err(Stop::unsupported("results of different shapes"));
        }
        let mut lines = Vec::with_capacity(parts.len());
        for part in parts {
            let mut shape = part.shape.clone();
            shape.insert(at, 1);
            lines.push(self.builder.emit(site, ModelOp::Reshape, &[part], shape)?);
        }
        let mut shape = first.shape.clone();
        shape.insert(at, lines.len());
        self.builder.emit(site, ModelOp::Concat { axis: at }, &lines.iter().collect::<Vec<_>>(), shape)
    }
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn subgraph(node: &Node, name: &str) -> Result<Graph, Stop> {
    let bytes = attribute(node, name).and_then(|attribute| attribute.g.as_ref());
    let bytes = bytes.ok_or_else(|| Stop::invalid(format!("attribute `{name}` is missing")))?;
    Graph::decode(bytes.as_slice()).map_err(|error| Stop::invalid(format!("attribute `{name}`: {error}")))
}
