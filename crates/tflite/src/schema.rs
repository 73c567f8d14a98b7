//! The tables of a TensorFlow Lite file, by their fields' numbers: only what the importer reads.
//!
//! Source: field numbers of TensorFlow Lite's public schema, version 3. What a number may not be is refused here; what a file holds is
//! bounded by its bytes: vectors that several tables share are looked at only where they are needed.

use std::cell::Cell;

use veritorch_graph::model::index::MAX_RANK;

use crate::flatbuffer::{Fault, Table, Vector};

/// Longest name that is read.
const MAX_NAME: usize = 4096;
/// Names that a file gives to its first operator set; later ones say `PLACEHOLDER_FOR_GREATER_OP_CODES` in the old field.
const OLD_CODES: i32 = 127;
/// The operator that is known by its name alone.
const CUSTOM: i32 = 32;

/// What may still be read: tables may share vectors and names, but all together they are no more than the file's bytes.
struct Budget(Cell<usize>);

impl Budget {
    fn charge(&self, count: usize) -> Result<(), Fault> {
        self.0.set(self.0.get().checked_sub(count).ok_or("its tables share names or lists without end")?);
        Ok(())
    }

    fn ints(&self, table: &Table<'_>, k: usize) -> Result<Vec<i32>, Fault> {
        self.charge(table.vector(k, 4)?.len())?;
        table.ints(k)
    }

    /// A name without what would garble a terminal.
    fn name<'a>(&self, table: &Table<'a>, k: usize) -> Result<&'a str, Fault> {
        self.charge(table.vector(k, 1)?.len())?;
        let name = table.text(k)?;
        if name.len() > MAX_NAME {
            return Err(format!("a name of {} bytes", name.len()));
        }
        if name.chars().any(char::is_control) {
            return Err(format!("a name holds control characters: {name:?}"));
        }
        Ok(name)
    }
}

/// A file with one graph.
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    pub(crate) operators: Vec<Operator<'a>>,
    pub(crate) tensors: Vec<Tensor<'a>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    /// Names that the model's one signature gives to tensors, inputs first.
    pub(crate) signature: [Vec<(&'a str, usize)>; 2],
}

/// One operator.
pub(crate) struct Operator<'a> {
    /// Number of a built-in operator.
    pub(crate) code: i32,
    /// Name of an operator that is not built in.
    pub(crate) custom: Option<&'a str>,
    /// Tensors, `None` where an optional one is left out.
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) outputs: Vec<usize>,
    pub(crate) options: Option<Table<'a>>,
}

/// One tensor.
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: Vec<usize>,
    /// Axes whose extent is open.
    pub(crate) open: Vec<bool>,
    /// Number of the entry type.
    pub(crate) element: u8,
    /// Bytes of a constant; none for what an operator or the caller gives.
    pub(crate) data: &'a [u8],
    pub(crate) quantisation: Option<Quantisation<'a>>,
    /// What of it is beyond the importer.
    pub(crate) unsupported: Option<&'static str>,
}

/// `real = scale * (integer - zero_point)`, one scale for all or one for each index of an axis.
#[derive(Clone, Copy)]
pub(crate) struct Quantisation<'a> {
    scales: Vector<'a>,
    zero_points: Vector<'a>,
    pub(crate) axis: i32,
}

impl Quantisation<'_> {
    pub(crate) fn scales(&self) -> Result<Vec<f32>, Fault> {
        self.scales.numbers().map(|number| number.map(f32::from_le_bytes)).collect()
    }

    pub(crate) fn zero_points(&self) -> Result<Vec<i64>, Fault> {
        self.zero_points.numbers().map(|number| number.map(i64::from_le_bytes)).collect()
    }

    /// Number of scales.
    pub(crate) fn count(&self) -> usize {
        self.scales.len()
    }
}

impl<'a> Model<'a> {
    /// Reads the tables of a file.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let root = Table::root(bytes, "TFL3")?;
        let version = root.u32(0)?;
        if version != 3 {
            return Err(format!("schema version {version}, expected 3"));
        }
        let budget = Budget(Cell::new(bytes.len()));
        let codes = root.tables(1)?.iter().map(|table| code(table, &budget)).collect::<Result<Vec<_>, _>>()?;
        let graphs = root.tables(2)?;
        let graph = graphs.first().ok_or("there is no graph")?;
        let buffers = root.tables(4)?.iter().map(|table| buffer(bytes, table)).collect::<Result<Vec<_>, _>>()?;
        let tensors = graph.tables(0)?.iter().map(|table| tensor(table, &buffers, &budget)).collect::<Result<Vec<_>, _>>()?;
        let count = tensors.len();
        let operators = graph.tables(3)?.iter().map(|table| operator(table, &codes, count, &budget)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: budget.name(graph, 4)?,
            inputs: required(&budget.ints(graph, 1)?, count)?,
            outputs: required(&budget.ints(graph, 2)?, count)?,
            signature: signature(&root.tables(7)?, count, &budget)?,
            operators,
            tensors,
        })
    }
}

fn code<'a>(table: &Table<'a>, budget: &Budget) -> Result<(i32, Option<&'a str>), Fault> {
    let old = i32::from(i8::from_le_bytes([table.u8(0)?]));
    let new = table.i32(3, 0)?;
    let code = if old < OLD_CODES { new.max(old) } else { new };
    let custom = budget.name(table, 1)?;
    Ok((code, (code == CUSTOM).then_some(custom)))
}

/// The bytes of a buffer: inside the table, or behind all tables.
fn buffer<'a>(bytes: &'a [u8], table: &Table<'a>) -> Result<&'a [u8], Fault> {
    let (offset, size) = (table.u64(1)?, table.u64(2)?);
    if offset <= 1 {
        return table.bytes(0);
    }
    let range = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
    range
        .and_then(|(start, size)| bytes.get(start..start.checked_add(size)?))
        .ok_or_else(|| format!("a buffer of {size} bytes at byte {offset} does not fit into the file"))
}

fn tensor<'a>(table: &Table<'a>, buffers: &[&'a [u8]], budget: &Budget) -> Result<Tensor<'a>, Fault> {
    let name = budget.name(table, 3)?;
    let at = table.u32(2)? as usize;
    let data = buffers.get(at).ok_or_else(|| format!("tensor `{name}` is in buffer {at} of {}", buffers.len()))?;
    let rank = table.vector(0, 4)?.len();
    if rank > MAX_RANK || table.vector(7, 4)?.len() > MAX_RANK {
        return Err(format!("tensor `{name}` has {rank} axes, expected at most {MAX_RANK}"));
    }
    let extents = table.ints(0)?;
    let signature = table.ints(7)?;
    let open = (0..extents.len()).map(|k| extents[k] < 0 || signature.get(k).is_some_and(|&extent| extent < 0)).collect();
    let shape = extents.iter().map(|&extent| usize::try_from(extent).unwrap_or(1)).collect();
    let mut unsupported = None;
    let mut quantisation = None;
    if let Some(table) = table.table(4)? {
        let (scales, zero_points) = (table.vector(2, 4)?, table.vector(3, 8)?);
        if table.u8(4)? != 0 {
            unsupported = Some("quantised in a way of its own");
        } else if scales.len() > 0 {
            quantisation = Some(Quantisation { scales, zero_points, axis: table.i32(6, 0)? });
        }
    }
    if table.table(6)?.is_some() {
        unsupported = Some("sparse");
    } else if table.u8(5)? != 0 {
        unsupported = Some("a variable, which keeps its value from one run to the next");
    }
    Ok(Tensor { name, shape, open, element: table.u8(1)?, data, quantisation, unsupported })
}

fn operator<'a>(table: &Table<'a>, codes: &[(i32, Option<&'a str>)], count: usize, budget: &Budget) -> Result<Operator<'a>, Fault> {
    let at = table.u32(0)? as usize;
    let &(code, custom) = codes.get(at).ok_or_else(|| format!("operator code {at} of {}", codes.len()))?;
    let inputs = budget.ints(table, 1)?.into_iter().map(|at| if at == -1 { Ok(None) } else { index(at, count).map(Some) });
    Ok(Operator {
        code,
        custom,
        inputs: inputs.collect::<Result<_, _>>()?,
        outputs: required(&budget.ints(table, 2)?, count)?,
        options: table.table(4)?,
    })
}

fn required(at: &[i32], count: usize) -> Result<Vec<usize>, Fault> {
    at.iter().map(|&at| index(at, count)).collect()
}

fn index(at: i32, count: usize) -> Result<usize, Fault> {
    usize::try_from(at).ok().filter(|&at| at < count).ok_or_else(|| format!("tensor {at} of {count}"))
}

/// Names of inputs and outputs by the only signature of the graph.
fn signature<'a>(signatures: &[Table<'a>], count: usize, budget: &Budget) -> Result<[Vec<(&'a str, usize)>; 2], Fault> {
    let [signature] = signatures else { return Ok([Vec::new(), Vec::new()]) };
    if signature.u32(4)? != 0 {
        return Ok([Vec::new(), Vec::new()]);
    }
    let names = |k: usize| -> Result<Vec<(&'a str, usize)>, Fault> {
        let maps = signature.tables(k)?;
        maps.iter().map(|map| Ok((budget.name(map, 0)?, index(i32::try_from(map.u32(1)?).unwrap_or(-1), count)?))).collect()
    };
    Ok([names(0)?, names(1)?])
}
