//! What only the prover does: counting, filling in the leaves, and the evaluations at the end.

use rayon::prelude::*;
use veritorch_sumcheck::Ext;
use veritorch_sumcheck::field::int;

use crate::argument::{Challenges, LookupArgument};
use crate::column::Column;
use crate::error::LookupError;
use crate::layout::Content;
use crate::leaves::{LookupLeaves, table_leaves};
use crate::table::TableSpec;
use crate::tree::{Layer, Left};

/// Entries that one task counts.
const GRAIN: usize = 1 << 18;

impl LookupArgument {
    /// How often each row of each table is looked up; a table that no lookup uses has no counts.
    ///
    /// # Errors
    /// If a value is outside its table, or columns or entries do not fit the statement.
    pub fn multiplicities(&self, columns: &[Vec<Column<'_>>], entries: &[Column<'_>]) -> Result<Vec<Vec<u32>>, LookupError> {
        self.check_columns(columns)?;
        self.check_entries(entries)?;
        let mut counts: Vec<Vec<u32>> = vec![Vec::new(); self.tables.len()];
        for table in self.used_tables() {
            let tasks: Vec<(usize, usize)> = self
                .lookups
                .iter()
                .enumerate()
                .filter(|(_, lookup)| lookup.table == table)
                .flat_map(|(position, _)| (0..columns[position][0].len()).step_by(GRAIN).map(move |first| (position, first)))
                .collect();
            let rows = self.tables[table].num_rows();
            let entries = self.entries_of(table, entries);
            // A few vectors of counts, each for a run of tasks.
            let runs = tasks.par_chunks(tasks.len().div_ceil(rayon::current_num_threads()));
            let partial: Vec<Vec<u32>> = runs
                .map(|tasks| {
                    let mut counts = vec![0u32; rows];
                    for &(position, first) in tasks {
                        let columns = &columns[position];
                        let last = columns[0].len().min(first + GRAIN);
                        if let Err(entry) = count(&self.tables[table], entries, columns, first..last, &mut counts) {
                            let values = columns.iter().map(|column| column.get(entry)).collect();
                            return Err(LookupError::OutsideTable { lookup: position, entry, values, table });
                        }
                    }
                    Ok(counts)
                })
                .collect::<Result<_, _>>()?;
            let mut total = vec![0u32; rows];
            for partial in &partial {
                for (row, (total, &count)) in total.iter_mut().zip(partial).enumerate() {
                    *total = total.checked_add(count).ok_or_else(|| LookupError::Statement {
                        reason: format!("row {row} of table {table} is looked up more than 2^32 times"),
                    })?;
                }
            }
            counts[table] = total;
        }
        Ok(counts)
    }

    /// The leaves: lookups of at least two entries by themselves, all others as fractions.
    pub(crate) fn leaves<E: Ext>(
        &self,
        challenges: &Challenges<E>,
        columns: &[Vec<Column<'_>>],
        entries: &[Column<'_>],
        multiplicities: &[Vec<u32>],
    ) -> (Layer<E>, Vec<LookupLeaves<E>>) {
        let mut layer = Layer { pieces: Vec::new(), singles: Vec::new() };
        let mut lookups = Vec::new();
        for (slot, block) in self.layout.blocks.iter().enumerate() {
            match block.content {
                Content::Lookup(position) => {
                    let lookup = &self.lookups[position];
                    let (base, columns) = (challenges.base(lookup.table), &columns[position]);
                    if block.log_len == 0 {
                        let tuple: E = columns.iter().zip([E::ONE, challenges.beta]).map(|(column, power)| power * int(column.get(0))).sum();
                        layer.singles.push((block.start, [E::ONE, base + tuple]));
                    } else {
                        lookups.push(LookupLeaves::new(slot, block.start, &lookup.shape, base, challenges.beta, columns));
                    }
                }
                Content::Table(position) => {
                    let (table, counts) = (&self.tables[position], &multiplicities[position]);
                    let factors = (challenges.base(position), challenges.beta);
                    match table_leaves((slot, block.start), factors, table, self.entries_of(position, entries), counts) {
                        Left::Piece(piece) => layer.pieces.push(piece),
                        Left::Single(index, leaf) => layer.singles.push((index, leaf)),
                    }
                }
            }
        }
        (layer, lookups)
    }

    /// The columns, multiplicities and entries of tensors' tables at the tails of the point. Most follow from what the tree ended in: numerators and
    /// denominators of each block at its own coordinates.
    pub(crate) fn evaluations<E: Ext>(
        &self,
        challenges: &Challenges<E>,
        columns: &[Vec<Column<'_>>],
        entries: &[Column<'_>],
        multiplicities: &[Vec<u32>],
        lookups: &[LookupLeaves<E>],
        (point, ends): (&[E], &[(usize, [E; 2])]),
    ) -> Evaluations<E> {
        let second: Vec<(usize, E)> =
            lookups.par_iter().filter_map(|lookup| Some((lookup.slot, lookup.second_column_at(point)?))).collect();
        let find = |slot: usize| ends.iter().find(|(own, _)| *own == slot).map(|(_, values)| *values);
        let mut column_values = vec![Vec::new(); self.lookups.len()];
        let (mut multiplicity_values, mut entry_values) = (Vec::new(), Vec::new());
        let inverse = challenges.beta.try_inverse().unwrap_or(E::ZERO);
        for (slot, block) in self.layout.blocks.iter().enumerate() {
            match (block.content, find(slot)) {
                (Content::Lookup(position), Some([num, den])) => {
                    let tuple = den - challenges.base(self.lookups[position].table) * num - (E::ONE - num);
                    let second = second.iter().find(|(own, _)| *own == slot).map(|(_, value)| *value);
                    column_values[position] = match second {
                        Some(second) => vec![tuple - challenges.beta * second, second],
                        None => vec![tuple],
                    };
                }
                (Content::Lookup(position), None) => {
                    column_values[position] = columns[position].iter().map(|column| E::from_int(column.get(0))).collect();
                }
                (Content::Table(position), end) => {
                    let count = end.map_or_else(|| E::from_int(i64::from(multiplicities[position][0])), |[num, _]| -num);
                    multiplicity_values.push((position, count));
                    if let Some(entries) = self.entries_of(position, entries) {
                        let rest = |den: E| den - challenges.base(position) - self.tables[position].keys_at(block.split(point).1);
                        entry_values.push((position, end.map_or_else(|| E::from_int(entries.get(0)), |[_, den]| rest(den) * inverse)));
                    }
                }
            }
        }
        let sorted = |mut values: Vec<(usize, E)>| {
            values.sort_by_key(|&(position, _)| position);
            values.into_iter().map(|(_, value)| value).collect()
        };
        Evaluations {
            columns: column_values.into_iter().flatten().collect(),
            multiplicities: sorted(multiplicity_values),
            entries: sorted(entry_values),
        }
    }
}

/// What the argument ends in.
pub(crate) struct Evaluations<E> {
    pub(crate) columns: Vec<E>,
    pub(crate) multiplicities: Vec<E>,
    pub(crate) entries: Vec<E>,
}

/// Counts a run of entries of one lookup; the first entry outside the table is the error.
fn count(
    table: &TableSpec,
    of: Option<&Column<'_>>,
    columns: &[Column<'_>],
    entries: std::ops::Range<usize>,
    counts: &mut [u32],
) -> Result<(), usize> {
    fn keys<I: Copy + Into<i64>>(values: &[I], first: usize, min: i64, rows: &mut [i64]) {
        for (row, &value) in rows.iter_mut().zip(&values[first..]) {
            *row = value.into().wrapping_sub(min);
        }
    }
    fn load(column: &Column<'_>, first: usize, min: i64, rows: &mut [i64]) {
        match column {
            Column::I8(values) => keys(values, first, min, rows),
            Column::I16(values) => keys(values, first, min, rows),
            Column::I32(values) => keys(values, first, min, rows),
            Column::I64(values) => keys(values, first, min, rows),
        }
    }
    let (mut rows, mut second) = ([0i64; 1024], [0i64; 1024]);
    for first in entries.clone().step_by(rows.len()) {
        let len = rows.len().min(entries.end - first);
        load(&columns[0], first, table.min(), &mut rows[..len]);
        if let Some(column) = columns.get(1) {
            load(column, first, 0, &mut second[..len]);
        }
        for (index, (&row, &value)) in rows.iter().zip(&second).take(len).enumerate() {
            // A key below the least one wraps to a large index.
            let row = row as u64 as usize;
            let count = counts.get_mut(row).ok_or(first + index)?;
            if columns.len() == 2 && table.value(of, row) != value {
                return Err(first + index);
            }
            *count = count.checked_add(1).ok_or(first + index)?;
        }
    }
    Ok(())
}
