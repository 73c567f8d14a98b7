//! The circuit's lookup constraints as one lookup argument.

use veritorch_execute::{TensorData, TensorView};
use veritorch_graph::circuit::{Circuit, Constraint, Op, Table, TensorId};
use veritorch_lookup::{Column, LookupArgument, LookupError, LookupSpec, TableSpec};
use veritorch_sumcheck::{Ext, Factor, Form};

use crate::claim::{Operand, ParamForm};

/// The argument with the tensors behind its columns.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    pub(crate) argument: LookupArgument,
    /// Columns of each lookup, in order.
    pub(crate) columns: Vec<Vec<TensorId>>,
    /// Tensors whose entries are the values of tables in use, in the order of the tables.
    pub(crate) entries: Vec<TensorId>,
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
                Table::Tensor { tensor, .. } => TableSpec::Tensor { shape: circuit.tensor(*tensor).shape.clone() },
            })
            .collect();
        let argument = LookupArgument::new(specs, tables)?;
        let entries = argument.tensor_tables().into_iter().filter_map(|table| circuit.tables.get(table)?.tensor()).collect();
        Ok(Self { argument, columns, entries })
    }

    /// The entries of tables' tensors.
    pub(crate) fn entries<'a>(&self, tensors: &'a [TensorData]) -> Vec<Column<'a>> {
        self.entries.iter().map(|id| column(&tensors[id.index()])).collect()
    }

    /// What is claimed where the argument ends in a form on the tensor of the table at this position.
    ///
    /// # Errors
    /// If there is no such tensor: a claim that nobody takes up would leave the table free.
    pub(crate) fn entry<E: Ext>(&self, circuit: &Circuit, table: usize, form: Form<E>) -> Result<Operand<E>, LookupError> {
        let misfit = || LookupError::Statement { reason: format!("table {table} holds no tensor's entries") };
        let tensor = circuit.tables.get(table).and_then(Table::tensor).ok_or_else(misfit)?;
        let own = circuit.tensor(tensor);
        let Op::Weight { param } = own.op else { return Ok(Operand::Tensor(tensor, form)) };
        match (form.factors.as_slice(), own.shape.first()) {
            ([(1, kernel), (1, Factor::Eq(output)), (1, column)], Some(&taps)) => {
                Ok(Operand::Param(ParamForm { param, kernel: kernel.vector(taps), output: output.clone(), column: column.clone() }))
            }
            _ => Err(misfit()),
        }
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
