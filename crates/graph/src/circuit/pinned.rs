//! Checks that every hint has at most one admissible value for every *field* value of its operand.
//!
//! Committed weights may be hostile, so operands may be any element of F (p = 2^64 - 2^32 + 1). Five patterns are known:
//!
//! * `q = FloorShift(t, s)`: the virtual tensor `t - 2^s q` is looked up in `Range {0, s}` and q takes one of n
//!   consecutive values with `n * 2^s <= p`; then `(q, rem) -> 2^s q + rem` is injective modulo p.
//!   q's values are bounded by a lookup of q itself, or because q is in turn split by a pinned `FloorShift`.
//! * `y = Lookup(x, T)`: `(x, y)` is looked up in T, whose keys differ.
//! * `R = Reciprocal(S, k)`: `t = 2^k - R S` and `S - 1 - t` are both range-checked, so that `0 <= t < S`, and R and S are
//!   bounded so that `R S + t < p`; then `R S + t = 2^k` holds over the integers and R is `floor(2^k / S)`.
//! * `s = SquareRoot(x)`: `t = x - s^2` and `2 s - t` are both range-checked, so that `0 <= t <= 2 s`, and `(s + 1)^2 <= p`:
//!   then x, as an integer below p, is `s^2 + t` and s is `floor(sqrt(x))`, whatever x is.
//! * `y = Gather(i, T)`: `(i, y)` is looked up in the table of T's entries, whose keys differ; where T is an activation, i is bounded to
//!   the entries of one sample, so that it reads no other.
//! * `t = Largest(x, k)` of lines of n entries: `d = x - t` is looked up with `e` in a table whose values are `-2^m` for keys below 0, 0 for the
//!   key 0 and 1 above it; `S = sum e` per line, so that `S = above - 2^m below` for the numbers of entries above and below t. For some q,
//!   range-checked from `k - n` on, `w = k - 1 - S + 2^m q` is range-checked to `[0, 2^m - n)`: then `k - 1 - w - above` is a multiple of `2^m`
//!   smaller than `2^m`, hence 0, so `below = -q <= n - k` and `above <= k - 1`. Two numbers t < t' cannot both be so: every entry that is
//!   not below t' is above t, so at least k of them are.
//! * `q = Divide(a, b)`: `t = a - q b` and `b - 1 - t` are both range-checked, so that `0 <= t < b`, and q takes n values with
//!   `n b + t < p`: two quotients would differ by `(q - q') b = t' - t`, over the integers.

use super::{
    AxisFactor, AxisLink, AxisMap, Circuit, CircuitError, Constraint, Op, SeparableMap, Table, TableId, TensorId, Term, Visibility,
};

const P: i128 = 0xffff_ffff_0000_0001;

/// What lookups say about tensors, whatever the weights are.
struct Sound<'a> {
    circuit: &'a Circuit,
    /// Per tensor: values admitted by the constraints, as integers.
    bounds: Vec<Option<(i128, i128)>>,
    /// Per tensor: tables in which it stands alone.
    ranges: Vec<Vec<TableId>>,
    /// `(table, key, value)` of two-column lookups, sorted.
    pairs: Vec<(TableId, TensorId, TensorId)>,
    /// Per tensor: tensors that are a function of it, where it is their first or second operand.
    users: Vec<Vec<TensorId>>,
    /// Per table: `2^m` of the step that [`Op::Largest`] is counted by.
    heights: Vec<Option<i64>>,
}

/// Every rule about hints and private inputs; indices and shapes are checked already.
pub(crate) fn check_hints(circuit: &Circuit) -> Result<(), CircuitError> {
    let sound = Sound::new(circuit);
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        let id = tensor_id(index);
        let pinned = match tensor.op {
            Op::FloorShift { x, shift } => sound.floor_shift(id, x, shift),
            Op::Lookup { x, table } => match sound.pairs.binary_search(&(table, x, id)) {
                Ok(_) => Ok(()),
                Err(_) => Err("no lookup ties it to its operand".to_owned()),
            },
            Op::Reciprocal { x, log_numerator } => sound.reciprocal(id, x, log_numerator),
            Op::SquareRoot { x } => sound.square_root(id, x),
            Op::Divide { a, b } => sound.divide(id, a, b),
            Op::Gather { index, data } => sound.gather(id, index, data),
            Op::Largest { x, rank } => sound.largest(id, x, rank),
            Op::Input { .. } if circuit.policy.input != Visibility::Public => match sound.bound(id) {
                Some((lo, hi)) if i128::from(tensor.min) <= lo && hi <= i128::from(tensor.max) => Ok(()),
                _ => Err(format!("private input is not range-checked to {}..={}", tensor.min, tensor.max)),
            },
            _ => Ok(()),
        };
        pinned.map_err(|reason| CircuitError::Tensor {
            tensor: tensor.name.clone(),
            node: tensor.node.clone(),
            reason,
        })?;
    }
    Ok(())
}

impl<'a> Sound<'a> {
    fn new(circuit: &'a Circuit) -> Self {
        let count = circuit.tensors.len();
        let mut sound = Self {
            circuit,
            bounds: vec![None; count],
            ranges: vec![Vec::new(); count],
            pairs: Vec::new(),
            users: vec![Vec::new(); count],
            heights: circuit.tables.iter().map(step_height).collect(),
        };
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            let mut operands = tensor.op.operands();
            operands.dedup();
            for operand in operands.into_iter().take(2) {
                sound.users[operand.index()].push(tensor_id(index));
            }
        }
        for constraint in &circuit.constraints {
            let Constraint::Lookup { table, columns } = constraint else { continue };
            let rows = &circuit.tables[table.index()];
            // A table of activations has the keys of all samples, one after the other: it bounds nothing.
            let is_bound = rows.tensor().is_none_or(|data| matches!(circuit.tensor(data).op, Op::Weight { .. }));
            if let ([key] | [key, _], true) = (columns.as_slice(), is_bound) {
                sound.learn(*key, (rows.min().into(), rows.max().into()));
            }
            match columns.as_slice() {
                [key] => sound.ranges[key.index()].push(*table),
                [key, value] => {
                    sound.pairs.push((*table, *key, *value));
                    if let Table::Function { values, .. } = rows {
                        let (lo, hi) = (values.iter().min().copied(), values.iter().max().copied());
                        sound.learn(*value, (lo.unwrap_or(0).into(), hi.unwrap_or(0).into()));
                    }
                }
                _ => {}
            }
        }
        sound.pairs.sort_unstable();
        // What a quotient's bounds say about its dividend: limbs come after what they split.
        for index in (0..count).rev() {
            if let Op::FloorShift { x, shift } = circuit.tensors[index].op
                && let Some((lo, hi)) = sound.bounds[index]
                && lo.unsigned_abs().max(hi.unsigned_abs()) < 1 << 64
                && sound.has_remainder(tensor_id(index), x, shift)
            {
                sound.learn(x, (lo << shift, ((hi + 1) << shift) - 1));
            }
        }
        for index in 0..count {
            if sound.bounds[index].is_none() {
                sound.bounds[index] = sound.derived(index);
            }
        }
        sound
    }

    fn bound(&self, id: TensorId) -> Option<(i128, i128)> {
        self.bounds[id.index()]
    }

    fn learn(&mut self, id: TensorId, (lo, hi): (i128, i128)) {
        let slot = &mut self.bounds[id.index()];
        *slot = Some(slot.map_or((lo, hi), |(a, b)| (a.max(lo), b.min(hi))));
    }

    /// Bounds of a virtual tensor from its operands', symmetric; `None` where a weight has a part in it.
    fn derived(&self, index: usize) -> Option<(i128, i128)> {
        let magnitude = |id: TensorId| self.bound(id).map(|(lo, hi)| lo.unsigned_abs().max(hi.unsigned_abs()));
        let tensor = &self.circuit.tensors[index];
        let size = match &tensor.op {
            Op::Linear { terms, constant } => {
                let mut total = 0u128;
                for term in terms {
                    let x = &self.circuit.tensors[term.x.index()];
                    let gain = term.map.links.iter().fold(1u128, |gain, link| gain.saturating_mul(gain_of(link, &x.shape)));
                    let summand = magnitude(term.x)?.saturating_mul(gain);
                    total = total.saturating_add(summand.saturating_mul(term.coefficient.unsigned_abs().into()));
                }
                for (value, factors) in constant {
                    let gain = factors.iter().fold(1u128, |gain, factor| gain.saturating_mul(factor_gain(factor)));
                    total = total.saturating_add(gain.saturating_mul(value.unsigned_abs().into()));
                }
                total
            }
            Op::Mul { a, b } => magnitude(*a)?.saturating_mul(magnitude(*b)?),
            Op::MatMul { a, b } => {
                let inner = self.circuit.tensors[a.index()].shape.last().copied().unwrap_or(1);
                magnitude(*a)?.saturating_mul(magnitude(*b)?).saturating_mul(inner as u128)
            }
            Op::Reshape { x } => return self.bound(*x),
            _ => return None,
        };
        let size = i128::try_from(size).ok().filter(|&size| size < 1 << 100)?;
        Some((-size, size))
    }

    /// Whether `x - 2^shift q` is looked up in `[0, 2^shift)`.
    fn has_remainder(&self, q: TensorId, x: TensorId, shift: u32) -> bool {
        self.users[q.index()].iter().any(|&user| {
            self.is_combination(user, &[(x, 1), (q, -(1 << shift))], 0)
                && self.ranges[user.index()].iter().any(|table| {
                    matches!(self.circuit.tables[table.index()], Table::Range { min: 0, log_len } if log_len == shift)
                })
        })
    }

    fn floor_shift(&self, q: TensorId, x: TensorId, shift: u32) -> Result<(), String> {
        if !self.has_remainder(q, x, shift) {
            return Err(format!("the remainder of `{}` is not looked up in [0, 2^{shift})", self.name(x)));
        }
        match self.bound(q) {
            Some((lo, hi)) if hi - lo < 1 << 64 && (hi - lo + 1) << shift <= P => Ok(()),
            Some((lo, hi)) => Err(format!("quotients {lo}..={hi} times 2^{shift} exceed the field")),
            None => Err("the quotient is not range-checked".to_owned()),
        }
    }

    fn users(&self, id: TensorId) -> impl Iterator<Item = TensorId> + '_ {
        self.users[id.index()].iter().copied()
    }

    /// Tensors `t = sum coefficient * operand + constant - a * b` that are bounded below by 0, with their upper bounds.
    fn rests<'b>(
        &'b self,
        (a, b): (TensorId, TensorId),
        rest: &'b [(TensorId, i64)],
        constant: i64,
    ) -> impl Iterator<Item = (TensorId, i128)> + 'b {
        let is_product = move |id: &TensorId| match self.circuit.tensor(*id).op {
            Op::Mul { a: left, b: right } => (left, right) == (a, b) || (left, right) == (b, a),
            _ => false,
        };
        self.users(a).filter(is_product).flat_map(move |product| {
            let expected: Vec<_> = rest.iter().copied().chain([(product, -1)]).collect();
            self.users(product)
                .filter(move |t| self.is_combination(*t, &expected, constant))
                .filter_map(|t| self.bound(t).filter(|&(lo, _)| lo >= 0).map(|(_, hi)| (t, hi)))
        })
    }

    /// Whether `0 <= t <= coefficient * s + constant` over the integers, for `0 <= t <= t_hi`.
    fn is_below(&self, (t, t_hi): (TensorId, i128), (s, coefficient): (TensorId, i64), constant: i64) -> bool {
        let size = self.size(s).and_then(|size| size.checked_mul(coefficient.into()));
        let Some(size) = size.and_then(|size| size.checked_add(t_hi)) else { return false };
        self.users(t)
            .filter(|&u| self.is_combination(u, &[(s, coefficient), (t, -1)], constant))
            .any(|u| self.bound(u).is_some_and(|(lo, hi)| lo >= 0 && hi + size + i128::from(constant).abs() < P))
    }

    /// Largest absolute value.
    fn size(&self, id: TensorId) -> Option<i128> {
        self.bound(id).map(|(lo, hi)| lo.abs().max(hi.abs()))
    }

    fn reciprocal(&self, r: TensorId, s: TensorId, log_numerator: u32) -> Result<(), String> {
        let complete = self.rests((r, s), &[], 1 << log_numerator).any(|(t, t_hi)| {
            let (Some(r), Some(s_size)) = (self.bound(r), self.size(s)) else { return false };
            let largest = r.1.checked_mul(s_size).and_then(|product| product.checked_add(t_hi));
            r.0 >= 0 && self.is_below((t, t_hi), (s, 1), -1) && largest.is_some_and(|largest| largest < P)
        });
        let what = || format!("quotient of 2^{log_numerator} by `{}`", self.name(s));
        if complete { Ok(()) } else { Err(format!("{} is not pinned from both sides", what())) }
    }

    fn square_root(&self, s: TensorId, x: TensorId) -> Result<(), String> {
        let complete = self.rests((s, s), &[(x, 1)], 0).any(|rest| {
            let Some((lo, hi)) = self.bound(s) else { return false };
            lo >= 0 && hi < 1 << 32 && (hi + 1) * (hi + 1) <= P && self.is_below(rest, (s, 2), 0)
        });
        let what = || format!("square root of `{}`", self.name(x));
        if complete { Ok(()) } else { Err(format!("{} is not pinned from both sides", what())) }
    }

    fn divide(&self, q: TensorId, a: TensorId, b: TensorId) -> Result<(), String> {
        let complete = self.rests((q, b), &[(a, 1)], 0).any(|(t, t_hi)| {
            let (Some((lo, hi)), Some(b_size)) = (self.bound(q), self.size(b)) else { return false };
            let spread = (hi - lo + 1).checked_mul(b_size).and_then(|spread| spread.checked_add(t_hi));
            self.is_below((t, t_hi), (b, 1), -1) && spread.is_some_and(|spread| spread < P)
        });
        let what = || format!("quotient of `{}` by `{}`", self.name(a), self.name(b));
        if complete { Ok(()) } else { Err(format!("{} is not pinned from both sides", what())) }
    }

    fn gather(&self, y: TensorId, index: TensorId, data: TensorId) -> Result<(), String> {
        let tensor = self.circuit.tensor(data);
        // With a batch axis, an activation is read at its sample's rows: a public function of the index.
        let numbers = |key: TensorId| {
            let Op::Linear { terms, .. } = &self.circuit.tensor(key).op else { return false };
            self.circuit.batch > 0 && matches!(terms.as_slice(), [term] if term.x == index && term.coefficient == 1 && term.map.is_identity())
        };
        let is_row = self.pairs.iter().any(|&(table, key, value)| {
            value == y && (key == index || numbers(key)) && self.circuit.tables[table.index()].tensor() == Some(data)
        });
        if !is_row {
            return Err(format!("no lookup ties it to `{}`", tensor.name));
        }
        match self.bound(index) {
            _ if matches!(tensor.op, Op::Weight { .. }) => Ok(()),
            Some((lo, hi)) if lo >= 0 && hi < (tensor.len() / self.circuit.batch.max(1)) as i128 => Ok(()),
            _ => Err(format!("`{}` is not range-checked to the entries of `{}`", self.name(index), tensor.name)),
        }
    }

    fn largest(&self, t: TensorId, x: TensorId, rank: usize) -> Result<(), String> {
        let shape = &self.circuit.tensor(x).shape;
        let extent = shape.last().copied().unwrap_or(1);
        let along = SeparableMap::across(shape.len(), &[shape.len().saturating_sub(1)]);
        let is_difference = |d: &TensorId| {
            let Op::Linear { terms, constant } = &self.circuit.tensor(*d).op else { return false };
            let is = |of: TensorId, coefficient: i64, fits: &dyn Fn(&SeparableMap) -> bool| {
                terms.iter().any(|term| term.x == of && term.coefficient == coefficient && fits(&term.map))
            };
            constant.is_empty() && terms.len() == 2 && is(x, 1, &SeparableMap::is_identity) && is(t, -1, &|map| *map == along)
        };
        let complete = self.users(t).filter(is_difference).any(|d| {
            let steps = self.users(d).filter_map(|e| match self.circuit.tensor(e).op {
                Op::Lookup { x, table } if x == d && self.pairs.binary_search(&(table, d, e)).is_ok() => {
                    Some((e, self.heights[table.index()]?))
                }
                _ => None,
            });
            steps.into_iter().any(|(e, height)| self.is_counted((e, height), &along, (extent, rank)))
        });
        let what = || format!("place {rank} of the lines of `{}`", self.name(x));
        if complete { Ok(()) } else { Err(format!("{} is not pinned from both sides", what())) }
    }

    /// Whether the sum of the steps along a line shows that at most `rank - 1` entries are above and at most `extent - rank` below.
    fn is_counted(&self, (e, height): (TensorId, i64), along: &SeparableMap, (extent, rank): (usize, usize)) -> bool {
        let (Ok(extent), Ok(rank)) = (i64::try_from(extent), i64::try_from(rank)) else { return false };
        let is_sum = |s: &TensorId| match &self.circuit.tensor(*s).op {
            Op::Linear { terms, constant } => {
                let term = Term { x: e, coefficient: 1, map: along.clone() };
                constant.is_empty() && *terms == [term]
            }
            _ => false,
        };
        self.users(e).filter(is_sum).any(|s| {
            self.users(s).any(|w| {
                let Op::Linear { terms, .. } = &self.circuit.tensor(w).op else { return false };
                let [first, second] = terms.as_slice() else { return false };
                let q = if first.x == s { second.x } else { first.x };
                let (Some((lo, hi)), Some(size)) = (self.bound(w), self.size(q)) else { return false };
                let is_small = |(least, _): (i128, i128)| {
                    least >= i128::from(rank - extent) && (size + i128::from(extent) + 1) * i128::from(height) < P / 4
                };
                self.is_combination(w, &[(s, -1), (q, height)], rank - 1)
                    && lo >= 0
                    && hi + i128::from(extent) < i128::from(height)
                    && size < 1 << 62
                    && self.bound(q).is_some_and(is_small)
            })
        })
    }

    /// Whether a tensor is exactly `sum coefficient * operand + constant`, entry by entry.
    fn is_combination(&self, id: TensorId, expected: &[(TensorId, i64)], constant: i64) -> bool {
        let Op::Linear { terms, constant: actual } = &self.circuit.tensor(id).op else { return false };
        let constant_fits = match actual.as_slice() {
            [] => constant == 0,
            [(value, factors)] => *value == constant && factors.iter().all(|factor| *factor == AxisFactor::Ones),
            _ => false,
        };
        constant_fits
            && terms.len() == expected.len()
            && expected.iter().all(|&(x, coefficient)| {
                terms.iter().any(|term| term.x == x && term.coefficient == coefficient && term.map.is_identity())
            })
    }

    fn name(&self, id: TensorId) -> &str {
        &self.circuit.tensor(id).name
    }
}

/// `2^m`, if the table's values are `-2^m` for keys below 0, 0 for the key 0, and 1 above it.
fn step_height(table: &Table) -> Option<i64> {
    let Table::Function { min, values, .. } = table else { return None };
    let height = values.first().filter(|_| *min < 0).map(|&value| -i64::from(value)).filter(|height| height.count_ones() == 1)?;
    let fits = (*min..).zip(values).all(|(key, &value)| {
        i64::from(value)
            == match key {
                i64::MIN..0 => -height,
                0 => 0,
                _ => 1,
            }
    });
    (fits && height > 0).then_some(height)
}

fn tensor_id(index: usize) -> TensorId {
    TensorId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Largest sum of absolute entries in a row.
fn gain_of(link: &AxisLink, input: &[usize]) -> u128 {
    match link {
        AxisLink::Map { map: AxisMap::Diagonal(factors), .. } => {
            factors.iter().map(|factor| u128::from(factor.unsigned_abs())).max().unwrap_or(0)
        }
        AxisLink::Map { map: AxisMap::Window { kernel, .. }, .. } => *kernel as u128,
        AxisLink::Sum { input: axis } => input.get(*axis).map_or(1, |&extent| extent as u128),
        _ => 1,
    }
}

fn factor_gain(factor: &AxisFactor) -> u128 {
    match factor {
        AxisFactor::Values(values) => values.iter().map(|value| u128::from(value.unsigned_abs())).max().unwrap_or(0),
        _ => 1,
    }
}
