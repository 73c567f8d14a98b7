//! The argument: every tuple that a proof looks up is a row of its table.
//!
//! With `t = alpha + gamma k + key + beta value` for a tuple of table `k`,
//!
//! `sum_{real entries} 1 / t  -  sum_{rows} m(row) / t(row)  =  0`
//!
//! as rational functions in `alpha, beta, gamma` exactly if every tuple is a row and `m` counts it: distinct tuples give
//! distinct poles, and a count of real entries below `2^40` does not vanish in the field. The multiplicities `m` are
//! committed before the three challenges are drawn. Padded entries and filler are `0 / 1`, by public numerators: no table needs
//! a row for padding, and a real entry cannot be declared padding. [Haböck 2022; Papini and Haböck 2023]
//!
//! # Transcript
//! Challenges `alpha, beta, gamma`; the tree (`gkr.rs`); the evaluations of all columns, then of all multiplicities, then, where tables hold
//! the entries of tensors, of those.
//! The caller absorbs the statement (lookups and tables) and the roots of columns, multiplicities and tensors beforehand.

use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::log_padded;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Form, ProverTranscript, Value, VerifierTranscript};

use crate::column::Column;
use crate::error::LookupError;
use crate::gkr::{self, LeafClaim};
use crate::layout::{Block, Content, Layout, indicator};
use crate::table::TableSpec;

const CHALLENGES: &str = "lookup challenges";
const COLUMNS: &str = "lookup columns";
const MULTIPLICITIES: &str = "lookup multiplicities";
const ENTRIES: &str = "lookup entries";

/// Real entries that one argument may look up: multiplicities stay far below the characteristic.
pub const MAX_ENTRIES: usize = 1 << 40;

/// For every entry, `(column 0, .., column width - 1)` is a row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupSpec {
    /// Position of the table; the number of columns is its width.
    pub table: usize,
    /// Real extents of the columns, batch included; all columns of a lookup have one shape.
    pub shape: Vec<usize>,
}

/// A claim on one column of one lookup, on one multiplicity vector, or on the tensor of one table: `sum_i form(i) T(i) = value` over the real entries.
#[derive(Clone, Debug)]
pub struct ColumnClaim<E, V> {
    /// Position of the lookup, or of the table for a multiplicity vector or a tensor.
    pub source: usize,
    /// Column of the lookup, else 0.
    pub column: usize,
    /// The form; one `eq` factor per axis.
    pub form: Form<E>,
    /// Its value.
    pub value: V,
}

/// What the argument leaves to be shown.
#[derive(Clone, Debug)]
#[must_use = "the lookup argument is complete only when these claims are proved"]
pub struct Outcome<E, V> {
    /// One claim for each column of each lookup, in order.
    pub columns: Vec<ColumnClaim<E, V>>,
    /// One claim for each table in use, in order; the vector's shape is `[rows]`.
    pub multiplicities: Vec<ColumnClaim<E, V>>,
    /// One claim for each table in use that holds a tensor's entries, in order; the form is one of the tensor.
    pub entries: Vec<ColumnClaim<E, V>>,
    /// The point of the leaf cube that all forms are tails of.
    pub point: Vec<E>,
}

/// The statement: derived from the circuit by both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupArgument {
    pub(crate) lookups: Vec<LookupSpec>,
    pub(crate) tables: Vec<TableSpec>,
    pub(crate) layout: Layout,
}

/// `alpha, beta, gamma`.
pub(crate) struct Challenges<E> {
    alpha: E,
    pub(crate) beta: E,
    gamma: E,
}

impl<E: Ext> Challenges<E> {
    fn draw(transcript: &mut impl Transcript) -> Self {
        Self {
            alpha: transcript.challenge(CHALLENGES),
            beta: transcript.challenge(CHALLENGES),
            gamma: transcript.challenge(CHALLENGES),
        }
    }

    /// The part of a denominator that all tuples of a table share.
    pub(crate) fn base(&self, table: usize) -> E {
        self.alpha + self.gamma * E::from_int(table as i64)
    }
}

impl LookupArgument {
    /// Checks the statement and lays out the leaves.
    ///
    /// # Errors
    /// If a table is not a power of two long, a lookup names no table or has an empty axis, or there are more than
    /// [`MAX_ENTRIES`] entries.
    pub fn new(lookups: Vec<LookupSpec>, tables: Vec<TableSpec>) -> Result<Self, LookupError> {
        for (position, table) in tables.iter().enumerate() {
            table.check(position)?;
        }
        let mut contents = Vec::with_capacity(lookups.len() + tables.len());
        let mut used = vec![false; tables.len()];
        let mut entries = 0usize;
        for (position, lookup) in lookups.iter().enumerate() {
            let error = |reason: String| LookupError::Statement { reason: format!("lookup {position}: {reason}") };
            *used.get_mut(lookup.table).ok_or_else(|| error(format!("no table {}", lookup.table)))? = true;
            if lookup.shape.contains(&0) {
                return Err(error(format!("shape {:?} has an empty axis", lookup.shape)));
            }
            let len = lookup.shape.iter().try_fold(1usize, |len, &axis| len.checked_mul(axis.checked_next_power_of_two()?));
            let len = len.filter(|&len| len <= MAX_ENTRIES).ok_or_else(|| error(format!("shape {:?} is too large", lookup.shape)))?;
            entries += len;
            if entries > MAX_ENTRIES {
                return Err(error(format!("more than {MAX_ENTRIES} entries in all")));
            }
            contents.push((Content::Lookup(position), padded_vars(&lookup.shape)));
        }
        for (position, table) in tables.iter().enumerate().filter(|&(position, _)| used[position]) {
            contents.push((Content::Table(position), table.log_len()));
        }
        Ok(Self { lookups, tables, layout: Layout::new(contents) })
    }

    /// The lookups.
    #[must_use]
    pub fn lookups(&self) -> &[LookupSpec] {
        &self.lookups
    }

    /// The tables.
    #[must_use]
    pub fn tables(&self) -> &[TableSpec] {
        &self.tables
    }

    /// The stack of leaves.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Positions of the tables that some lookup uses, in order: those with a multiplicity vector.
    #[must_use]
    pub fn used_tables(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self.lookups.iter().map(|lookup| lookup.table).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Positions of the tables in use whose values are entries of tensors, in order.
    #[must_use]
    pub fn tensor_tables(&self) -> Vec<usize> {
        self.used_tables().into_iter().filter(|&table| self.tables[table].tensor().is_some()).collect()
    }

    /// The entries of a table's tensor, of those of all [`Self::tensor_tables`].
    pub(crate) fn entries_of<'a, 'c>(&self, table: usize, entries: &'a [Column<'c>]) -> Option<&'a Column<'c>> {
        entries.get(self.tensor_tables().iter().position(|&own| own == table)?)
    }

    /// Proves the argument; `entries` are those of the tables in [`Self::tensor_tables`]. It does not check that the statement holds: [`Self::multiplicities`] does.
    ///
    /// # Errors
    /// If columns or multiplicities do not fit the statement, or, with negligible probability, a challenge is unlucky.
    pub fn prove<E: Ext>(
        &self,
        transcript: &mut ProverTranscript,
        columns: &[Vec<Column<'_>>],
        entries: &[Column<'_>],
        multiplicities: &[Vec<u32>],
    ) -> Result<Outcome<E, E>, LookupError> {
        self.check_columns(columns)?;
        self.check_entries(entries)?;
        self.check_multiplicities(multiplicities)?;
        if self.lookups.is_empty() {
            return Ok(self.outcome(Vec::new(), [Vec::new(), Vec::new(), Vec::new()]));
        }
        // Inside the pool from here on: entering it for each of the many small parallel loops costs more than the loops.
        rayon::scope(|_| self.prove_lookups(transcript, columns, entries, multiplicities))
    }

    fn prove_lookups<E: Ext>(
        &self,
        transcript: &mut ProverTranscript,
        columns: &[Vec<Column<'_>>],
        entries: &[Column<'_>],
        multiplicities: &[Vec<u32>],
    ) -> Result<Outcome<E, E>, LookupError> {
        let challenges = Challenges::<E>::draw(transcript);
        let (layer, lookups) = self.leaves(&challenges, columns, entries, multiplicities);
        let (LeafClaim { point, .. }, ends) = gkr::prove(transcript, layer, &lookups, &self.layout)?;
        let values = self.evaluations(&challenges, columns, entries, multiplicities, &lookups, (&point, &ends));
        transcript.send(COLUMNS, &values.columns);
        transcript.send(MULTIPLICITIES, &values.multiplicities);
        if !entries.is_empty() {
            transcript.send(ENTRIES, &values.entries);
        }
        Ok(self.outcome(point, [values.columns, values.multiplicities, values.entries]))
    }

    /// Verifies the argument.
    ///
    /// # Errors
    /// If the proof is too short, malformed, or an equation does not hold.
    pub fn verify<E: Ext>(&self, transcript: &mut VerifierTranscript<'_>) -> Result<Outcome<E, Value<E>>, LookupError> {
        if self.lookups.is_empty() {
            return Ok(self.outcome(Vec::new(), [Vec::new(), Vec::new(), Vec::new()]));
        }
        let challenges = Challenges::<E>::draw(transcript);
        let LeafClaim { point, num, den } = gkr::verify::<E>(transcript, self.layout.num_vars)?;
        let num_columns = self.lookups.iter().map(|lookup| self.width(lookup)).sum();
        let column_values = transcript.receive::<E>(COLUMNS, num_columns)?;
        let multiplicity_values = transcript.receive::<E>(MULTIPLICITIES, self.used_tables().len())?;
        let num_entries = self.tensor_tables().len();
        let entry_values = if num_entries > 0 { transcript.receive::<E>(ENTRIES, num_entries)? } else { Vec::new() };
        let outcome = self.outcome(point, [column_values, multiplicity_values, entry_values]);
        // A rehearsal asks what depends on pads; the tables, which take the time, do not.
        let (own_num, own_den) = self.leaves_at(&challenges, &outcome, !transcript.is_rehearsal());
        transcript.check_zero("lookup numerators", own_num - num)?;
        transcript.check_zero("lookup denominators", own_den - den)?;
        Ok(outcome)
    }

    /// Numerators and denominators of the leaves at the outcome's point, from the evaluations that were received; tables count as zero
    /// unless they are asked for.
    fn leaves_at<E: Ext>(&self, challenges: &Challenges<E>, outcome: &Outcome<E, Value<E>>, tables: bool) -> (Value<E>, Value<E>) {
        let point = outcome.point.as_slice();
        let (mut num, mut den) = (Value::zero(), Value::zero());
        let mut filler = E::ONE;
        for block in &self.layout.blocks {
            let weight = block.weight(point);
            let (_, tail) = block.split(point);
            filler -= weight;
            let (own_num, own_den) = self.block_at(challenges, block, tail, outcome, tables);
            num += own_num * weight;
            den += own_den * weight;
        }
        (num, den + Value::public(filler))
    }

    fn block_at<E: Ext>(
        &self,
        challenges: &Challenges<E>,
        block: &Block,
        tail: &[E],
        outcome: &Outcome<E, Value<E>>,
        tables: bool,
    ) -> (Value<E>, Value<E>) {
        let powers = [E::ONE, challenges.beta];
        match block.content {
            Content::Lookup(position) => {
                let lookup = &self.lookups[position];
                let mut rest = tail;
                let real: E = lookup
                    .shape
                    .iter()
                    .map(|&len| {
                        let (own, low) = rest.split_at(log_padded(len));
                        rest = low;
                        indicator(len, own)
                    })
                    .product();
                let tuple: Value<E> = outcome
                    .columns
                    .iter()
                    .filter(|claim| claim.source == position)
                    .zip(powers)
                    .map(|(claim, power)| &claim.value * power)
                    .sum();
                let public = challenges.base(lookup.table) * real + E::ONE - real;
                (Value::public(real), tuple + Value::public(public))
            }
            Content::Table(position) => {
                let table = &self.tables[position];
                let count: Value<E> = outcome.multiplicities.iter().filter(|claim| claim.source == position).map(|claim| &claim.value).sum();
                let entry: Value<E> = outcome.entries.iter().filter(|claim| claim.source == position).map(|claim| &claim.value).sum();
                let row = || challenges.base(position) + table.keys_at(tail) + challenges.beta * table.values_at(tail);
                (-count, entry * challenges.beta + Value::public(if tables { row() } else { E::ZERO }))
            }
        }
    }

    /// From the evaluations of columns, multiplicities and entries.
    fn outcome<E: Ext, V>(&self, point: Vec<E>, [column_values, multiplicity_values, entry_values]: [Vec<V>; 3]) -> Outcome<E, V> {
        let form = |shape: &[usize]| Form::at_point(shape, &point[point.len() - padded_vars(shape)..]);
        let positions = self.lookups.iter().enumerate().flat_map(|(source, lookup)| (0..self.width(lookup)).map(move |column| (source, column)));
        let columns = positions
            .zip(column_values)
            .map(|((source, column), value)| ColumnClaim { source, column, form: form(&self.lookups[source].shape), value })
            .collect();
        let multiplicities = self
            .used_tables()
            .into_iter()
            .zip(multiplicity_values)
            .map(|(source, value)| ColumnClaim { source, column: 0, form: form(&[self.tables[source].num_rows()]), value })
            .collect();
        let entries = self
            .tensor_tables()
            .into_iter()
            .zip(entry_values)
            .filter_map(|(source, value)| Some(ColumnClaim { source, column: 0, form: form(self.tables[source].tensor()?), value }))
            .collect();
        Outcome { columns, multiplicities, entries, point }
    }

    pub(crate) fn width(&self, lookup: &LookupSpec) -> usize {
        self.tables[lookup.table].width()
    }

    pub(crate) fn check_columns(&self, columns: &[Vec<Column<'_>>]) -> Result<(), LookupError> {
        if columns.len() != self.lookups.len() {
            let reason = format!("{} lookups, columns for {}", self.lookups.len(), columns.len());
            return Err(LookupError::Statement { reason });
        }
        for (position, (lookup, columns)) in self.lookups.iter().zip(columns).enumerate() {
            let width = self.width(lookup);
            if columns.len() != width {
                return Err(LookupError::ColumnLength { lookup: position, column: columns.len(), expected: width, actual: columns.len() });
            }
            let expected = lookup.shape.iter().product();
            if let Some((column, values)) = columns.iter().enumerate().find(|(_, values)| values.len() != expected) {
                return Err(LookupError::ColumnLength { lookup: position, column, expected, actual: values.len() });
            }
        }
        Ok(())
    }

    pub(crate) fn check_entries(&self, entries: &[Column<'_>]) -> Result<(), LookupError> {
        let tables = self.tensor_tables();
        let lens = tables.iter().filter_map(|&table| self.tables[table].tensor()).map(|shape| shape.iter().product::<usize>());
        if !lens.eq(entries.iter().map(Column::len)) {
            let reason = format!("{} tables of tensors, entries for {} or of another number", tables.len(), entries.len());
            return Err(LookupError::Statement { reason });
        }
        Ok(())
    }

    fn check_multiplicities(&self, multiplicities: &[Vec<u32>]) -> Result<(), LookupError> {
        let used = self.used_tables();
        if multiplicities.len() != self.tables.len() {
            let reason = format!("{} tables, multiplicities for {}", self.tables.len(), multiplicities.len());
            return Err(LookupError::Statement { reason });
        }
        for (table, counts) in multiplicities.iter().enumerate() {
            let expected = if used.contains(&table) { self.tables[table].num_rows() } else { 0 };
            if counts.len() != expected {
                return Err(LookupError::MultiplicityLength { table, expected, actual: counts.len() });
            }
        }
        Ok(())
    }

    /// Soundness errors as bits, `-log2`, over the field `E`, before grinding.
    ///
    /// - the fractions: a non-zero polynomial in `alpha, beta, gamma` of degree below the number of leaves;
    /// - the tree: a layer with `k` variables errs with at most `(2 k + 2) / |E|`, see `gkr.rs`.
    ///
    /// A zero denominator adds nothing: the root's denominator is shown to be non-zero.
    #[must_use]
    pub fn security_terms<E: Ext>(&self) -> Vec<(&'static str, f64)> {
        if self.lookups.is_empty() {
            return Vec::new();
        }
        let leaves = self.layout.live as f64;
        let layers = self.layout.num_vars as f64;
        vec![
            ("lookup fractions", E::BITS - leaves.log2()),
            ("lookup tree", E::BITS - (layers * (layers + 1.0)).log2()),
        ]
    }
}
