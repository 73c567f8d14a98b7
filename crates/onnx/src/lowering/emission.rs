//! The means to emit model operators: constants, arithmetic and wiring. What is known now is computed now.

use std::rc::Rc;

use veritorch_graph::model::{ModelOp, UnaryFn};
use veritorch_graph::model::index::{MAX_RANK, broadcast};

use super::Lowering;
use crate::builder::{Operand, Source, Stop};
use crate::constant::{Constant, Data};
use crate::element::Kind;
use crate::masked::Site;

impl Lowering<'_> {
    /// A constant made by this node.
    pub(crate) fn constant(
        &mut self,
        part: &str,
        shape: Vec<usize>,
        data: Data,
    ) -> Result<Operand, Stop> {
        self.builder.charge(data.len())?;
        Ok(Operand::constant(
            format!("{}/{part}", self.name),
            Constant { shape, data },
        ))
    }

    /// A single number.
    pub(crate) fn scalar(&mut self, part: &str, value: f32) -> Result<Operand, Stop> {
        self.constant(part, Vec::new(), Data::Float(vec![value]))
    }

    /// Whole numbers and truth values as real numbers.
    pub(crate) fn real(&mut self, x: &Operand) -> Result<Operand, Stop> {
        self.builder.real(x)
    }

    /// Real numbers that are whole as whole numbers or truth values.
    pub(crate) fn of_kind(&mut self, x: Operand, kind: Kind) -> Result<Operand, Stop> {
        let Some(data) = x.floats().filter(|_| kind != Kind::Float) else { return Ok(Operand { kind, ..x }) };
        self.builder.charge(data.len())?;
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers")]
        let data = match kind {
            Kind::Bool => Data::Bool(data.iter().map(|&x| x != 0.0).collect()),
            _ => Data::Int(data.iter().map(|&x| x as i64).collect()),
        };
        self.constant("whole", x.shape.clone(), data)
    }

    /// A function of each entry.
    pub(crate) fn function(&mut self, part: &str, function: UnaryFn, x: &Operand) -> Result<Operand, Stop> {
        self.emit(part, ModelOp::Unary(function), &[x], x.shape.clone())
    }

    /// `1 - x` of truth values.
    pub(crate) fn opposite(&mut self, part: &str, x: &Operand) -> Result<Operand, Stop> {
        let x = self.real(x)?;
        let one = self.scalar(&format!("{part}_one"), 1.0)?;
        let y = self.binary(part, ModelOp::Sub, &one, &x)?;
        self.of_kind(y, Kind::Bool)
    }

    /// Reserves memory for a constant before it is made.
    pub(crate) fn charge(&mut self, entries: usize) -> Result<(), Stop> {
        self.builder.charge(entries)
    }

    /// Emits a model operator; computes it now where every operand is constant.
    pub(crate) fn emit(
        &mut self,
        part: &str,
        op: ModelOp,
        operands: &[&Operand],
        shape: Vec<usize>,
    ) -> Result<Operand, Stop> {
        let site = Site {
            name: self.name,
            part,
            source: self.source,
        };
        self.builder.emit(site, op, operands, shape)
    }

    /// `x` in another shape of as many entries.
    pub(crate) fn reshape(
        &mut self,
        part: &str,
        x: &Operand,
        shape: Vec<usize>,
    ) -> Result<Operand, Stop> {
        if x.shape == shape {
            return Ok(x.clone());
        }
        if shape.len() > MAX_RANK {
            return Err(Stop::invalid(format!("a tensor of rank {}", shape.len())));
        }
        if let Source::Constant { name, data } = &x.source
            && shape
                .iter()
                .try_fold(1usize, |count, &extent| count.checked_mul(extent))
                == Some(data.len())
        {
            // no copy of the entries
            let source = Source::Constant {
                name: name.clone(),
                data: Rc::clone(data),
            };
            return Ok(Operand {
                shape,
                kind: x.kind,
                source,
            });
        }
        self.emit(part, ModelOp::Reshape, &[x], shape)
    }

    /// `x` with minus infinity where `keep`, which broadcasts to `x`, is not set.
    pub(crate) fn masked(
        &mut self,
        part: &str,
        x: &Operand,
        keep: Constant,
    ) -> Result<Operand, Stop> {
        let Data::Bool(flags) = &keep.data else {
            return Err(Stop::invalid("the mask is no truth value"));
        };
        self.builder.charge(flags.len())?;
        let data = flags
            .iter()
            .map(|&flag| if flag { 0.0 } else { f32::NEG_INFINITY })
            .collect();
        let mask = self.constant(part, keep.shape, Data::Float(data))?;
        self.binary(part, ModelOp::Add, x, &mask)
    }

    /// `x` broadcast to a shape that it broadcasts to.
    pub(crate) fn expand(
        &mut self,
        part: &str,
        x: &Operand,
        shape: &[usize],
    ) -> Result<Operand, Stop> {
        let mut ranked = vec![1; shape.len().saturating_sub(x.shape.len())];
        ranked.extend(&x.shape);
        let x = self.reshape(&format!("{part}_rank"), x, ranked)?;
        if x.shape == shape {
            return Ok(x);
        }
        self.emit(part, ModelOp::Expand, &[&x], shape.to_vec())
    }

    /// `x` with its axis `from` moved to `to`, the others in order.
    pub(crate) fn move_axis(
        &mut self,
        part: &str,
        x: &Operand,
        from: usize,
        to: usize,
    ) -> Result<Operand, Stop> {
        let mut perm: Vec<usize> = (0..x.shape.len()).filter(|&k| k != from).collect();
        perm.insert(to.min(perm.len()), from);
        if perm.is_sorted() {
            return Ok(x.clone());
        }
        self.transpose(part, x, &perm)
    }

    /// Result axis `k` is operand axis `perm[k]`.
    pub(crate) fn transpose(
        &mut self,
        part: &str,
        x: &Operand,
        perm: &[usize],
    ) -> Result<Operand, Stop> {
        if perm.len() != x.shape.len() || perm.iter().any(|&k| k >= x.shape.len()) {
            return Err(Stop::invalid(format!(
                "{perm:?} does not permute {} axes",
                x.shape.len()
            )));
        }
        let shape = perm.iter().map(|&k| x.shape[k]).collect();
        self.emit(
            part,
            ModelOp::Transpose {
                perm: perm.to_vec(),
            },
            &[x],
            shape,
        )
    }

    /// `Add`, `Sub` or `Mul` of floats with numpy's broadcasting.
    pub(crate) fn binary(
        &mut self,
        part: &str,
        op: ModelOp,
        a: &Operand,
        b: &Operand,
    ) -> Result<Operand, Stop> {
        let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| {
            Stop::invalid(format!("{:?} and {:?} do not broadcast", a.shape, b.shape))
        })?;
        self.emit(part, op, &[a, b], shape)
    }

    /// `x` times a number.
    pub(crate) fn scale(&mut self, part: &str, x: &Operand, factor: f32) -> Result<Operand, Stop> {
        #[expect(clippy::float_cmp, reason = "exactly one changes nothing")]
        if factor == 1.0 {
            return Ok(x.clone());
        }
        let factor = self.scalar(&format!("{part}_factor"), factor)?;
        self.binary(part, ModelOp::Mul, x, &factor)
    }
}
