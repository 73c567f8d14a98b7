//! Det: determinants of square matrices of at most four rows, by minors of the first row.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

/// Most rows.
const MOST: usize = 4;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let (n, outer) = match x.shape.as_slice() {
        [outer @ .., rows, columns] if rows == columns && *rows > 0 => (*rows, outer.to_vec()),
        other => return Err(Stop::invalid(format!("matrices {other:?}, expected square ones"))),
    };
    if n > MOST {
        return Err(Stop::unsupported(format!("a determinant of {n} rows, expected at most {MOST}")));
    }
    let count = outer.iter().product();
    let flat = l.reshape("matrices", &x, vec![count, n * n])?;
    let mut entries = Vec::with_capacity(n * n);
    for k in 0..n * n {
        let slice = ModelOp::Slice { starts: vec![0, k], steps: vec![1, 1] };
        entries.push(l.emit(&format!("entry_{k}"), slice, &[&flat], vec![count, 1])?);
    }
    let y = minor(l, "det", &entries, n, 0, &(0..n).collect::<Vec<_>>())?;
    let y = l.reshape("shape", &y, outer)?;
    l.set(0, y);
    Ok(())
}

/// Determinant of the rows from `row` on in these columns.
fn minor(l: &mut Lowering<'_>, part: &str, entries: &[Operand], n: usize, row: usize, columns: &[usize]) -> Result<Operand, Stop> {
    let mut sum: Option<Operand> = None;
    for (k, &column) in columns.iter().enumerate() {
        let entry = &entries[row * n + column];
        if columns.len() == 1 {
            return Ok(entry.clone());
        }
        let rest: Vec<usize> = columns.iter().copied().filter(|&other| other != column).collect();
        let part = format!("{part}_{column}");
        let rest = minor(l, &part, entries, n, row + 1, &rest)?;
        let term = l.binary(&format!("{part}_term"), ModelOp::Mul, entry, &rest)?;
        sum = Some(match sum {
            None => term,
            Some(sum) => {
                let op = if k % 2 == 0 { ModelOp::Add } else { ModelOp::Sub };
                l.binary(&format!("{part}_sum"), op, &sum, &term)?
            }
        });
    }
    sum.ok_or_else(|| Stop::invalid("a matrix without columns"))
}
