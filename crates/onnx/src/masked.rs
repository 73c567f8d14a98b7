//! Scores with entries that are minus infinity, on their way to the softmax that turns those into exact zeros.
//!
//! The model graph holds finite numbers only. A constant with `-inf` that is added to a value, or a `Where` that picks
//! `-inf`, makes a [`Source::Masked`] value: finite numbers and a constant mask. Wiring moves both, sums and products by
//! positive constants act on the numbers, and `Softmax` takes the mask as its second operand.

use std::rc::Rc;

use veritorch_graph::model::ModelOp;
use veritorch_graph::model::index::{broadcast, broadcast_strides, element_count, for_each_index, offset};

use crate::builder::{Builder, Operand, Source, Stop};
use crate::constant::{Constant, Data, zip};
use crate::element::Kind;

/// Where entries are real numbers: a constant of truth values, broadcast to the value's shape.
pub type Keep = Rc<Constant>;

/// A node's names: the ONNX node, the part of it that is made, the user's source line.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The node.
    pub name: &'a str,
    /// The part.
    pub part: &'a str,
    /// The source line.
    pub source: Option<&'a String>,
}

impl Operand {
    /// A value that is minus infinity where `keep` is not set; `keep` broadcasts to its shape.
    pub(crate) fn masked(value: Operand, keep: Constant) -> Self {
        match (&value.source, &keep.data) {
            (&Source::Value(id), Data::Bool(flags)) if flags.contains(&false) => {
                Self { source: Source::Masked { value: id, keep: Rc::new(keep) }, ..value }
            }
            _ => value,
        }
    }

    /// The finite numbers of a masked value, and its mask; every other operand is its own numbers.
    fn parts(&self) -> (Operand, Option<Keep>) {
        match &self.source {
            Source::Masked { value, keep } => {
                (Operand { source: Source::Value(*value), ..self.clone() }, Some(Rc::clone(keep)))
            }
            _ => (self.clone(), None),
        }
    }
}

impl Builder {
    /// Splits a constant with entries of `-inf`: its finite numbers, zero in their place, and the mask.
    pub(crate) fn split_infinite(&mut self, operand: &Operand) -> Result<Option<(Operand, Constant)>, Stop> {
        let (Source::Constant { name, .. }, Some(numbers)) = (&operand.source, operand.floats()) else {
            return Ok(None);
        };
        if !numbers.contains(&f32::NEG_INFINITY) {
            return Ok(None);
        }
        let name = format!("{name}/finite");
        self.charge(numbers.len().saturating_mul(2))?;
        let keep: Vec<bool> = numbers.iter().map(|&x| x != f32::NEG_INFINITY).collect();
        let finite = numbers.iter().map(|&x| if x == f32::NEG_INFINITY { 0.0 } else { x }).collect();
        let shape = operand.shape.clone();
        let rest = Operand::constant(name, Constant { shape: shape.clone(), data: Data::Float(finite) });
        Ok(Some((rest, Constant { shape, data: Data::Bool(keep) })))
    }

    /// Emits an operator that reads masked values.
    pub(crate) fn emit_masked(
        &mut self,
        site: Site<'_>,
        op: ModelOp,
        operands: &[&Operand],
        shape: Vec<usize>,
    ) -> Result<Operand, Stop> {
        let (values, keeps): (Vec<Operand>, Vec<Option<Keep>>) = operands.iter().map(|x| x.parts()).unzip();
        let refs: Vec<&Operand> = values.iter().collect();
        match (&op, keeps.as_slice()) {
            (ModelOp::Softmax { .. }, [Some(keep)]) => {
                let mask = self.mask_operand(site, keep)?;
                self.emit(site, op, &[refs[0], &mask], shape)
            }
            (_, [Some(keep)]) if op.is_wiring() && !matches!(op, ModelOp::Pad { .. } | ModelOp::ZeroStuff { .. }) => {
                let keep = self.spread(keep, &values[0].shape)?;
                let keep = Operand::constant(site.name, keep);
                let moved = self.emit(site, op.clone(), &[&keep], shape.clone())?;
                let value = self.emit(site, op, &refs, shape.clone())?;
                let Some(Data::Bool(flags)) = moved.data() else { return Err(refused()) };
                Ok(Operand::masked(value, Constant { shape, data: Data::Bool(flags.clone()) }))
            }
            (ModelOp::Add, [Some(_), Some(_)]) => {
                let keep = self.both(&keeps)?;
                let value = self.emit(site, op, &refs, shape)?;
                self.remask(value, keep)
            }
            (ModelOp::Add, [Some(keep), None] | [None, Some(keep)]) | (ModelOp::Sub, [Some(keep), None]) => {
                let keep = keep.as_ref().clone();
                let value = self.emit(site, op, &refs, shape)?;
                self.remask(value, keep)
            }
            (ModelOp::Mul, [Some(keep), None] | [None, Some(keep)]) => {
                let factor = if keeps[0].is_some() { &values[1] } else { &values[0] };
                if !factor.floats().is_some_and(|factor| factor.iter().all(|&x| x > 0.0)) {
                    return Err(refused());
                }
                let keep = keep.as_ref().clone();
                let value = self.emit(site, op, &refs, shape)?;
                self.remask(value, keep)
            }
            _ => Err(refused()),
        }
    }

    /// `x + mask` with a constant mask that is minus infinity somewhere.
    pub(crate) fn emit_masking_sum(
        &mut self,
        site: Site<'_>,
        [x, mask]: [&Operand; 2],
        shape: Vec<usize>,
    ) -> Result<Operand, Stop> {
        let Some((rest, keep)) = self.split_infinite(mask)? else { return Err(refused()) };
        let changes = rest.floats().is_some_and(|rest| rest.iter().any(|&x| x != 0.0)) || x.shape != shape;
        let value = if changes { self.emit(site, ModelOp::Add, &[x, &rest], shape)? } else { x.clone() };
        match value.source {
            Source::Value(_) => Ok(Operand::masked(value, keep)),
            _ => Err(refused()),
        }
    }

    /// The mask as Softmax's operand: one where entries are real.
    fn mask_operand(&mut self, site: Site<'_>, keep: &Constant) -> Result<Operand, Stop> {
        let Data::Bool(flags) = &keep.data else { return Err(refused()) };
        self.charge(flags.len())?;
        let data = flags.iter().map(|&flag| f32::from(u8::from(flag))).collect();
        Ok(Operand::constant(format!("{}/mask", site.name), Constant { shape: keep.shape.clone(), data: Data::Float(data) }))
    }

    /// A mask in the whole shape of its value.
    fn spread(&mut self, keep: &Constant, shape: &[usize]) -> Result<Constant, Stop> {
        let Data::Bool(flags) = &keep.data else { return Err(refused()) };
        if broadcast(&keep.shape, shape).as_deref() != Some(shape) {
            return Err(refused());
        }
        self.charge(element_count(shape).unwrap_or(usize::MAX))?;
        let from = broadcast_strides(&keep.shape, shape);
        let mut out = Vec::new();
        for_each_index(shape, |index| out.push(flags[offset(index, &from)]));
        Ok(Constant { shape: shape.to_vec(), data: Data::Bool(out) })
    }

    /// A value that may be masked already, with a mask more.
    fn remask(&mut self, value: Operand, keep: Constant) -> Result<Operand, Stop> {
        let (numbers, other) = value.parts();
        let keep = match other {
            Some(other) => self.both(&[Some(other), Some(Rc::new(keep))])?,
            None => keep,
        };
        Ok(Operand::masked(numbers, keep))
    }

    /// Entries that are real under both masks.
    fn both(&mut self, keeps: &[Option<Keep>]) -> Result<Constant, Stop> {
        let [Some(a), Some(b)] = keeps else { return Err(refused()) };
        let (Data::Bool(x), Data::Bool(y)) = (&a.data, &b.data) else { return Err(refused()) };
        let shape = broadcast(&a.shape, &b.shape).ok_or_else(refused)?;
        self.charge(element_count(&shape).unwrap_or(usize::MAX))?;
        let (shape, data) = zip((&a.shape, x), (&b.shape, y), |x, y| Ok(x && y)).map_err(Stop::Invalid)?;
        Ok(Constant { shape, data: Data::Bool(data) })
    }
}

/// Lines along `axis` of a value of `shape` without a real entry, as a flag for every entry.
pub(crate) fn dead_lines(mask: (&[usize], &[f32]), shape: &[usize], axis: usize) -> Vec<bool> {
    let mut lines = shape.to_vec();
    lines[axis] = 1;
    let (from, to) = (broadcast_strides(mask.0, shape), broadcast_strides(&lines, shape));
    let mut alive = vec![false; lines.iter().product()];
    for_each_index(shape, |index| alive[offset(index, &to)] |= mask.1[offset(index, &from)] != 0.0);
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_index(shape, |index| out.push(!alive[offset(index, &to)]));
    out
}

fn refused() -> Stop {
    Stop::hinted(
        "reads entries that are minus infinity",
        "masked scores go into Softmax; use a finite number in other places",
    )
}

/// A float constant that is minus infinity somewhere.
pub(crate) fn is_infinite(operand: &Operand) -> bool {
    operand.kind == Kind::Float && operand.floats().is_some_and(|x| x.contains(&f32::NEG_INFINITY))
}
