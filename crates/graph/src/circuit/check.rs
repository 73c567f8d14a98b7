//! The circuit's checker: every rule that the executor, the prover and the verifier rely on.
//!
//! It runs on circuits from strangers as well (a verifying key is a file), so it neither panics nor overflows, and its
//! work grows as the size of the encoding, but for a logarithm. That hints have one admissible value is checked in [`super::pinned`].

use std::collections::BTreeSet;

use super::{
    AxisFactor, AxisLink, AxisMap, Circuit, CircuitError, Constraint, ConvGeometry, Op, Port, SeparableMap, Table,
    Tensor, TensorId, Term, Visibility, noise,
};

/// Largest product of a shape's extents.
pub const MAX_TENSOR_LEN: usize = 1 << 32;
/// Largest number of tensors, constraints or parameters.
pub const MAX_ITEMS: usize = 1 << 20;
/// Largest rank of a tensor.
pub const MAX_RANK: usize = 12;
/// Logarithm of the largest table.
pub const MAX_LOG_TABLE: u32 = 20;

/// Bound on starts, steps and pads, so that index arithmetic stays in `i64`.
const MAX_STEP: i64 = 1 << 28;
const MAX_TERMS: usize = 4096;
const MAX_NAME: usize = 4096;
const MAX_VALUE: i64 = 1 << 62;

impl Circuit {
    /// Checks every rule of the circuit.
    ///
    /// # Errors
    /// The first broken rule, with the tensor and the node it belongs to.
    pub fn check(&self) -> Result<(), CircuitError> {
        self.check_sizes()?;
        self.policy.check()?;
        for (index, table) in self.tables.iter().enumerate() {
            self.check_table(table).map_err(|reason| item(format!("table {index}"), reason))?;
        }
        for (index, param) in self.params.iter().enumerate() {
            let what = || format!("weight {index} `{}`", param.name);
            extents(&param.shape).map_err(|reason| item(what(), reason))?;
            if !(1..=4).contains(&param.num_planes) {
                return Err(item(what(), format!("{} byte planes, expected 1 to 4", param.num_planes)));
            }
        }
        let mut names = BTreeSet::new();
        let mut inputs = vec![false; self.inputs.len()];
        let mut params = vec![false; self.params.len()];
        for (index, tensor) in self.tensors.iter().enumerate() {
            self.check_tensor(index, tensor).map_err(|reason| broken(tensor, reason))?;
            if !names.insert(tensor.name.as_str()) {
                return Err(broken(tensor, "two tensors have this name".to_owned()));
            }
            let seen = match tensor.op {
                Op::Input { index } => inputs.get_mut(index),
                Op::Weight { param } => params.get_mut(param),
                _ => continue,
            };
            if seen.is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(broken(tensor, "its input or weight does not exist or is used by another tensor".to_owned()));
            }
        }
        for (index, constraint) in self.constraints.iter().enumerate() {
            self.check_constraint(constraint).map_err(|reason| item(format!("constraint {index}"), reason))?;
        }
        for (ports, what) in [(&self.inputs, "input"), (&self.outputs, "output")] {
            for (index, port) in ports.iter().enumerate() {
                self.check_port(port, (what == "input").then_some(index))
                    .map_err(|reason| item(format!("{what} `{}`", port.name), reason))?;
            }
        }
        super::pinned::check_hints(self)
    }

    fn check_sizes(&self) -> Result<(), CircuitError> {
        let counts = [
            ("tensors", self.tensors.len()),
            ("tables", self.tables.len()),
            ("weights", self.params.len()),
            ("constraints", self.constraints.len()),
            ("inputs", self.inputs.len()),
            ("outputs", self.outputs.len()),
        ];
        for (what, count) in counts {
            if count > MAX_ITEMS {
                return Err(item(what.to_owned(), format!("{count}, expected at most {MAX_ITEMS}")));
            }
        }
        if self.outputs.is_empty() {
            return Err(item("outputs".to_owned(), "0, expected at least 1".to_owned()));
        }
        if self.batch > 1 << 24 {
            return Err(item("batch".to_owned(), format!("{}, expected at most 2^24", self.batch)));
        }
        Ok(())
    }

    fn check_tensor(&self, index: usize, tensor: &Tensor) -> Result<(), String> {
        if tensor.name.len() > MAX_NAME || tensor.node.len() > MAX_NAME {
            return Err(format!("a name is longer than {MAX_NAME} bytes"));
        }
        extents(&tensor.shape)?;
        if tensor.min > tensor.max || tensor.min < -MAX_VALUE || tensor.max >= MAX_VALUE {
            return Err(format!("range {}..={} is empty or beyond 2^62", tensor.min, tensor.max));
        }
        let is_weight = matches!(tensor.op, Op::Weight { .. });
        if self.batch > 0 && !is_weight && tensor.shape.first() != Some(&self.batch) {
            return Err(format!("shape {:?} does not start with the batch {}", tensor.shape, self.batch));
        }
        for operand in tensor.op.operands() {
            if operand.index() >= index {
                return Err(format!("operand %{} does not stand before %{index}", operand.0));
            }
        }
        self.check_op(tensor)
    }

    /// Operands are known to be in range.
    fn check_op(&self, tensor: &Tensor) -> Result<(), String> {
        match &tensor.op {
            Op::Input { index } => match self.inputs.get(*index) {
                Some(_) => Ok(()),
                None => Err(format!("input {index} of {}", self.inputs.len())),
            },
            Op::Weight { param } => match self.params.get(*param) {
                Some(info) if tensor.shape == info.shape => Ok(()),
                Some(info) => Err(format!("shape {:?}, its weight has {:?}", tensor.shape, info.shape)),
                None => Err(format!("weight {param} of {}", self.params.len())),
            },
            Op::Linear { terms, constant } => self.check_linear(tensor, terms, constant),
            Op::Conv { x, w, geometry } => {
                let w = self.weight_shape(*w)?;
                conv(geometry, self.activation(*x)?, w, &tensor.shape)
            }
            Op::Dense { x, w } => {
                let [kernel, outputs, columns] = self.weight_shape(*w)?;
                let x = self.activation(*x)?;
                let fits = match (x.split_last(), tensor.shape.split_last()) {
                    (Some((&inner, lead)), Some((&last, out_lead))) => {
                        kernel == 1 && inner == columns && last == outputs && lead == out_lead
                    }
                    _ => false,
                };
                expect(fits, || format!("{x:?} times {outputs} x {columns} does not give {:?}", tensor.shape))
            }
            Op::MatMul { a, b } => {
                let (a, b, y) = (self.activation(*a)?, self.activation(*b)?, &tensor.shape);
                let fits = match (matrix(a), matrix(b), matrix(y)) {
                    (Some((la, [m, k])), Some((lb, [k2, n])), Some((ly, [m2, n2]))) => {
                        la == lb && la == ly && k == k2 && m == m2 && n == n2
                    }
                    _ => false,
                };
                expect(fits, || format!("{a:?} times {b:?} does not give {y:?}"))
            }
            Op::Mul { a, b } => {
                let (a, b) = (self.activation(*a)?, self.activation(*b)?);
                expect(a == b && a == tensor.shape, || format!("factors {a:?} and {b:?}, result {:?}", tensor.shape))
            }
            Op::Reshape { x } => {
                let x = self.activation(*x)?;
                // Both products are at most 2^32 by the check of extents.
                expect(x.iter().product::<usize>() == tensor.len(), || format!("{x:?} does not give {:?}", tensor.shape))
            }
            Op::FloorShift { x, shift } => {
                self.same_shape(*x, tensor)?;
                expect((1..=MAX_LOG_TABLE).contains(shift), || format!("shift {shift}, expected 1 to {MAX_LOG_TABLE}"))
            }
            Op::Lookup { x, table } => {
                self.same_shape(*x, tensor)?;
                match self.tables.get(table.index()) {
                    Some(Table::Function { .. }) => Ok(()),
                    _ => Err(format!("table {} does not exist or has one column", table.0)),
                }
            }
            Op::Reciprocal { x, log_numerator } => {
                self.same_shape(*x, tensor)?;
                expect(*log_numerator <= 48, || format!("numerator 2^{log_numerator}, expected at most 2^48"))
            }
            Op::SquareRoot { x } => self.same_shape(*x, tensor),
            Op::Divide { a, b } => self.same_shape(*a, tensor).and_then(|()| self.same_shape(*b, tensor)),
            Op::Gather { index, .. } => self.same_shape(*index, tensor),
            Op::Noise { seed, table } => {
                self.activation(*seed)?;
                let is_input = self.tensors.get(seed.index()).is_some_and(|seed| matches!(seed.op, Op::Input { .. }));
                expect(is_input && self.policy.input == Visibility::Public, || {
                    format!("its seed %{} is no public input: nobody could check the noise", seed.0)
                })?;
                match self.tables.get(table.index()) {
                    Some(Table::Function { values, .. }) if values.len() >= 1 << noise::LOG_OCTAVES => Ok(()),
                    _ => Err(format!("table {} is no function of at least 2^{} rows", table.0, noise::LOG_OCTAVES)),
                }
            }
            Op::Largest { x, rank } => {
                let x = self.activation(*x)?;
                let fits = match (x.split_last(), tensor.shape.split_last()) {
                    (Some((&extent, lead)), Some((&1, out_lead))) => lead == out_lead && (1..=extent).contains(rank),
                    _ => false,
                };
                expect(fits, || format!("place {rank} of lines of {x:?} does not give {:?}", tensor.shape))
            }
        }
    }

    fn check_linear(&self, tensor: &Tensor, terms: &[Term], constants: &[(i64, Vec<AxisFactor>)]) -> Result<(), String> {
        expect(terms.len() <= MAX_TERMS && constants.len() <= MAX_TERMS, || format!("more than {MAX_TERMS} terms"))?;
        let mut seen = BTreeSet::new();
        for (index, term) in terms.iter().enumerate() {
            let operand = self.tensors.get(term.x.index()).ok_or("operand out of range")?;
            let what = |reason: String| format!("term {index} of `{}`: {reason}", operand.name);
            expect(term.coefficient != 0 && in_range(term.coefficient), || what("coefficient is 0 or too large".to_owned()))?;
            separable_map(&term.map, &operand.shape, &tensor.shape).map_err(what)?;
            let one_row = !matches!(operand.op, Op::Weight { .. }) || operand.shape.get(1) == Some(&1);
            expect(one_row, || what(format!("a weight that is added has one output, not {:?}", operand.shape)))?;
            if self.batch > 0 {
                let first = term.map.links.first();
                let kept = match operand.op {
                    Op::Weight { .. } => matches!(first, Some(AxisLink::Broadcast { output: 0 })),
                    _ => matches!(first, Some(AxisLink::Map { input: 0, output: 0, map: AxisMap::Identity })),
                };
                expect(kept, || what("the batch axis is not kept".to_owned()))?;
            }
            expect(seen.insert((term.x, &term.map)), || what("stands twice with the same map".to_owned()))?;
        }
        for (value, factors) in constants {
            expect(in_range(*value), || "a constant is too large".to_owned())?;
            constant(factors, &tensor.shape)?;
        }
        Ok(())
    }

    fn check_constraint(&self, constraint: &Constraint) -> Result<(), String> {
        match constraint {
            Constraint::Lookup { table, columns } => {
                let table = self.tables.get(table.index()).ok_or_else(|| format!("table {} does not exist", table.0))?;
                expect(columns.len() == table.width(), || {
                    format!("{} columns for a table of {}", columns.len(), table.width())
                })?;
                let mut shape = None;
                for column in columns {
                    let mine = self.activation(*column)?;
                    let first = *shape.get_or_insert(mine);
                    expect(first == mine, || format!("columns {first:?} and {mine:?} differ"))?;
                }
                Ok(())
            }
            Constraint::Zero { tensor } => self.activation(*tensor).map(|_| ()),
        }
    }

    fn check_port(&self, port: &Port, input: Option<usize>) -> Result<(), String> {
        let shape = self.activation(port.tensor)?;
        let op = self.tensors.get(port.tensor.index()).map(|tensor| &tensor.op);
        if let Some(position) = input {
            let fits = matches!(op, Some(Op::Input { index }) if *index == position);
            expect(fits, || format!("tensor %{} is not input {position}", port.tensor.0))?;
        }
        extents(&port.shape)?;
        let rest = if self.batch > 0 { shape.get(1..).unwrap_or_default() } else { shape };
        let (len, user) = (rest.iter().product::<usize>(), port.shape.iter().product::<usize>());
        expect(len == user, || format!("shape {:?} for a tensor of {rest:?}", port.shape))?;
        let scales = port.scale.len();
        expect(scales == 1 || Some(&scales) == rest.last(), || {
            format!("{scales} scales, expected 1 or the last extent of {rest:?}")
        })?;
        expect(port.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0), || {
            "a scale is not a positive number".to_owned()
        })
    }

    fn check_table(&self, table: &Table) -> Result<(), String> {
        // Without a batch: keys of all samples follow one another.
        let min = table.min();
        expect(in_range(min), || format!("least key {min} is too large"))?;
        match table {
            Table::Range { log_len, .. } => {
                expect(*log_len <= MAX_LOG_TABLE, || format!("2^{log_len} rows, expected at most 2^{MAX_LOG_TABLE}"))
            }
            Table::Function { values, .. } => {
                let rows = values.len();
                expect(rows.is_power_of_two() && rows <= 1 << MAX_LOG_TABLE, || {
                    format!("{rows} rows, expected a power of two up to 2^{MAX_LOG_TABLE}")
                })
            }
            Table::Tensor { tensor, log_len } => {
                let tensor = self.tensors.get(tensor.index()).ok_or_else(|| format!("tensor %{} of {}", tensor.0, self.tensors.len()))?;
                let is_weight = matches!(tensor.op, Op::Weight { .. });
                let (samples, sample) = match tensor.shape.split_first() {
                    Some((&samples, rest)) if self.batch > 0 && !is_weight => (samples, rest),
                    _ => (1, tensor.shape.as_slice()),
                };
                let log = |extent: usize| u64::from(extent.checked_next_power_of_two().map_or(u32::MAX, |extent| extent.ilog2()));
                let own = sample.iter().fold(0u64, |sum, &extent| sum.saturating_add(log(extent)));
                let fits = sample.iter().all(|extent| extent.is_power_of_two())
                    && own <= MAX_LOG_TABLE.into()
                    && own.saturating_add(log(samples)) == u64::from(*log_len);
                expect(fits, || format!("2^{log_len} rows for `{}` of shape {:?}, expected powers of two up to 2^{MAX_LOG_TABLE} in all", tensor.name, tensor.shape))
            }
        }
    }

    /// Shape of a tensor that is not a weight.
    fn activation(&self, id: TensorId) -> Result<&[usize], String> {
        match self.tensors.get(id.index()) {
            Some(tensor) if !matches!(tensor.op, Op::Weight { .. }) => Ok(&tensor.shape),
            Some(tensor) => Err(format!("weight `{}` stands where an activation is needed", tensor.name)),
            None => Err(format!("tensor %{} of {}", id.0, self.tensors.len())),
        }
    }

    fn weight_shape(&self, id: TensorId) -> Result<[usize; 3], String> {
        let tensor = self.tensors.get(id.index()).ok_or_else(|| format!("tensor %{} of {}", id.0, self.tensors.len()))?;
        match (&tensor.op, tensor.shape.as_slice()) {
            (Op::Weight { .. }, &[kernel, outputs, columns]) => Ok([kernel, outputs, columns]),
            _ => Err(format!("`{}` is not a weight", tensor.name)),
        }
    }

    fn same_shape(&self, x: TensorId, tensor: &Tensor) -> Result<(), String> {
        let x = self.activation(x)?;
        expect(x == tensor.shape, || format!("operand {x:?}, result {:?}", tensor.shape))
    }
}

/// Rank, extents of at least 1, and size.
pub(crate) fn extents(shape: &[usize]) -> Result<(), String> {
    let len = shape.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent));
    let fits = shape.len() <= MAX_RANK && len.is_some_and(|len| (1..=MAX_TENSOR_LEN).contains(&len));
    expect(fits, || format!("shape {shape:?}, expected at most {MAX_RANK} axes and 1 to 2^32 entries"))
}

/// Every axis of both shapes stands in exactly one link, and every map fits its extents.
pub(crate) fn separable_map(map: &SeparableMap, input: &[usize], output: &[usize]) -> Result<(), String> {
    let (mut read, mut written) = (vec![false; input.len()], vec![false; output.len()]);
    let mut take = |side: &str, axis: usize| {
        let (seen, shape) = if side == "operand" { (&mut read, input) } else { (&mut written, output) };
        match (seen.get_mut(axis), shape.get(axis)) {
            (Some(seen), Some(&extent)) if !*seen => {
                *seen = true;
                Ok(extent)
            }
            _ => Err(format!("axis {axis} of the {side} does not exist or stands twice")),
        }
    };
    for link in &map.links {
        match link {
            AxisLink::Map { input, output, map } => {
                let (from, to) = (take("operand", *input)?, take("result", *output)?);
                axis_map(map, from, to).map_err(|reason| format!("axis {input} to {output}: {reason}"))?;
            }
            AxisLink::Broadcast { output } => {
                take("result", *output)?;
            }
            AxisLink::Sum { input } => {
                take("operand", *input)?;
            }
        }
    }
    expect(read.iter().chain(&written).all(|&seen| seen), || {
        format!("an axis of {input:?} or {output:?} stands in no link")
    })
}

fn axis_map(map: &AxisMap, input: usize, output: usize) -> Result<(), String> {
    let small = |v: usize| i64::try_from(v).is_ok_and(|v| v <= MAX_STEP);
    match map {
        AxisMap::Identity => expect(input == output, || format!("extents {input} and {output} differ")),
        AxisMap::Strided { start, step } => {
            expect(*step != 0 && step.unsigned_abs() <= MAX_STEP as u64 && start.unsigned_abs() <= 1 << 40, || {
                format!("start {start}, step {step}")
            })
        }
        AxisMap::Diagonal(factors) => {
            expect(input == output && factors.len() == output && factors.iter().all(|&f| in_range(f)), || {
                format!("{} factors for extents {input} and {output}, or one is too large", factors.len())
            })
        }
        AxisMap::Dilate { start, step } => {
            expect(*step >= 1 && small(*step) && small(*start), || format!("start {start}, step {step}"))
        }
        AxisMap::Window { kernel, stride, dilation, pad } => {
            let positive = *kernel >= 1 && *stride >= 1 && *dilation >= 1;
            let work = kernel.checked_mul(output).is_some_and(|work| work <= 1 << 28);
            expect(positive && work && [kernel, stride, dilation, pad].into_iter().all(|&v| small(v)), || {
                format!("window of {kernel} taps, stride {stride}, dilation {dilation}, pad {pad}")
            })
        }
        AxisMap::Gather(index) => {
            expect(index.len() == output && index.iter().all(|&i| (i as usize) < input), || {
                format!("{} indices for extents {input} and {output}, or one is out of range", index.len())
            })
        }
    }
}

/// One factor per axis, each fitting its extent.
pub(crate) fn constant(factors: &[AxisFactor], shape: &[usize]) -> Result<(), String> {
    expect(factors.len() == shape.len(), || format!("constant with {} factors for shape {shape:?}", factors.len()))?;
    for (axis, (factor, &extent)) in factors.iter().zip(shape).enumerate() {
        let fits = match factor {
            AxisFactor::Ones => true,
            AxisFactor::Interval { start, end } => start <= end && *end <= extent,
            AxisFactor::Values(values) => values.len() == extent && values.iter().all(|&v| in_range(v)),
        };
        expect(fits, || format!("constant's factor on axis {axis} does not fit extent {extent}"))?;
    }
    Ok(())
}

/// Shapes of a convolution: operand `x`, weight `w`, result `y`.
pub(crate) fn conv(geometry: &ConvGeometry, x: &[usize], w: [usize; 3], y: &[usize]) -> Result<(), String> {
    let ConvGeometry { kernel, strides, dilations, pads, groups } = *geometry;
    let numbers = kernel.iter().chain(&strides).chain(&dilations).chain(&pads);
    expect(numbers.copied().all(|v| i64::try_from(v).is_ok_and(|v| v <= MAX_STEP)), || "a number is too large".to_owned())?;
    expect(kernel.iter().chain(&strides).chain(&dilations).all(|&v| v >= 1) && groups >= 1, || {
        "kernel, strides, dilations and groups are at least 1".to_owned()
    })?;
    let (Some((x_lead, [channels, _, _])), Some((y_lead, [outputs, _, _]))) = (image(x), image(y)) else {
        return Err(format!("operand {x:?} and result {y:?} need at least 3 axes"));
    };
    let per_group = channels / groups;
    let expected = if groups == 1 {
        Some([kernel[0] * kernel[1], outputs, channels])
    } else {
        outputs.checked_mul(per_group).map(|columns| [kernel[0] * kernel[1], 1, columns])
    };
    expect(channels % groups == 0 && outputs % groups == 0, || {
        format!("{groups} groups of {channels} channels to {outputs}")
    })?;
    expect(Some(w) == expected && x_lead == y_lead, || format!("{x:?} with weight {w:?} does not give {y:?}"))
}

fn matrix(shape: &[usize]) -> Option<(&[usize], [usize; 2])> {
    let (lead, tail) = shape.split_at_checked(shape.len().checked_sub(2)?)?;
    Some((lead, tail.try_into().ok()?))
}

fn image(shape: &[usize]) -> Option<(&[usize], [usize; 3])> {
    let (lead, tail) = shape.split_at_checked(shape.len().checked_sub(3)?)?;
    Some((lead, tail.try_into().ok()?))
}

fn in_range(v: i64) -> bool {
    -MAX_VALUE < v && v < MAX_VALUE
}

fn expect(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn item(item: String, reason: String) -> CircuitError {
    CircuitError::Item { item, reason }
}

fn broken(tensor: &Tensor, reason: String) -> CircuitError {
    CircuitError::Tensor { tensor: tensor.name.clone(), node: tensor.node.clone(), reason }
}
