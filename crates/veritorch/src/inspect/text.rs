//! The report as text, a table per subject.

use std::fmt;

use veritorch_quantise::QuantisationReport;

use super::{Inspection, NodeRow, bits};

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        self.write_ports(f)?;
        if !self.nodes.is_empty() {
            writeln!(f)?;
            write_table(f, &node_table(&self.nodes))?;
        }
        if !self.tables.is_empty() {
            writeln!(f)?;
            let mut rows = vec![row(["table", ">keys", ">rows", ">lookups", "function"])];
            for table in &self.tables {
                let keys = format!("{}..={}", table.keys[0], table.keys[1]);
                rows.push(vec![table.index.to_string(), keys, count(table.rows as u64), count(table.lookups), table.name.clone()]);
            }
            write_table(f, &rows)?;
        }
        self.write_totals(f)?;
        if let Some(report) = &self.quantisation {
            // errors of single tensors are in the JSON
            write!(f, "\n{}", QuantisationReport { nodes: Vec::new(), ..report.clone() })?;
        }
        if let Some(proof) = &self.proof {
            writeln!(f)?;
            for (what, rows) in [("input", &proof.inputs), ("output", &proof.outputs)] {
                if rows.is_empty() {
                    writeln!(f, "{what:<17} private: not in the statement")?;
                }
                for row in rows {
                    writeln!(f, "{what:<17} `{}` {} = [{}]", row.name, shape(&row.shape), values(&row.values))?;
                }
            }
            writeln!(f)?;
            let mut rows = vec![row(["part of the proof", ">bytes", ">share"])];
            for part in &proof.parts {
                let share = 100.0 * part.bytes as f64 / proof.transcript_bytes.max(1) as f64;
                rows.push(vec![part.name.clone(), count(part.bytes as u64), format!("{share:.1} %")]);
            }
            rows.push(vec!["all".to_owned(), count(proof.transcript_bytes as u64), "100.0 %".to_owned()]);
            write_table(f, &rows)?;
        }
        if self.phases.iter().any(|phase| phase.measured_seconds.is_some()) {
            writeln!(f)?;
            let mut rows = vec![row(["phase", ">predicted (one core)", ">measured"])];
            let seconds = |value: Option<f64>| value.map_or("-".to_owned(), time);
            for phase in &self.phases {
                rows.push(vec![phase.name.clone(), seconds(phase.predicted_seconds), seconds(phase.measured_seconds)]);
            }
            write_table(f, &rows)?;
        }
        writeln!(f)?;
        let mut rows = vec![row(["security term", ">bits"])];
        rows.extend(self.security.terms.iter().map(|term| vec![term.name.clone(), bits(term.bits)]));
        rows.push(vec!["all together".to_owned(), bits(self.security.bits)]);
        write_table(f, &rows)
    }
}

impl Inspection {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of `{}`", self.kind, self.model)?;
        if let Some(file) = &self.file {
            writeln!(f, "file              {} ({})", file.path, bytes(file.bytes))?;
        }
        writeln!(f, "circuit           {}", self.circuit_digest)?;
        writeln!(f, "model commitment  {}", self.model_commitment)?;
        writeln!(f, "policy            {}", self.policy)?;
        match (self.lifetime, self.openings_left) {
            (None, _) => {}
            (Some(0), _) => writeln!(f, "lifetime          unlimited: the weights are public")?,
            (Some(lifetime), None) => writeln!(f, "lifetime          {lifetime} proofs")?,
            (Some(lifetime), Some(left)) => writeln!(f, "lifetime          {lifetime} proofs, {left} openings left")?,
        }
        if self.renewals > 0 {
            writeln!(f, "renewals          {}, each proved to hold the same weights", self.renewals)?;
        }
        writeln!(f, "security          {} bits, profile {}", bits(self.security.bits), self.profile)?;
        let samples = if self.batch == 1 { "sample" } else { "samples" };
        writeln!(f, "batch             {} {samples}", self.batch)
    }

    fn write_ports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, ports) in [("input", &self.inputs), ("output", &self.outputs)] {
            for port in ports {
                let scale = match port.scale.as_slice() {
                    [scale] => format!("{scale:.4e}"),
                    scales => format!("one of {} scales", scales.len()),
                };
                writeln!(f, "{what:<17} `{}` {} = integer in {}..={} * {scale}", port.name, shape(&port.shape), port.range[0], port.range[1])?;
            }
        }
        Ok(())
    }

    fn write_totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(totals) = &self.totals else { return Ok(()) };
        writeln!(f)?;
        writeln!(f, "parameters        {} in {} byte cells", count(totals.parameters), count(totals.weight_cells))?;
        writeln!(f, "circuit           {} tensors, {} constraints", totals.tensors, totals.constraints)?;
        let work = totals.work;
        writeln!(
            f,
            "per sample        {} multiplications, {} lookups, {} committed cells",
            count(work.macs),
            count(work.lookups),
            count(work.committed)
        )?;
        writeln!(f, "prediction        {} on one core", time(totals.predicted_seconds))?;
        if self.segments.is_empty() {
            return Ok(());
        }
        let mut rows = vec![row([">segment", "from node", ">weights", ">committed", ">memory"])];
        rows.extend(self.segments.iter().enumerate().map(|(index, segment)| {
            let numbers = [bytes(segment.weight_bytes), count(segment.committed), bytes(segment.predicted_bytes)];
            [vec![(index + 1).to_string(), clip(&segment.first_node, 44)], numbers.to_vec()].concat()
        }));
        writeln!(f)?;
        write_table(f, &rows)
    }
}

fn node_table(nodes: &[NodeRow]) -> Vec<Vec<String>> {
    let measured = nodes.iter().any(|node| node.measured_seconds.is_some());
    let mut head = row(["node", "does", "shape", ">bits", ">scale", "protocol", ">lookups", ">committed", ">weights", ">predicted"]);
    if measured {
        head.push(">measured".to_owned());
    }
    let mut rows = vec![head];
    for node in nodes {
        let mut row = vec![
            clip(&node.name, 36),
            clip(&node.op, 44),
            shape(&node.shape),
            node.bits.to_string(),
            node.scale.map_or("-".to_owned(), |scale| format!("{scale:.3e}")),
            node.protocol.clone(),
            count(node.work.lookups),
            count(node.work.committed),
            count(node.work.weights),
            time(node.predicted_seconds),
        ];
        if measured {
            row.push(node.measured_seconds.map_or("-".to_owned(), time));
        }
        rows.push(row);
    }
    rows
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Writes rows in columns; a heading that begins with `>` aligns its column to the right.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let Some(head) = rows.first() else { return Ok(()) };
    let right: Vec<bool> = head.iter().map(|cell| cell.starts_with('>')).collect();
    let text = |cell: &String| cell.trim_start_matches('>').to_owned();
    let widths: Vec<usize> =
        (0..head.len()).map(|k| rows.iter().map(|row| text(&row[k]).chars().count()).max().unwrap_or(0)).collect();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().enumerate().map(|(k, cell)| {
            let (cell, width) = (text(cell), widths[k]);
            if right[k] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        if index == 0 {
            let line = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("  ");
            writeln!(f, "{line}")?;
        }
    }
    Ok(())
}

/// The first values.
pub(super) fn values(values: &[f64]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{value:.4}")).collect();
    if values.len() > SHOWN { format!("{}, ..", shown.join(", ")) } else { shown.join(", ") }
}

/// `1x3x32x32`
pub(super) fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "scalar".to_owned();
    }
    extents.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// `15 245 130`
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (first > 0).then(|| digits[..first].to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(" ")
}

/// `1.4 MB`
pub(super) fn bytes(value: u64) -> String {
    match value {
        0..1_000 => format!("{value} bytes"),
        1_000..1_000_000 => format!("{:.1} KB", value as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} MB", value as f64 / 1e6),
        _ => format!("{:.2} GB", value as f64 / 1e9),
    }
}

/// `12.3 ms`
pub(super) fn time(seconds: f64) -> String {
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} us", seconds * 1e6)
    }
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 2).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(15_245_130), "15 245 130");
        assert_eq!(bytes(1_450_000), "1.45 MB");
        assert_eq!(time(0.0123), "12.3 ms");
        assert_eq!(shape(&[]), "scalar");
        assert_eq!(clip("abcdef", 5), "abc..");
    }
}
