//! Removes tensors, constraints, tables and weights that no output needs.
//!
//! A constraint stays exactly when it helps to pin a tensor that stays: dropping any other would leave a live hint free.

use super::{Circuit, Constraint, Op, Table, TableId, TensorId};

/// `pins[k]` names the tensors that constraint `k` helps to pin.
pub(crate) fn prune(circuit: Circuit, pins: &[Vec<TensorId>]) -> Circuit {
    let (live, kept) = live_set(&circuit, pins);
    let mut new_ids = vec![TensorId(u32::MAX); circuit.tensors.len()];
    for (count, (id, _)) in new_ids.iter_mut().zip(&live).filter(|(_, live)| **live).enumerate() {
        *id = TensorId(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let new_id = |id: TensorId| new_ids[id.index()];

    let mut constraints = Vec::new();
    let mut table_used = vec![false; circuit.tables.len()];
    let mut param_used = vec![false; circuit.params.len()];
    for (constraint, _) in circuit.constraints.into_iter().zip(kept).filter(|(_, kept)| *kept) {
        constraints.push(match constraint {
            Constraint::Lookup { table, columns } => {
                table_used[table.index()] = true;
                Constraint::Lookup { table, columns: columns.into_iter().map(new_id).collect() }
            }
            Constraint::Zero { tensor } => Constraint::Zero { tensor: new_id(tensor) },
        });
    }
    let mut tensors: Vec<_> =
        circuit.tensors.into_iter().zip(&live).filter(|(_, live)| **live).map(|(tensor, _)| tensor).collect();
    for tensor in &mut tensors {
        tensor.op.rename(new_id);
        match tensor.op {
            Op::Weight { param } => param_used[param] = true,
            Op::Lookup { table, .. } | Op::Noise { table, .. } => table_used[table.index()] = true,
            _ => {}
        }
    }
    let (table_ids, param_ids) = (ranks(&table_used), ranks(&param_used));
    let new_table = |table: TableId| TableId(u32::try_from(table_ids[table.index()]).unwrap_or(u32::MAX));
    for tensor in &mut tensors {
        match &mut tensor.op {
            Op::Weight { param } => *param = param_ids[*param],
            Op::Lookup { table, .. } | Op::Noise { table, .. } => *table = new_table(*table),
            _ => {}
        }
    }
    let mut tables: Vec<_> =
        circuit.tables.into_iter().zip(&table_used).filter(|(_, used)| **used).map(|(table, _)| table).collect();
    for table in &mut tables {
        if let Table::Tensor { tensor, .. } = table {
            *tensor = new_id(*tensor);
        }
    }
    for constraint in &mut constraints {
        if let Constraint::Lookup { table, .. } = constraint {
            *table = new_table(*table);
        }
    }
    let keep = |used: &[bool], index: usize| used[index];
    let mut inputs = circuit.inputs;
    let mut outputs = circuit.outputs;
    for port in inputs.iter_mut().chain(&mut outputs) {
        port.tensor = new_id(port.tensor);
    }
    Circuit {
        tensors,
        constraints,
        inputs,
        outputs,
        tables,
        params: circuit.params.into_iter().enumerate().filter(|(i, _)| keep(&param_used, *i)).map(|(_, p)| p).collect(),
        ..circuit
    }
}

fn live_set(circuit: &Circuit, pins: &[Vec<TensorId>]) -> (Vec<bool>, Vec<bool>) {
    let mut live = vec![false; circuit.tensors.len()];
    let mut kept = vec![false; circuit.constraints.len()];
    for port in circuit.inputs.iter().chain(&circuit.outputs) {
        live[port.tensor.index()] = true;
    }
    loop {
        let mut changed = false;
        for index in (0..live.len()).rev() {
            if !live[index] {
                continue;
            }
            for operand in circuit.tensors[index].op.operands() {
                changed |= !std::mem::replace(&mut live[operand.index()], true);
            }
        }
        for (k, constraint) in circuit.constraints.iter().enumerate() {
            if kept[k] || !pins[k].iter().any(|id| live[id.index()]) {
                continue;
            }
            kept[k] = true;
            changed = true;
            let (columns, of) = match constraint {
                Constraint::Lookup { table, columns } => (columns.as_slice(), circuit.tables[table.index()].tensor()),
                Constraint::Zero { tensor } => (std::slice::from_ref(tensor), None),
            };
            for column in columns.iter().copied().chain(of) {
                live[column.index()] = true;
            }
        }
        if !changed {
            return (live, kept);
        }
    }
}

fn ranks(used: &[bool]) -> Vec<usize> {
    let mut next = 0;
    used.iter()
        .map(|&used| {
            next += usize::from(used);
            next - usize::from(used)
        })
        .collect()
}

impl Op {
    /// Replaces every operand.
    pub(crate) fn rename(&mut self, new_id: impl Fn(TensorId) -> TensorId) {
        match self {
            Self::Input { .. } | Self::Weight { .. } => {}
            Self::Linear { terms, .. } => terms.iter_mut().for_each(|term| term.x = new_id(term.x)),
            Self::Conv { x, w, .. } | Self::Dense { x, w } => (*x, *w) = (new_id(*x), new_id(*w)),
            Self::MatMul { a, b } | Self::Mul { a, b } | Self::Divide { a, b } => (*a, *b) = (new_id(*a), new_id(*b)),
            Self::Gather { index, data } => (*index, *data) = (new_id(*index), new_id(*data)),
            Self::Noise { seed, .. } => *seed = new_id(*seed),
            Self::Reshape { x }
            | Self::FloorShift { x, .. }
            | Self::Lookup { x, .. }
            | Self::Reciprocal { x, .. }
            | Self::SquareRoot { x }
            | Self::Largest { x, .. } => *x = new_id(*x),
        }
    }
}
