//! Wiring: reshapes, slices, pads, concatenation and the like keep integers and scale.

use veritorch_graph::circuit::{AxisLink, AxisMap, SeparableMap, Term};
use veritorch_graph::model::{ModelOp, Node, ValueId};

use super::emit::broadcast;
use super::sum::{Int, Sum};
use super::{Lowering, State, Unsupported};

impl Lowering<'_> {
    pub(super) fn wiring(&mut self, node: &Node) -> Result<State, Unsupported> {
        if let ModelOp::Concat { axis } = node.op {
            return self.concat(node, axis);
        }
        let id = node.inputs[0];
        let x = self.int(id)?;
        let (input, output) = (self.shape(id).to_vec(), self.shape(node.output).to_vec());
        let name = self.graph.value(node.output).name.clone();
        if let ModelOp::Reshape = node.op {
            if input == output {
                return Ok(State::Int(x));
            }
            let tensor = self.builder.reshape(&name, x.tensor, &output)?;
            return Ok(State::Int(Int { tensor, scale: x.scale }));
        }
        if let ModelOp::Pad { before, value } = &node.op {
            let (lo, hi) = self.builder.range(x.tensor);
            let outside = ((f64::from(*value) / x.scale).round() as i64).clamp(lo.min(0), hi.max(0));
            let tensor = self.builder.pad(&name, &output, x.tensor, before, outside)?;
            return Ok(State::Int(Int { tensor, scale: x.scale }));
        }
        let rank = output.len();
        let strided = |axis: usize, start: i64, step: i64| {
            if start == 0 && step == 1 && input[axis] == output[axis] {
                AxisMap::Identity
            } else {
                AxisMap::Strided { start, step }
            }
        };
        let each = |map: &dyn Fn(usize) -> AxisMap| SeparableMap {
            links: (0..rank).map(|axis| AxisLink::Map { input: axis, output: axis, map: map(axis) }).collect(),
        };
        let map = match &node.op {
            ModelOp::Transpose { perm } => SeparableMap {
                links: perm
                    .iter()
                    .enumerate()
                    .map(|(output, &input)| AxisLink::Map { input, output, map: AxisMap::Identity })
                    .collect(),
            },
            ModelOp::Slice { starts, steps } => each(&|axis| strided(axis, starts[axis] as i64, steps[axis])),
            ModelOp::Expand => broadcast(&input, &output),
            ModelOp::ZeroStuff { starts, steps } => {
                each(&|axis| AxisMap::Dilate { start: starts[axis], step: steps[axis] })
            }
            ModelOp::Gather { axis, indices } => {
                let index = indices
                    .iter()
                    .map(|&i| u32::try_from(i).map_err(|_| Unsupported::reason(format!("index {i} is too large"))))
                    .collect::<Result<Vec<_>, _>>()?;
                SeparableMap::along(rank, *axis, AxisMap::Gather(index))
            }
            _ => return Err(Unsupported::reason("not a wiring operator")),
        };
        if map.is_identity() {
            return Ok(State::Int(x));
        }
        let tensor = self.builder.linear(&name, &output, vec![Term { x: x.tensor, coefficient: 1, map }], Vec::new())?;
        Ok(State::Int(Int { tensor, scale: x.scale }))
    }

    fn concat(&mut self, node: &Node, axis: usize) -> Result<State, Unsupported> {
        let format = self.formats.of(node.output.index());
        let mut scales = Vec::new();
        for &id in &node.inputs {
            if !self.is_constant(id) {
                scales.push(self.int(id)?.scale);
            }
        }
        let shared = match scales.first() {
            Some(&first) if scales.iter().all(|&scale| scale == first) => first,
            _ => format.scale,
        };
        let shape = self.shape(node.output).to_vec();
        let parts = node.inputs.iter().map(|&id| Ok(self.at_scale(id, shared)?.tensor)).collect::<Result<Vec<_>, Unsupported>>()?;
        let name = self.graph.value(node.output).name.clone();
        let tensor = self.builder.concat(&name, &shape, &parts, axis)?;
        Ok(State::Int(Int { tensor, scale: shared }))
    }

    /// The value at exactly this scale.
    fn at_scale(&mut self, id: ValueId, scale: f64) -> Result<Int, Unsupported> {
        if self.is_constant(id) {
            return self.constant_int(id, Some(scale));
        }
        let int = self.int(id)?;
        if int.scale == scale {
            return Ok(int);
        }
        let shape = self.shape(id).to_vec();
        let name = format!("{}:aligned", self.graph.value(id).name);
        let sum = Sum::of_tensor(&shape, int, SeparableMap::identity(shape.len()));
        let magnitude = self.calibration.magnitude(id.index());
        self.rescale(&name, sum, None, self.formats.of(id.index()), magnitude)
    }
}
