//! Sums become tensors: weights get their mantissas and multipliers, constants their bytes, and one rescale its table.
//!
//! With a unit u (the real value of 1 in t), `t = sum C map(x) + sum M_o acc_o + b + 2^(s-1)` where `C = round(factor / u)`,
//! `M_o = ceil(max|w_o| s_x / (127 u))`, mantissas `round(w_o s_x / (M_o u))` and `b = round(bias / u)`. M_o is a
//! non-zero integer and exact: what it loses is mantissa, at most a factor `M_o / (M_o - 1)`, and where it is 1 the
//! step of a weight is below `2^-16` of the result's anyway. What rounding the weights shifts a channel by on average over the
//! calibration data is added to its bias.

use veritorch_execute::byte_planes;
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, CircuitError, MAX_LOG_TABLE, Op, SeparableMap, TensorId, Term,
};
use veritorch_graph::gadgets::{Quotient, function_table, requantise};
use veritorch_graph::model::UnaryFn;

use super::sum::{Int, Kind, Layer, Offset, Part, Sum};
use super::{Lowering, Unsupported};
use crate::options::MOST_BITS;
use crate::scales::{Format, LEAST_ROOM, tidy};

/// Shift of a rescale whose quotient has the scale of the result.
const SHIFT: u32 = 16;
/// Logarithm of the keys of a function table, at least.
const LOG_KEYS: u32 = 16;
/// Greatest ratio of the steps of products of activations in one sum.
const MOST_MULTIPLE: f64 = 256.0;
/// Least multiplier of a tensor of more than [`WIDE`] bits; what rounding it loses is below 2^-7.
const LEAST_MULTIPLIER: f64 = 128.0;
/// Bits of sums and products of a tensor's own.
const WIDE: u32 = 24;
/// Greatest magnitude of an offset: four balanced bytes, with room for rounding.
const MOST_OFFSET: u64 = 127 << 24;
/// Leaves its operand as it is: the table saturates alone.
pub(super) const IDENTITY: UnaryFn = UnaryFn::Clip { min: f32::NEG_INFINITY, max: f32::INFINITY };

impl Lowering<'_> {
    /// `t = sum / unit (+ half)` as a virtual tensor.
    pub(super) fn emit(&mut self, name: &str, sum: Sum, unit: f64, half: i64) -> Result<TensorId, Unsupported> {
        self.emit_parts(name, sum, unit, half, true)
    }

    /// `t = sum` of whole numbers, of any size.
    pub(super) fn emit_whole(&mut self, name: &str, sum: Sum) -> Result<TensorId, Unsupported> {
        self.emit_parts(name, sum, 1.0, 0, false)
    }

    /// The same; `trims` lets products of activations that are too fine be rescaled first.
    fn emit_parts(&mut self, name: &str, sum: Sum, unit: f64, half: i64, trims: bool) -> Result<TensorId, Unsupported> {
        let rank = sum.shape.len();
        let mut terms = Vec::new();
        let mut rest = Sum { shape: sum.shape, parts: Vec::new(), offsets: sum.offsets };
        for part in sum.parts {
            match part {
                Part::Tensor { x, map, factor, channel } => {
                    let (x, factor) = if trims { self.trimmed(name, x, factor / unit)? } else { (x, factor / unit) };
                    terms.push(self.tensor_term(name, &rest.shape, x, map, factor, channel)?);
                }
                Part::Layer(layer) => {
                    let (term, shift) = self.layer_term(name, layer, unit, rank)?;
                    terms.push(term);
                    if let Some(shift) = shift {
                        rest = rest.offset(shift);
                    }
                }
            }
        }
        let Sum { shape, offsets, .. } = rest;
        for offset in offsets {
            terms.extend(self.offset_term(&offset, &shape, unit)?);
        }
        let constant = vec![(half, vec![AxisFactor::Ones; rank])];
        Ok(self.builder.linear(name, &shape, terms, constant)?)
    }

    /// A product of activations whose steps are so fine beside the sum's that no integer is near its multiplier is rescaled by
    /// itself first.
    fn trimmed(&mut self, name: &str, x: TensorId, factor: f64) -> Result<(TensorId, f64), Unsupported> {
        let (lo, hi) = self.builder.range(x);
        let bits = 64 - hi.max(-lo).leading_zeros();
        let excess = libm::ceil(libm::log2(LEAST_MULTIPLIER / factor.abs()));
        if bits <= WIDE || !excess.is_finite() || excess < 1.0 {
            return Ok((x, factor));
        }
        let shift = (excess as u32).min(bits - 8);
        let shape = self.builder.shape(x).to_vec();
        let half = vec![(1i64 << (shift - 1), vec![AxisFactor::Ones; shape.len()])];
        let terms = vec![Term::identity(x, 1, shape.len())];
        let t = self.builder.linear(&format!("{name}:fine"), &shape, terms, half)?;
        let (lo, hi) = self.builder.range(t);
        let least = if lo < 0 { bits + 1 - shift } else { bits - shift };
        let log_len = least + u32::from((hi >> shift) >> (bits - shift) > 0);
        let min = if lo < 0 { -(1i64 << (log_len - 1)) } else { 0 };
        let part = requantise(&mut self.builder, &format!("{name}:part"), t, shift, Quotient::Range { min, log_len })?;
        Ok((part.value, factor * (1u64 << shift) as f64))
    }

    fn tensor_term(
        &mut self,
        name: &str,
        shape: &[usize],
        x: TensorId,
        map: SeparableMap,
        factor: f64,
        channel: Option<(usize, Vec<f64>)>,
    ) -> Result<Term, Unsupported> {
        let Some((axis, factors)) = channel else {
            return Ok(Term { x, coefficient: coefficient(factor)?, map });
        };
        let diagonal = factors.iter().map(|&f| coefficient(f * factor)).collect::<Result<Vec<_>, _>>()?;
        let x = if map.is_identity() {
            x
        } else {
            self.builder.linear(&format!("{name}:operand"), shape, vec![Term { x, coefficient: 1, map }], Vec::new())?
        };
        Ok(Term { x, coefficient: 1, map: SeparableMap::along(shape.len(), axis, AxisMap::Diagonal(diagonal)) })
    }

    /// The layer's term, and what rounding its weights shifts each channel by on average.
    fn layer_term(
        &mut self,
        name: &str,
        layer: Layer,
        unit: f64,
        rank: usize,
    ) -> Result<(Term, Option<Offset>), Unsupported> {
        let largest = if self.settings.wide_weights || self.wide.contains(&layer.name) { 32_639.0 } else { 127.0 };
        let per_step = layer.x.scale / unit;
        let [outputs, inner] = layer.weights.extents;
        let data = self.constant(layer.weights.constant).unwrap_or_default();
        let mut multipliers = Vec::with_capacity(outputs);
        let mut mantissas: Vec<i64> = Vec::with_capacity(outputs * inner);
        let mut shifts = Vec::with_capacity(outputs);
        for index in 0..outputs {
            let row = layer.weights.row(&data, index);
            let max = row.iter().fold(0.0f64, |max, w| max.max(w.abs()));
            // A hair below the ceiling's jump, so that a maximum that is exact stays exact.
            let multiplier = (max * per_step / largest * (1.0 - 1e-9)).ceil().max(1.0);
            if multiplier >= (1u64 << 46) as f64 {
                return Err(Unsupported::reason(format!("weights up to {max} need a multiplier beyond 2^46")));
            }
            let start = mantissas.len();
            mantissas
                .extend(row.iter().map(|w| (w * per_step / multiplier).round().clamp(-largest, largest) as i64));
            let step = multiplier / per_step;
            shifts.push(layer.means.get(index * layer.means.len() / outputs).map_or(0.0, |means| {
                row.iter().zip(&mantissas[start..]).zip(means).map(|((w, &q), mean)| (w - q as f64 * step) * mean).sum()
            }));
            multipliers.push(multiplier as i64);
        }
        let (shape, values) = arrange(&layer.kind, mantissas, [outputs, inner]);
        let w = self.weight(&layer.name, shape, values)?;
        let x = layer.x.tensor;
        let accumulator = format!("{name}:accumulator");
        let acc = match layer.kind {
            Kind::Conv { geometry, output } => self.builder.conv(&accumulator, x, w, geometry, output)?,
            Kind::Dense => self.builder.dense(&accumulator, x, w)?,
        };
        debug_assert_eq!(self.builder.shape(acc)[layer.axis], outputs);
        let term = if multipliers.iter().all(|&m| m == multipliers[0]) {
            Term::identity(acc, multipliers[0], rank)
        } else {
            let map = SeparableMap::along(rank, layer.axis, AxisMap::Diagonal(multipliers));
            Term { x: acc, coefficient: 1, map }
        };
        let mut shape = vec![1; rank];
        shape[layer.axis] = outputs;
        let shift = (!layer.means.is_empty()).then(|| Offset {
            name: format!("{}:bias", layer.name),
            shape,
            values: shifts,
        });
        Ok((term, shift))
    }

    /// `round(offset / unit)` as a private weight; nothing where all are zero. Integers beyond four bytes are rounded to
    /// multiples of a power of two.
    fn offset_term(&mut self, offset: &Offset, shape: &[usize], unit: f64) -> Result<Option<Term>, Unsupported> {
        let values: Vec<i64> = offset.values.iter().map(|v| coefficient(v / unit)).collect::<Result<_, _>>()?;
        let largest = values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0);
        if largest == 0 {
            return Ok(None);
        }
        let excess = (largest / MOST_OFFSET).checked_ilog2().map_or(0, |log| log + 1);
        let values = values.into_iter().map(|v| if excess == 0 { v } else { (v + (1 << (excess - 1))) >> excess }).collect();
        let term = self.constant_term(&offset.name, &offset.shape, values, shape)?;
        Ok(Some(Term { coefficient: term.coefficient << excess, ..term }))
    }

    /// Integers `values` of shape `own`, which broadcasts to `shape` (same rank), as a term.
    pub(super) fn constant_term(
        &mut self,
        name: &str,
        own: &[usize],
        values: Vec<i64>,
        shape: &[usize],
    ) -> Result<Term, Unsupported> {
        let axes: Vec<usize> = (0..own.len()).filter(|&k| own[k] > 1).collect();
        if axes.len() > 2 {
            let len = values.len();
            let w = self.weight(name, [1, 1, len], values)?;
            let links = vec![
                AxisLink::Sum { input: 0 },
                AxisLink::Sum { input: 1 },
                AxisLink::Map { input: 2, output: 0, map: AxisMap::Identity },
            ];
            let term = Term { x: w, coefficient: 1, map: SeparableMap { links } };
            let flat = self.builder.linear(&format!("{name}:flat"), &[len], vec![term], Vec::new())?;
            let x = self.builder.reshape(&format!("{name}:tensor"), flat, own)?;
            return Ok(Term { x, coefficient: 1, map: broadcast(own, shape) });
        }
        // A weight that is added has one output: its entries lie on the kernel axis and along the row.
        let slots = if axes.len() == 2 { [0, 2].as_slice() } else { &[2] };
        let mut weight_shape = [1; 3];
        let mut links = Vec::new();
        for (&slot, &axis) in slots.iter().zip(&axes) {
            weight_shape[slot] = own[axis];
            links.push(AxisLink::Map { input: slot, output: axis, map: AxisMap::Identity });
        }
        links.extend((0..3).filter(|slot| !slots[..axes.len()].contains(slot)).map(|input| AxisLink::Sum { input }));
        links.extend((0..shape.len()).filter(|k| !axes.contains(k)).map(|output| AxisLink::Broadcast { output }));
        let w = self.weight(name, weight_shape, values)?;
        Ok(Term { x: w, coefficient: 1, map: SeparableMap { links } })
    }

    /// `format(sum)`, or the nearest format for which the multiplier is 1 where no linear layer is in the sum: products of
    /// activations absorb none, and a multiplier of enough bits would take a limb more.
    pub(super) fn settle(&mut self, name: &str, sum: Sum, format: Format, magnitude: f64) -> Result<Int, Unsupported> {
        let Some(unit) = self.settings.language.then(|| self.exact_unit(&sum)).flatten().filter(|_| format.scale != 1.0) else {
            return self.rescale(name, sum, None, format, magnitude);
        };
        let mut shift = (format.scale / unit).log2().round();
        // Rounding may not cost the room above what calibration saw.
        if unit * shift.exp2() * format.max as f64 <= magnitude * LEAST_ROOM {
            shift += 1.0;
        }
        if !(1.0..=40.0).contains(&shift) {
            return self.rescale(name, sum, None, format, magnitude);
        }
        let shift = shift as u32;
        let t = self.emit(&format!("{name}:scaled"), sum, unit, 1 << (shift - 1))?;
        let target = self.saturation(None, format, self.keys_for(t, shift));
        let result = requantise(&mut self.builder, name, t, shift, target)?;
        Ok(Int { tensor: result.value, scale: unit * (1u64 << shift) as f64 })
    }

    /// The real value of 1 that all summands share, where none is a linear layer and each step is a multiple of the finest.
    fn exact_unit(&self, sum: &Sum) -> Option<f64> {
        let unit = sum.finest();
        let is_multiple = |part: &Part| match part {
            Part::Tensor { factor, channel: None, .. } => {
                let times = factor.abs() / unit;
                times < MOST_MULTIPLE && (times - times.round()).abs() < 1e-9
            }
            _ => false,
        };
        (unit.is_finite() && sum.parts.iter().all(is_multiple)).then_some(unit)
    }

    /// A sum of tensors and constants that stays below 24 bits as it is, with neither products nor layers in it: no rescale.
    pub(super) fn unscaled(&mut self, name: &str, sum: &Sum) -> Result<Option<Int>, Unsupported> {
        let Some(unit) = self.exact_unit(sum).filter(|_| self.settings.language) else { return Ok(None) };
        let mut reach = 0.0f64;
        for part in &sum.parts {
            let Part::Tensor { x, factor, map, .. } = part else { return Ok(None) };
            let is_product = matches!(self.builder.circuit().tensor(*x).op, Op::Mul { .. } | Op::MatMul { .. });
            if is_product || !gathers(map) {
                return Ok(None);
            }
            let (lo, hi) = self.builder.range(*x);
            reach += hi.max(-lo) as f64 * factor.abs();
        }
        for offset in &sum.offsets {
            reach += offset.values.iter().fold(0.0f64, |max, v| max.max(v.abs()));
        }
        if reach / unit >= (1u64 << (MOST_BITS - 1)) as f64 {
            return Ok(None);
        }
        let tensor = self.emit(name, sum.clone(), unit, 0)?;
        Ok(Some(Int { tensor, scale: unit }))
    }

    /// `format(f(sum))`: one rescale with the function in its table.
    pub(super) fn rescale(
        &mut self,
        name: &str,
        sum: Sum,
        function: Option<UnaryFn>,
        format: Format,
        magnitude: f64,
    ) -> Result<Int, Unsupported> {
        if function.is_none_or(is_homogeneous) {
            let shift = self.shift(&sum, format.scale, format.max);
            let unit = format.scale / (1u64 << shift) as f64;
            let t = self.emit(&format!("{name}:scaled"), sum, unit, 1 << (shift - 1))?;
            let (t, coarser) = self.coarsen(name, t, shift, shift)?;
            let target = if coarser == shift {
                let least = self.keys_for(t, shift).max(function.map_or(0, |_| keys_of(magnitude / format.scale)));
                self.saturation(function, format, least)
            } else {
                let function = function.unwrap_or(IDENTITY);
                let key = format.scale * (1u64 << (coarser - shift)) as f64;
                Quotient::Function(self.table(function, key, format, -(1 << (MAX_LOG_TABLE - 1)), MAX_LOG_TABLE))
            };
            let result = requantise(&mut self.builder, name, t, coarser, target)?;
            return Ok(Int { tensor: result.value, scale: format.scale });
        }
        let function = function.unwrap_or(UnaryFn::Relu);
        // Keys are finer than the result: 2^12 over the calibrated magnitude, up to 2^14 for finer results, coarser by one bit where the
        // worst case asks for it.
        let magnitude = if magnitude > 0.0 { magnitude } else { 1.0 };
        // Numbers of two scales that should be equal differ by some of their own steps.
        let compares = matches!(function, UnaryFn::Zero | UnaryFn::Positive | UnaryFn::NonNegative);
        let extra = if self.settings.language || compares { 0 } else { self.settings.activation_bits.clamp(12, 14) - 12 };
        let (fine, steps) = if self.settings.language {
            let format = Format::binary(magnitude * self.settings.margin, magnitude * LEAST_ROOM, LOG_KEYS);
            (format.scale, 1 << 13)
        } else {
            (tidy(magnitude / f64::from(4096 << extra)), 4096 << extra)
        };
        let base = self.shift(&sum, fine, steps) - 1;
        let unit = fine / (1u64 << base) as f64;
        let t = self.emit(&format!("{name}:scaled"), sum, unit, 1 << (base - 1))?;
        let (lo, hi) = self.builder.range(t);
        let fits = |shift: u32| lo >> shift >= -(1 << (15 + extra)) && hi >> shift < 1 << (15 + extra);
        let shift = if self.settings.language || fits(base) || !fits(base + 1) { base } else { base + 1 };
        let (t, shift) = self.coarsen(name, t, shift, base)?;
        let key = fine * (1u64 << (shift - base)) as f64;
        let log_keys = self.keys_for(t, shift).max(LOG_KEYS + extra);
        let table = self.table(function, key, format, -(1 << (log_keys - 1)), log_keys);
        let result = requantise(&mut self.builder, name, t, shift, Quotient::Function(table))?;
        Ok(Int { tensor: result.value, scale: format.scale })
    }

    /// Sixteen bits, more where a product's multiplier would be too coarse for `steps` quotients of this scale.
    fn shift(&self, sum: &Sum, scale: f64, steps: i64) -> u32 {
        let finest = sum
            .parts
            .iter()
            .filter(|part| match part {
                Part::Tensor { x, .. } => {
                    let (lo, hi) = self.builder.range(*x);
                    hi.max(-lo) > 1 << 12
                }
                Part::Layer(_) => false,
            })
            .filter_map(Part::step)
            .filter(|&step| step > 0.0)
            .fold(f64::INFINITY, f64::min);
        let (multiplier, wanted) = (finest / scale * 65_536.0, (steps + 1) as f64);
        if self.settings.language {
            // A power of two loses nothing.
            let is_exact = multiplier >= 1.0 && (multiplier - multiplier.round()).abs() < 1e-9;
            return if is_exact || multiplier >= f64::from(1 << 12) { SHIFT } else { SHIFT + 16 };
        }
        match multiplier {
            m if m >= wanted => SHIFT,
            m if m * 256.0 >= wanted => SHIFT + 8,
            _ => SHIFT + 16,
        }
    }

    /// Logarithm of the signed keys that hold the worst case of `t / 2^shift`, where the options ask for it; at most 20.
    pub(super) fn keys_for(&self, t: TensorId, shift: u32) -> u32 {
        if !self.settings.options.widen_tables && !self.settings.options.saturate {
            return 0;
        }
        self.worst_keys(t, shift).min(MAX_LOG_TABLE)
    }

    /// Logarithm of the signed keys that hold the worst case of `t / 2^shift`.
    fn worst_keys(&self, t: TensorId, shift: u32) -> u32 {
        let (lo, hi) = self.builder.range(t);
        let bits = |v: i64| 64 - v.max(0).leading_zeros();
        bits(-((lo >> shift) + 1)).max(bits(hi >> shift)) + 1
    }

    /// Where no input may be refused and the largest table is too small for `t / 2^shift`: the least greater shift for
    /// which it is not, and `t` with the half of that one in place of the half of `2^halved`.
    pub(super) fn coarsen(&mut self, name: &str, t: TensorId, shift: u32, halved: u32) -> Result<(TensorId, u32), Unsupported> {
        let excess = self.worst_keys(t, shift).saturating_sub(MAX_LOG_TABLE);
        if !self.settings.options.saturate || excess == 0 {
            return Ok((t, shift));
        }
        // Rounding may reach one key further.
        let coarser = shift + excess + 1;
        let shape = self.builder.shape(t).to_vec();
        let more = (1i64 << (coarser - 1)) - (1i64 << (halved - 1));
        let constant = vec![(more, vec![AxisFactor::Ones; shape.len()])];
        let terms = vec![Term::identity(t, 1, shape.len())];
        Ok((self.builder.linear(&format!("{name}:coarse"), &shape, terms, constant)?, coarser))
    }

    /// The table that saturates at a format, keys having the format's scale.
    fn saturation(&mut self, function: Option<UnaryFn>, format: Format, least: u32) -> Quotient {
        if self.settings.language {
            let span = format.max - format.min;
            let own = 64 - span.leading_zeros();
            if function.is_none() && least <= own && span + 1 == 1 << own {
                return Quotient::Range { min: format.min, log_len: own };
            }
            // A range that is cut short of a power of two saturates, and has as many keys beyond as within.
            let log_keys = (own + u32::from(span + 1 < 1 << own)).clamp(LOG_KEYS, MAX_LOG_TABLE).max(least);
            let function = function.unwrap_or(IDENTITY);
            return Quotient::Function(self.table(function, format.scale, format, -(1 << (log_keys - 1)), log_keys));
        }
        // Eight times the calibrated range at least, up to 2^18 keys.
        let log_keys = ((format.max + 1).ilog2() + 4).clamp(LOG_KEYS, 18).max(least);
        let min = -(1i64 << (log_keys - 1));
        if function.is_none() && format.min <= min && format.max >= -min - 1 {
            return Quotient::Range { min, log_len: log_keys };
        }
        let function = function.unwrap_or(IDENTITY);
        Quotient::Function(self.table(function, format.scale, format, min, log_keys))
    }

    /// `y = format(f(key * scale))` for `2^log_keys` keys from `min`.
    pub(super) fn table(
        &mut self,
        function: UnaryFn,
        key: f64,
        format: Format,
        min: i64,
        log_keys: u32,
    ) -> veritorch_graph::circuit::TableId {
        let (lo, hi) = (format.min, format.max);
        let saturated = |v: i64| i32::try_from(v.clamp(lo, hi)).unwrap_or(0);
        if key == format.scale {
            // The scale cancels: the same table serves every tensor.
            match function {
                UnaryFn::Relu => {
                    let name = format!("relu to {}..={hi}", lo.max(0));
                    return function_table(&mut self.builder, &name, min, log_keys, |q| saturated(q.max(0)));
                }
                UnaryFn::Clip { min: a, max: b } if a == f32::NEG_INFINITY && b == f32::INFINITY => {
                    return function_table(&mut self.builder, &format!("saturate to {lo}..={hi}"), min, log_keys, saturated);
                }
                _ => {}
            }
        }
        let name = format!("{} to {lo}..={hi}", function.name().to_lowercase());
        // Infinities saturate; left of the domain of a root or a logarithm stands what its least positive key gives.
        let value = |q: i64| {
            let y = function.apply_around(q as f64 * key, key / 2.0);
            if y.is_nan() { function.apply(key) } else { y }
        };
        function_table(&mut self.builder, &name, min, log_keys, |q| saturated(format.encode(value(q))))
    }

    /// A private weight; its byte planes are kept for the parameters.
    pub(super) fn weight(&mut self, name: &str, shape: [usize; 3], values: Vec<i64>) -> Result<TensorId, CircuitError> {
        let id = self.builder.weight(name, shape, &values)?;
        let name = self.builder.name(id).to_owned();
        let num_planes = self.builder.circuit().params.last().map_or(0, |info| info.num_planes);
        self.weights.insert(name, byte_planes(&values, num_planes));
        Ok(id)
    }
}

/// Logarithm of the signed keys that hold numbers up to `steps`, at most the largest table's.
fn keys_of(steps: f64) -> u32 {
    let steps = (steps.ceil() as i64).max(0);
    (64 - steps.leading_zeros() + 1).min(MAX_LOG_TABLE)
}

/// Whether a map leaves every entry a single operand entry.
fn gathers(map: &SeparableMap) -> bool {
    map.links.iter().all(|link| match link {
        AxisLink::Map { map, .. } => !matches!(map, AxisMap::Diagonal(_) | AxisMap::Window { .. }),
        AxisLink::Broadcast { .. } => true,
        AxisLink::Sum { .. } => false,
    })
}

/// Whether `f(c x) = c f(x)` for c > 0, or f only cuts: the keys can have the result's scale.
fn is_homogeneous(function: UnaryFn) -> bool {
    matches!(function, UnaryFn::Relu | UnaryFn::LeakyRelu { .. } | UnaryFn::Clip { .. })
}

fn coefficient(v: f64) -> Result<i64, Unsupported> {
    let rounded = v.round();
    if rounded.abs() < (1u64 << 61) as f64 {
        Ok(rounded as i64)
    } else {
        Err(Unsupported::reason(format!("factor {v} does not fit the field's safe range")))
    }
}

/// `[output][rest]` to the circuit's layout.
fn arrange(kind: &Kind, rows: Vec<i64>, [outputs, inner]: [usize; 2]) -> ([usize; 3], Vec<i64>) {
    match kind {
        Kind::Dense => ([1, outputs, inner], rows),
        Kind::Conv { geometry, .. } => {
            let taps = geometry.kernel[0] * geometry.kernel[1];
            let channels = inner / taps;
            let mut values = Vec::with_capacity(outputs * inner);
            for tap in 0..taps {
                for row in rows.chunks(inner) {
                    values.extend((0..channels).map(|c| row[c * taps + tap]));
                }
            }
            let shape = if geometry.groups == 1 { [taps, outputs, channels] } else { [taps, 1, outputs * channels] };
            (shape, values)
        }
    }
}

/// The map that repeats axes of extent 1, and adds missing axes in front.
pub(super) fn broadcast(own: &[usize], shape: &[usize]) -> SeparableMap {
    let missing = shape.len() - own.len();
    let mut links: Vec<AxisLink> = (0..missing).map(|output| AxisLink::Broadcast { output }).collect();
    for (input, &extent) in own.iter().enumerate() {
        let output = input + missing;
        if extent == shape[output] {
            links.push(AxisLink::Map { input, output, map: AxisMap::Identity });
        } else {
            links.extend([AxisLink::Sum { input }, AxisLink::Broadcast { output }]);
        }
    }
    SeparableMap { links }
}
