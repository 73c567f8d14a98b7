//! The circuit as text, one line per tensor.

use std::fmt;

use super::{AxisFactor, AxisLink, AxisMap, Circuit, Constraint, Op, Port, SeparableMap, Table, TensorId, Term, Visibility};

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [weights, input, output] = [self.policy.weights, self.policy.input, self.policy.output].map(Visibility::name);
        write!(f, "circuit `{}`: {weights} weights, {input} input, {output} output", self.name)?;
        if self.batch > 0 {
            write!(f, ", batch {}", self.batch)?;
        }
        writeln!(f)?;
        for (ports, what) in [(&self.inputs, "input"), (&self.outputs, "output")] {
            for port in ports {
                writeln!(f, "{what} `{}` {} = %{} * {}", port.name, Shape(&port.shape), port.tensor.0, Scale(port))?;
            }
        }
        for (index, param) in self.params.iter().enumerate() {
            let planes = if param.num_planes == 1 { "plane" } else { "planes" };
            writeln!(f, "weight {index} `{}` {} {} byte {planes}", param.name, Shape(&param.shape), param.num_planes)?;
        }
        for (index, table) in self.tables.iter().enumerate() {
            match table {
                Table::Range { min, .. } => writeln!(f, "table {index} range {min}..={}", table.max())?,
                Table::Tensor { tensor, .. } => writeln!(f, "table {index} entries 0..={} of %{}", table.max(), tensor.0)?,
                Table::Function { min, name, .. } => {
                    writeln!(f, "table {index} function `{name}` on {min}..={}", table.max())?;
                }
            }
        }
        for (index, tensor) in self.tensors.iter().enumerate() {
            write!(f, "%{index} `{}` {} {} = ", tensor.name, Shape(&tensor.shape), Bits(tensor.min, tensor.max))?;
            write_op(f, &tensor.op)?;
            writeln!(f)?;
        }
        for constraint in &self.constraints {
            match constraint {
                Constraint::Lookup { table, columns } => {
                    write!(f, "table {} holds (", table.0)?;
                    list(f, columns, ", ", |f, column| write!(f, "%{}", column.0))?;
                    writeln!(f, ")")?;
                }
                Constraint::Zero { tensor } => writeln!(f, "%{} is zero", tensor.0)?,
            }
        }
        Ok(())
    }
}

fn write_op(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    let name = op.name();
    let pair = |f: &mut fmt::Formatter<'_>, a: TensorId, b: TensorId| write!(f, "{name}(%{}, %{})", a.0, b.0);
    match op {
        Op::Input { index } | Op::Weight { param: index } => write!(f, "{name} {index}"),
        Op::Linear { terms, constant } => {
            write!(f, "{name}(")?;
            list(f, terms, " + ", write_term)?;
            for (index, (value, factors)) in constant.iter().enumerate() {
                let plus = if index == 0 && terms.is_empty() { "" } else { " + " };
                write!(f, "{plus}{value}")?;
                if factors.iter().any(|factor| *factor != AxisFactor::Ones) {
                    write!(f, "*[")?;
                    list(f, factors, ", ", |f, factor| match factor {
                        AxisFactor::Ones => write!(f, "1"),
                        AxisFactor::Interval { start, end } => write!(f, "{start}..{end}"),
                        AxisFactor::Values(values) => write!(f, "values {}", Range(values)),
                    })?;
                    write!(f, "]")?;
                }
            }
            write!(f, ")")
        }
        Op::Conv { x, w, geometry: g } => {
            write!(f, "{name}(%{}, %{}, kernel {}x{}", x.0, w.0, g.kernel[0], g.kernel[1])?;
            for (what, [a, b], default) in [("strides", g.strides, 1), ("dilations", g.dilations, 1), ("pads", g.pads, 0)] {
                if [a, b] != [default, default] {
                    write!(f, ", {what} {a}x{b}")?;
                }
            }
            if g.groups > 1 {
                write!(f, ", groups {}", g.groups)?;
            }
            write!(f, ")")
        }
        Op::Dense { x, w } => pair(f, *x, *w),
        Op::MatMul { a, b } | Op::Mul { a, b } | Op::Divide { a, b } => pair(f, *a, *b),
        Op::Gather { index, data } => pair(f, *index, *data),
        Op::Reshape { x } | Op::SquareRoot { x } => write!(f, "{name}(%{})", x.0),
        Op::FloorShift { x, shift } => write!(f, "{name}(%{}, {shift})", x.0),
        Op::Noise { seed: x, table } | Op::Lookup { x, table } => write!(f, "{name}(%{}, table {})", x.0, table.0),
        Op::Largest { x, rank } => write!(f, "{name}(%{}, {rank})", x.0),
        Op::Reciprocal { x, log_numerator } => write!(f, "{name}(2^{log_numerator} / %{})", x.0),
    }
}

fn write_term(f: &mut fmt::Formatter<'_>, term: &Term) -> fmt::Result {
    if term.coefficient != 1 {
        write!(f, "{}*", term.coefficient)?;
    }
    write!(f, "%{}{}", term.x.0, Map(&term.map))
}

/// `[axis links]` of a map that is not the identity.
struct Map<'a>(&'a SeparableMap);

impl fmt::Display for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_identity() {
            return Ok(());
        }
        let moved = |link: &&AxisLink| {
            !matches!(link, AxisLink::Map { input, output, map: AxisMap::Identity } if input == output)
        };
        let links: Vec<_> = self.0.links.iter().filter(moved).collect();
        write!(f, "[")?;
        list(f, &links, ", ", |f, link| match link {
            AxisLink::Map { input, output, map } => {
                write!(f, "{input}")?;
                if input != output {
                    write!(f, "->{output}")?;
                }
                match map {
                    AxisMap::Identity => Ok(()),
                    AxisMap::Strided { start, step } => write!(f, ": from {start} step {step}"),
                    AxisMap::Diagonal(factors) => write!(f, ": times {}", Range(factors)),
                    AxisMap::Dilate { start, step } => write!(f, ": spread from {start} step {step}"),
                    AxisMap::Window { kernel, stride, dilation, pad } => {
                        write!(f, ": window {kernel} stride {stride} dilation {dilation} pad {pad}")
                    }
                    AxisMap::Gather(index) => write!(f, ": gather {}", index.len()),
                }
            }
            AxisLink::Broadcast { output } => write!(f, "->{output}: broadcast"),
            AxisLink::Sum { input } => write!(f, "{input}: sum"),
        })?;
        write!(f, "]")
    }
}

struct Shape<'a>(&'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[")?;
        list(f, self.0, ", ", |f, extent| write!(f, "{extent}"))?;
        write!(f, "]")
    }
}

/// `i9` or `u8`: bits that hold the range.
struct Bits(i64, i64);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsigned = |v: i64| 64 - v.leading_zeros();
        if self.0 >= 0 {
            write!(f, "u{}", unsigned(self.1).max(1))
        } else {
            write!(f, "i{}", unsigned(-(self.0 + 1)).max(unsigned(self.1.max(0))) + 1)
        }
    }
}

struct Range<'a>(&'a [i64]);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.iter().min(), self.0.iter().max()) {
            (Some(min), Some(max)) => write!(f, "{min}..={max}"),
            _ => write!(f, "nothing"),
        }
    }
}

struct Scale<'a>(&'a Port);

impl fmt::Display for Scale<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.scale.as_slice() {
            [scale] => write!(f, "{scale:.6e}"),
            scales => {
                write!(f, "[")?;
                list(f, scales, ", ", |f, scale| write!(f, "{scale:.6e}"))?;
                write!(f, "]")
            }
        }
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    separator: &str,
    mut write_item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write_item(f, item)?;
    }
    Ok(())
}
