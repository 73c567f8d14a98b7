//! Builds circuits: automatic shapes, worst-case ranges, unique names, tables without duplicates.
//!
//! Virtual operators are public here. Hints and their constraints can only be added by [`crate::gadgets`],
//! which add them together, so that one answer is left for each input.

use std::collections::BTreeSet;

use super::bounds::{self, Bounds, Interval, WeightSums};
use super::{
    AxisFactor, Circuit, CircuitError, Constraint, ConvGeometry, Op, ParamInfo, Policy, Port, Table, TableId, Tensor,
    TensorId, Term, Visibility,
};

/// Bound on every value of a circuit: `|v| < 2^62`, half of what the field holds on each side.
pub const SAFE_RANGE: i64 = 1 << 62;

/// A place where the executor refuses inputs that drive a value out of a table's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the user's node.
    pub node: String,
    /// Name of the tensor.
    pub tensor: String,
    /// Worst-case range of the tensor over all inputs.
    pub reachable: (i64, i64),
    /// Keys of the table (or bounds of the range).
    pub domain: (i64, i64),
}

/// A circuit under construction, for one sample.
#[derive(Debug)]
pub struct CircuitBuilder {
    circuit: Circuit,
    bounds: Vec<Bounds>,
    /// Parallel to the circuit's params.
    weights: Vec<WeightSums>,
    /// Parallel to the circuit's constraints: the tensors that each helps to pin.
    pins: Vec<Vec<TensorId>>,
    names: BTreeSet<String>,
    node: String,
    refusals: Vec<Refusal>,
    /// Least ratio of a function table's keys to what reaches it.
    headroom: Option<f64>,
}

impl CircuitBuilder {
    /// An empty circuit of this name and policy.
    #[must_use]
    pub fn new(name: &str, policy: Policy) -> Self {
        Self {
            circuit: Circuit {
                name: name.to_owned(),
                tensors: Vec::new(),
                tables: Vec::new(),
                params: Vec::new(),
                constraints: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                policy,
                batch: 0,
            },
            bounds: Vec::new(),
            weights: Vec::new(),
            pins: Vec::new(),
            names: BTreeSet::new(),
            node: String::new(),
            refusals: Vec::new(),
            headroom: None,
        }
    }

    /// The user's node that the next tensors belong to.
    pub fn set_node(&mut self, node: &str) {
        node.clone_into(&mut self.node);
    }

    /// The policy given at the start.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.circuit.policy
    }

    /// Shape of a tensor.
    ///
    /// # Panics
    /// If the tensor is not of this builder.
    #[must_use]
    pub fn shape(&self, id: TensorId) -> &[usize] {
        &self.circuit.tensor(id).shape
    }

    /// Name of a tensor.
    ///
    /// # Panics
    /// If the tensor is not of this builder.
    #[must_use]
    pub fn name(&self, id: TensorId) -> &str {
        &self.circuit.tensor(id).name
    }

    /// Worst-case range of a tensor over all admitted inputs, exact bounds included.
    ///
    /// # Panics
    /// If the tensor is not of this builder.
    #[must_use]
    pub fn range(&self, id: TensorId) -> (i64, i64) {
        let hull = self.bounds[id.index()].hull();
        (clamp(hull.lo), clamp(hull.hi))
    }

    /// The circuit as it stands, unchecked.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Where the executor may refuse an input, in the order of the circuit. Empty: the circuit is total.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Least ratio, over the rescales that refuse nothing, of the table's greatest key to the worst case. `None`
    /// without rescales.
    #[must_use]
    pub fn headroom(&self) -> Option<f64> {
        self.headroom
    }

    /// The next input of the model, without its range check (see [`crate::gadgets::input`], which adds it).
    ///
    /// # Errors
    /// If the range is empty or leaves the field's safe range, or the shape is not valid.
    pub(crate) fn source(&mut self, name: &str, shape: &[usize], range: (i64, i64), scale: f64) -> Result<TensorId, CircuitError> {
        let index = self.circuit.inputs.len();
        let bounds = Bounds::uniform(Interval::new(range.0.into(), range.1.into()));
        let id = self.push(name, shape.to_vec(), Op::Input { index }, bounds)?;
        self.circuit.inputs.push(Port {
            name: name.to_owned(),
            tensor: id,
            shape: shape.to_vec(),
            scale: vec![scale],
        });
        Ok(id)
    }

    /// Gives an input a scale for each index of its last axis.
    pub fn set_input_scale(&mut self, input: TensorId, scale: Vec<f64>) {
        if let Some(port) = self.circuit.inputs.iter_mut().find(|port| port.tensor == input) {
            port.scale = scale;
        }
    }

    /// A weight tensor `[kernel, output, column]`; the values serve for ranges and the number of byte planes only.
    ///
    /// # Errors
    /// If the number of values is not the shape's, or a value needs more than four balanced bytes.
    pub fn weight(&mut self, name: &str, shape: [usize; 3], values: &[i64]) -> Result<TensorId, CircuitError> {
        let len = shape.iter().product::<usize>();
        let (min, max) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
        let Some(num_planes) = (1..=4usize).find(|&planes| {
            let (lo, hi) = plane_range(planes);
            lo <= min && max <= hi
        }) else {
            return Err(self.error(name, format!("values {min}..={max} need more than four balanced bytes")));
        };
        if values.len() != len {
            return Err(self.error(name, format!("{} values for shape {shape:?}", values.len())));
        }
        let param = self.circuit.params.len();
        let bounds = Bounds::uniform(Interval::new(min.into(), max.into()));
        let id = self.push(name, shape.to_vec(), Op::Weight { param }, bounds)?;
        let name = self.name(id).to_owned();
        self.circuit.params.push(ParamInfo { name, shape, num_planes });
        self.weights.push(WeightSums::new(shape, values));
        // Entries of a vector (a bias) have a range of their own.
        let sums = &self.weights[param];
        let entry = |&(plus, minus): &(i128, i128)| Interval::new(plus + minus, plus + minus);
        if shape[0] == 1 && shape[1] == 1 {
            self.bounds[id.index()] = Bounds::per_index(2, sums.columns.iter().map(entry).collect());
        } else if shape[0] == 1 && shape[2] == 1 {
            self.bounds[id.index()] = Bounds::per_index(1, sums.rows.iter().map(entry).collect());
        }
        Ok(id)
    }

    /// `sum_i coefficient_i * map_i(x_i) + constant`. Terms with the same operand and map are merged; zero ones vanish.
    ///
    /// # Errors
    /// If a map does not fit the shapes, or a value can leave the field's safe range.
    pub fn linear(
        &mut self,
        name: &str,
        shape: &[usize],
        terms: Vec<Term>,
        constant: Vec<(i64, Vec<AxisFactor>)>,
    ) -> Result<TensorId, CircuitError> {
        let mut merged: Vec<Term> = Vec::with_capacity(terms.len());
        for term in terms {
            match merged.iter_mut().find(|other| other.x == term.x && other.map == term.map) {
                Some(other) => {
                    other.coefficient = other
                        .coefficient
                        .checked_add(term.coefficient)
                        .ok_or_else(|| self.error(name, "the coefficients of one operand overflow".to_owned()))?;
                }
                None => merged.push(term),
            }
        }
        merged.retain(|term| term.coefficient != 0);
        let constant: Vec<_> = constant.into_iter().filter(|(value, _)| *value != 0).collect();
        for term in &merged {
            super::check::separable_map(&term.map, self.shape(term.x), shape)
                .map_err(|reason| self.error(name, format!("term of `{}`: {reason}", self.name(term.x))))?;
        }
        for (_, factors) in &constant {
            super::check::constant(factors, shape).map_err(|reason| self.error(name, reason))?;
        }
        let bounds = bounds::linear(&merged, &constant, shape, |term| {
            (self.circuit.tensor(term.x).shape.as_slice(), &self.bounds[term.x.index()])
        });
        self.push(name, shape.to_vec(), Op::Linear { terms: merged, constant }, bounds)
    }

    /// Convolution of `x [.., C, H, W]` with a weight tensor; `output` is the result's `[height, width]`.
    ///
    /// # Errors
    /// If shapes do not fit, or a value can leave the field's safe range.
    pub fn conv(
        &mut self,
        name: &str,
        x: TensorId,
        w: TensorId,
        geometry: ConvGeometry,
        output: [usize; 2],
    ) -> Result<TensorId, CircuitError> {
        let [_, rows, columns] = self.weight_shape(name, w)?;
        let x_shape = self.shape(x).to_vec();
        if x_shape.len() < 3 || geometry.groups == 0 {
            return Err(self.error(name, format!("convolution of shape {x_shape:?}")));
        }
        let channels = x_shape[x_shape.len() - 3];
        let per_group = channels / geometry.groups;
        let outputs = if geometry.groups == 1 { rows } else { columns / per_group.max(1) };
        let mut shape = x_shape[..x_shape.len() - 3].to_vec();
        shape.extend([outputs, output[0], output[1]]);
        super::check::conv(&geometry, &x_shape, [self.shape(w)[0], rows, columns], &shape)
            .map_err(|reason| self.error(name, reason))?;
        let range = self.bounds[x.index()].hull();
        let sums = &self.weights[self.param(w)];
        let ranges = (0..outputs)
            .map(|o| {
                if geometry.groups == 1 {
                    return bounds::dot(sums.rows[o], range, true);
                }
                sums.columns[o * per_group..(o + 1) * per_group]
                    .iter()
                    .fold(Interval::ZERO, |total, &column| total.add(bounds::dot(column, range, true)))
            })
            .collect();
        let axis = shape.len() - 3;
        self.push(name, shape, Op::Conv { x, w, geometry }, Bounds::per_index(axis, ranges))
    }

    /// `y[.., n] = sum_k x[.., k] w[0, n, k]`.
    ///
    /// # Errors
    /// If shapes do not fit, or a value can leave the field's safe range.
    pub fn dense(&mut self, name: &str, x: TensorId, w: TensorId) -> Result<TensorId, CircuitError> {
        let [kernel, outputs, columns] = self.weight_shape(name, w)?;
        let mut shape = self.shape(x).to_vec();
        if kernel != 1 || shape.last() != Some(&columns) {
            return Err(self.error(name, format!("operand {shape:?} and weight {:?} do not fit", self.shape(w))));
        }
        let axis = shape.len() - 1;
        shape[axis] = outputs;
        let range = self.bounds[x.index()].hull();
        let ranges = self.weights[self.param(w)].rows.iter().map(|&row| bounds::dot(row, range, false)).collect();
        self.push(name, shape, Op::Dense { x, w }, Bounds::per_index(axis, ranges))
    }

    /// `a [.., M, K] b [.., K, N]`, both activations with equal leading axes.
    ///
    /// # Errors
    /// If shapes do not fit, or a value can leave the field's safe range.
    pub fn matmul(&mut self, name: &str, a: TensorId, b: TensorId) -> Result<TensorId, CircuitError> {
        let (a_shape, b_shape) = (self.shape(a).to_vec(), self.shape(b).to_vec());
        let rank = a_shape.len();
        if rank < 2
            || b_shape.len() != rank
            || a_shape[..rank - 2] != b_shape[..rank - 2]
            || a_shape[rank - 1] != b_shape[rank - 2]
        {
            return Err(self.error(name, format!("operands {a_shape:?} and {b_shape:?} do not fit")));
        }
        let inner = a_shape[rank - 1] as i128;
        let mut shape = a_shape;
        shape[rank - 1] = b_shape[rank - 1];
        let range = self.bounds[a.index()].hull().mul(self.bounds[b.index()].hull()).scale(inner);
        self.push(name, shape, Op::MatMul { a, b }, Bounds::uniform(range))
    }

    /// Entrywise product of two activations of one shape.
    ///
    /// # Errors
    /// If shapes differ, or a value can leave the field's safe range.
    pub fn mul(&mut self, name: &str, a: TensorId, b: TensorId) -> Result<TensorId, CircuitError> {
        let range = self.bounds[a.index()].hull().mul(self.bounds[b.index()].hull());
        self.product(name, (a, b), range)
    }

    /// The same, with a range that follows from a relation between the factors.
    pub(crate) fn mul_within(
        &mut self,
        name: &str,
        (a, b): (TensorId, TensorId),
        (lo, hi): (i64, i64),
    ) -> Result<TensorId, CircuitError> {
        let range = Bounds::uniform(self.bounds[a.index()].hull().mul(self.bounds[b.index()].hull()));
        self.product(name, (a, b), range.narrowed(Interval::new(lo.into(), hi.into())).hull())
    }

    fn product(&mut self, name: &str, (a, b): (TensorId, TensorId), range: Interval) -> Result<TensorId, CircuitError> {
        if self.shape(a) != self.shape(b) {
            return Err(self.error(name, format!("factors {:?} and {:?} differ", self.shape(a), self.shape(b))));
        }
        self.push(name, self.shape(a).to_vec(), Op::Mul { a, b }, Bounds::uniform(range))
    }

    /// Same entries, row-major, in another shape.
    ///
    /// # Errors
    /// If the number of entries differs.
    pub fn reshape(&mut self, name: &str, x: TensorId, shape: &[usize]) -> Result<TensorId, CircuitError> {
        if self.circuit.tensor(x).len() != shape.iter().product::<usize>() {
            return Err(self.error(name, format!("reshape of {:?} to {shape:?}", self.shape(x))));
        }
        let range = self.bounds[x.index()].hull();
        self.push(name, shape.to_vec(), Op::Reshape { x }, Bounds::uniform(range))
    }

    /// The table's index; equal tables are stored once.
    pub fn table(&mut self, table: Table) -> TableId {
        let index = self.circuit.tables.iter().position(|other| *other == table).unwrap_or_else(|| {
            self.circuit.tables.push(table);
            self.circuit.tables.len() - 1
        });
        TableId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Noise of this shape from a public input: entries of a function table ([`super::noise`]).
    ///
    /// # Errors
    /// The seed is no public input, or the table no function of at least 32 rows.
    pub fn noise(&mut self, name: &str, shape: &[usize], seed: TensorId, table: TableId) -> Result<TensorId, CircuitError> {
        let is_public = matches!(self.circuit.tensor(seed).op, Op::Input { .. }) && !self.has_private_input();
        if !is_public {
            return Err(self.error(name, "noise needs a seed that is public, as `--input public` makes it".to_owned()));
        }
        let range = self.function_range(name, table)?;
        self.push(name, shape.to_vec(), Op::Noise { seed, table }, Bounds::uniform(range))
    }

    fn function_range(&self, name: &str, table: TableId) -> Result<Interval, CircuitError> {
        match &self.circuit.tables[table.index()] {
            Table::Function { values, .. } => Ok(Interval::new(
                values.iter().min().copied().unwrap_or(0).into(),
                values.iter().max().copied().unwrap_or(0).into(),
            )),
            Table::Range { .. } | Table::Tensor { .. } => Err(self.error(name, "the table is not a function".to_owned())),
        }
    }

    /// Makes a tensor the next output of the model. `shape` is the user's; `scale` has one entry, or one per index
    /// of the tensor's last axis.
    pub fn output(&mut self, name: &str, tensor: TensorId, shape: &[usize], scale: Vec<f64>) {
        self.circuit.outputs.push(Port { name: name.to_owned(), tensor, shape: shape.to_vec(), scale });
    }

    /// Removes what no output needs, publishes ranges rounded outward to powers of two, and checks the circuit.
    ///
    /// # Errors
    /// The first rule that the circuit breaks.
    pub fn finish(mut self) -> Result<Circuit, CircuitError> {
        for (tensor, bounds) in self.circuit.tensors.iter_mut().zip(&self.bounds) {
            if !matches!(tensor.op, Op::Input { .. }) {
                (tensor.min, tensor.max) = bounds::published(bounds.hull());
            }
            if let Op::Weight { param } = tensor.op {
                (tensor.min, tensor.max) = plane_range(self.circuit.params[param].num_planes);
            }
        }
        let circuit = super::prune::prune(self.circuit, &self.pins);
        circuit.check()?;
        Ok(circuit)
    }

    /// Hint `floor(x / 2^shift)`; the caller adds the constraints.
    pub(crate) fn floor_shift_hint(&mut self, name: &str, x: TensorId, shift: u32) -> Result<TensorId, CircuitError> {
        let bounds = self.bounds[x.index()].map(|range| Interval::new(range.lo >> shift, range.hi >> shift));
        self.push(name, self.shape(x).to_vec(), Op::FloorShift { x, shift }, bounds)
    }

    /// Hint `table[x]`; the caller adds the constraint.
    pub(crate) fn lookup_hint(&mut self, name: &str, x: TensorId, table: TableId) -> Result<TensorId, CircuitError> {
        let range = self.function_range(name, table)?;
        self.push(name, self.shape(x).to_vec(), Op::Lookup { x, table }, Bounds::uniform(range))
    }

    /// Hint `floor(2^log_numerator / x)`; the caller adds the constraints.
    pub(crate) fn reciprocal_hint(&mut self, name: &str, x: TensorId, log_numerator: u32) -> Result<TensorId, CircuitError> {
        let range = self.bounds[x.index()].hull();
        let numerator = 1i128 << log_numerator;
        let range = Interval::new(numerator / range.hi.max(1), numerator / range.lo.max(1));
        self.push(name, self.shape(x).to_vec(), Op::Reciprocal { x, log_numerator }, Bounds::uniform(range))
    }

    /// Hint `floor(sqrt(x))`; the caller adds the constraints.
    pub(crate) fn square_root_hint(&mut self, name: &str, x: TensorId) -> Result<TensorId, CircuitError> {
        let root = |v: i128| v.max(0).isqrt();
        let bounds = self.bounds[x.index()].map(|range| Interval::new(root(range.lo), root(range.hi)));
        self.push(name, self.shape(x).to_vec(), Op::SquareRoot { x }, bounds)
    }

    /// Hint `floor(a / b)`; the caller adds the constraints.
    pub(crate) fn divide_hint(&mut self, name: &str, a: TensorId, b: TensorId) -> Result<TensorId, CircuitError> {
        let (a_range, b_range) = (self.bounds[a.index()].hull(), self.bounds[b.index()].hull());
        let by = |divisor: i128| {
            Interval::new(a_range.lo.div_euclid(divisor.max(1)), a_range.hi.div_euclid(divisor.max(1)))
        };
        let bounds = Bounds::uniform(by(b_range.lo).hull(by(b_range.hi)));
        self.push(name, self.shape(a).to_vec(), Op::Divide { a, b }, bounds)
    }

    /// Hint `data[index]`; the caller adds the constraint.
    pub(crate) fn gather_hint(&mut self, name: &str, index: TensorId, data: TensorId) -> Result<TensorId, CircuitError> {
        let bounds = Bounds::uniform(self.bounds[data.index()].hull());
        self.push(name, self.shape(index).to_vec(), Op::Gather { index, data }, bounds)
    }

    /// Hint: the entry at a place of each line's order; the caller adds the constraints.
    pub(crate) fn largest_hint(&mut self, name: &str, x: TensorId, rank: usize) -> Result<TensorId, CircuitError> {
        let bounds = Bounds::uniform(self.bounds[x.index()].hull());
        let mut shape = self.shape(x).to_vec();
        shape.iter_mut().last().into_iter().for_each(|extent| *extent = 1);
        self.push(name, shape, Op::Largest { x, rank }, bounds)
    }

    /// Adds a lookup that helps to pin these tensors. Where `key`'s range leaves the table, notes a refusal, and
    /// takes the table's keys for its range from here on.
    pub(crate) fn constrain(&mut self, table: TableId, columns: Vec<TensorId>, pins: Vec<TensorId>) {
        let keys = &self.circuit.tables[table.index()];
        let (min, max) = (keys.min(), keys.max());
        if let Some(&key) = columns.first() {
            let domain = Interval::new(min.into(), max.into());
            if !domain.contains(self.bounds[key.index()].hull()) {
                let tensor = self.circuit.tensor(key);
                self.refusals.push(Refusal {
                    node: tensor.node.clone(),
                    tensor: tensor.name.clone(),
                    reachable: self.range(key),
                    domain: (min, max),
                });
                self.bounds[key.index()].narrow(domain);
            } else if matches!(self.circuit.tensor(key).op, Op::FloorShift { .. }) && min < 0 {
                let (lo, hi) = self.range(key);
                let worst = lo.unsigned_abs().max(hi.unsigned_abs()).max(1);
                let ratio = max.unsigned_abs() as f64 / worst as f64;
                self.headroom = Some(self.headroom.map_or(ratio, |least| least.min(ratio)));
            }
        }
        self.circuit.constraints.push(Constraint::Lookup { table, columns });
        self.pins.push(pins);
    }

    /// Takes a range that follows from a relation which interval arithmetic does not see.
    pub(crate) fn narrow(&mut self, id: TensorId, lo: i64, hi: i64) {
        self.bounds[id.index()].narrow(Interval::new(lo.into(), hi.into()));
    }

    /// An error about a tensor that is not there yet, in the current node.
    pub(crate) fn error(&self, tensor: &str, reason: String) -> CircuitError {
        CircuitError::Tensor { tensor: tensor.to_owned(), node: self.node.clone(), reason }
    }

    /// Whether inputs are committed, so that their range must be proved.
    pub(crate) fn has_private_input(&self) -> bool {
        self.circuit.policy.input != Visibility::Public
    }

    fn param(&self, w: TensorId) -> usize {
        match self.circuit.tensor(w).op {
            Op::Weight { param } => param,
            _ => usize::MAX,
        }
    }

    fn weight_shape(&self, name: &str, w: TensorId) -> Result<[usize; 3], CircuitError> {
        match self.circuit.tensor(w).op {
            Op::Weight { param } => Ok(self.circuit.params[param].shape),
            _ => Err(self.error(name, format!("`{}` is not a weight", self.name(w)))),
        }
    }

    fn push(&mut self, name: &str, shape: Vec<usize>, op: Op, bounds: Bounds) -> Result<TensorId, CircuitError> {
        let hull = bounds.hull();
        let safe = Interval::new(1 - i128::from(SAFE_RANGE), i128::from(SAFE_RANGE) - 1);
        if !safe.contains(hull) || hull.lo > hull.hi {
            return Err(self.error(name, format!("values {}..={} can leave the field's safe range |v| < 2^62", hull.lo, hull.hi)));
        }
        super::check::extents(&shape).map_err(|reason| self.error(name, reason))?;
        let mut unique = name.to_owned();
        let mut copy = 1;
        while !self.names.insert(unique.clone()) {
            copy += 1;
            unique = format!("{name}#{copy}");
        }
        let id = u32::try_from(self.circuit.tensors.len())
            .map_err(|_| self.error(name, "more than 2^32 tensors".to_owned()))?;
        self.circuit.tensors.push(Tensor {
            name: unique,
            shape,
            op,
            min: clamp(hull.lo),
            max: clamp(hull.hi),
            node: self.node.clone(),
        });
        self.bounds.push(bounds);
        Ok(TensorId(id))
    }
}

/// Least and greatest value of `num_planes` balanced bytes.
#[must_use]
pub fn plane_range(num_planes: usize) -> (i64, i64) {
    (0..num_planes).fold((0, 0), |(lo, hi), plane| (lo - (128 << (8 * plane)), hi + (127 << (8 * plane))))
}

fn clamp(v: i128) -> i64 {
    i64::try_from(v).unwrap_or(if v < 0 { i64::MIN } else { i64::MAX })
}
