//! The circuit's lookup constraints as one lookup argument.

use veritorch_execute::{TensorData, TensorView};
use veritorch_graph::circuit::{Circuit, Constraint, Table, TensorId};
use veritorch_lookup::{Column, LookupArgument, LookupError, LookupSpec, TableSpec};

/// The argument with the tensors behind its columns.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    pub(crate) argument: LookupArgument,
    /// Columns of each lookup, in order.
    pub(crate) columns: Vec<Vec<TensorId>>,
}

impl Lookups {
    /// Of an instantiated circuit.
    pub(crate) fn new(circuit: &Circuit) -> Result<Self, LookupError> {
        let mut specs = Vec::new();
        let mut columns = Vec::new();
        for constraint in &circuit.constraints {
            if let Constraint::Lookup { table, columns: own } = constraint {
                let shape = own.first().map(|&id| circuit.tensor(id).shape.clone()).unwrap_or_default();
                specs.push(LookupSpec { table: table.index(), shape });
                columns.push(own.clone());
            }
        }
        let tables = circuit
            .tables
            .iter()
            .map(|table| match table {
                Table::Range { min, log_len } => TableSpec::Range { min: *min, log_len: *log_len as usize },
                Table::Function { min, values, .. } => TableSpec::Function { min: *min, values: values.clone() },
            })
            .collect();
        Ok(Self { argument: LookupArgument::new(specs, tables)?, columns })
    }

    /// The columns' values.
    pub(crate) fn values<'a>(&self, tensors: &'a [TensorData]) -> Vec<Vec<Column<'a>>> {
        self.columns.iter().map(|own| own.iter().map(|id| column(&tensors[id.index()])).collect()).collect()
    }
}

fn column(data: &TensorData) -> Column<'_> {
    match data.view() {
        TensorView::I16(values) => Column::I16(values),
        TensorView::I32(values) => Column::I32(values),
        TensorView::I64(values) => Column::I64(values),
    }
}
