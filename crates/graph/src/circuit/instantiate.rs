//! Puts a batch axis in front of every tensor that is not a weight.
//!
//! Tables of activations then hold the entries of all samples one after the other: what a sample reads there is looked up at
//! `sample * entries + index`, a public function of the index, which stands behind all other tensors.

use super::{AxisFactor, AxisLink, AxisMap, Circuit, Constraint, Op, SeparableMap, Table, Tensor, TensorId, Term};

impl Circuit {
    /// The circuit for `batch` samples in one proof: axis 0 of every input, activation and output is the sample.
    ///
    /// # Panics
    /// If `batch` is 0 or the circuit has a batch axis already.
    #[must_use]
    pub fn instantiate(&self, batch: usize) -> Self {
        assert!(batch > 0 && self.batch == 0, "a circuit is instantiated once, for at least one sample");
        let is_weight = |index: usize| matches!(self.tensors[index].op, Op::Weight { .. });
        let mut circuit = self.clone();
        circuit.batch = batch;
        for tensor in &mut circuit.tensors {
            if matches!(tensor.op, Op::Weight { .. }) {
                continue;
            }
            tensor.shape.insert(0, batch);
            if let Op::Linear { terms, constant } = &mut tensor.op {
                for term in terms {
                    *term = with_batch_axis(term, is_weight(term.x.index()));
                }
                for (_, factors) in constant {
                    factors.insert(0, AxisFactor::Ones);
                }
            }
        }
        for table in &mut circuit.tables {
            if let Table::Tensor { tensor, log_len } = table
                && !is_weight(tensor.index())
            {
                *log_len += batch.next_power_of_two().ilog2();
            }
        }
        let Self { tables, constraints, tensors, .. } = &mut circuit;
        for constraint in constraints {
            let Constraint::Lookup { table, columns } = constraint else { continue };
            if let Some(data) = tables[table.index()].tensor().filter(|data| !is_weight(data.index())) {
                let rows = self.tensor(data).len();
                let number = TensorId(u32::try_from(tensors.len()).unwrap_or(u32::MAX));
                tensors.push(row_number(&tensors[columns[0].index()], columns[0], rows));
                columns[0] = number;
            }
        }
        circuit
    }
}

/// `sample * rows + index`.
fn row_number(index: &Tensor, id: TensorId, rows: usize) -> Tensor {
    let (batch, rows) = (index.shape[0] as i64, rows as i64);
    let rank = index.shape.len();
    let mut factors = vec![AxisFactor::Ones; rank];
    factors[0] = AxisFactor::Values((0..batch).collect());
    Tensor {
        name: format!("{}:row", index.name),
        shape: index.shape.clone(),
        op: Op::Linear { terms: vec![Term::identity(id, 1, rank)], constant: vec![(rows, factors)] },
        min: index.min,
        max: index.max + rows * (batch - 1),
        node: index.node.clone(),
    }
}

fn with_batch_axis(term: &Term, is_weight: bool) -> Term {
    let shift = usize::from(!is_weight);
    let first = if is_weight {
        AxisLink::Broadcast { output: 0 }
    } else {
        AxisLink::Map { input: 0, output: 0, map: AxisMap::Identity }
    };
    let rest = term.map.links.iter().map(|link| match link.clone() {
        AxisLink::Map { input, output, map } => AxisLink::Map { input: input + shift, output: output + 1, map },
        AxisLink::Broadcast { output } => AxisLink::Broadcast { output: output + 1 },
        AxisLink::Sum { input } => AxisLink::Sum { input: input + shift },
    });
    Term {
        x: term.x,
        coefficient: term.coefficient,
        map: SeparableMap { links: std::iter::once(first).chain(rest).collect() },
    }
}
