//! Folding during the import: operators on constants are computed where they are emitted, within a budget that
//! follows from the file's size.

use veritorch_graph::model::{ModelError, ModelOp, Operand as Tensor, evaluate_node, wire};

use crate::builder::{Builder, Operand, Source, Stop};
use crate::constant::{Constant, Data};

impl Builder {
    /// The result of an operator whose operands are all known; shapes are checked.
    pub(crate) fn fold(
        &mut self,
        name: &str,
        part: &str,
        op: &ModelOp,
        operands: &[&Operand],
        shape: Vec<usize>,
        count: usize,
    ) -> Result<Operand, Stop> {
        self.charge(count)?;
        let fail = |error: ModelError| Stop::invalid(error.to_string());
        let data = if op.is_wiring() {
            match operands.first().and_then(|x| x.data()) {
                Some(Data::Int(_)) => {
                    let parts = parts(operands, |data| {
                        if let Data::Int(x) = data {
                            Some(x.as_slice())
                        } else {
                            None
                        }
                    });
                    Data::Int(wire(op, &parts, &shape, 0).map_err(fail)?)
                }
                Some(Data::Bool(_)) => {
                    let parts = parts(operands, |data| {
                        if let Data::Bool(x) = data {
                            Some(x.as_slice())
                        } else {
                            None
                        }
                    });
                    Data::Bool(wire(op, &parts, &shape, false).map_err(fail)?)
                }
                _ => {
                    let parts = parts(operands, |data| {
                        if let Data::Float(x) = data {
                            Some(x.as_slice())
                        } else {
                            None
                        }
                    });
                    let fill = if let ModelOp::Pad { value, .. } = op {
                        *value
                    } else {
                        0.0
                    };
                    Data::Float(wire(op, &parts, &shape, fill).map_err(fail)?)
                }
            }
        } else {
            self.charge_work(work(op, operands, count))?;
            let tensors: Vec<Tensor<'_>> = operands
                .iter()
                .map(|x| Tensor {
                    shape: &x.shape,
                    data: x.floats().unwrap_or_default(),
                })
                .collect();
            let numbers = evaluate_node(op, &tensors, &shape).map_err(fail)?;
            if matches!(op, ModelOp::ArgMax { .. }) {
                #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 2^31")]
                Data::Int(numbers.iter().map(|&x| x as i64).collect())
            } else {
                Data::Float(numbers)
            }
        };
        // a rewired weight keeps its name in front
        let base = match operands {
            [
                Operand {
                    source: Source::Constant { name, .. },
                    ..
                },
            ] if op.is_wiring() => name.as_str(),
            _ => name,
        };
        Ok(Operand::constant(
            format!("{base}/{part}"),
            Constant { shape, data },
        ))
    }
}

fn parts<'a, T>(
    operands: &[&'a Operand],
    get: impl Fn(&'a Data) -> Option<&'a [T]>,
) -> Vec<(&'a [usize], &'a [T])> {
    operands
        .iter()
        .map(|x| {
            (
                x.shape.as_slice(),
                x.data().and_then(&get).unwrap_or_default(),
            )
        })
        .collect()
}

/// Multiplications, or entries read, of an operator on constants.
fn work(op: &ModelOp, operands: &[&Operand], count: usize) -> usize {
    let taps = match op {
        ModelOp::Conv { .. } => operands[1].shape[1..].iter().product(),
        ModelOp::MatMul => operands[0].shape.last().copied().unwrap_or(1),
        ModelOp::MaxPool { kernel, .. } | ModelOp::SumPool { kernel, .. } => {
            kernel[0].saturating_mul(kernel[1])
        }
        _ => 1,
    };
    let read: usize = operands
        .iter()
        .filter_map(|x| x.data())
        .map(Data::len)
        .sum();
    count.saturating_mul(taps).saturating_add(read)
}
