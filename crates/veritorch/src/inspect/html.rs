//! The report as one self-contained page: the graph as a picture, and the tables. No file beside it, no network.

use std::fmt::Write;

use super::layout::{Layout, layout};
use super::nodes::{NodeKind, NodeRow};
use super::text::{bytes, count, shape, time, values};
use super::{Inspection, PolicyRow, SizeRow, bits};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Sizes of the picture in its own units.
const NODE: (f64, f64) = (216.0, 60.0);
const GAP: (f64, f64) = (26.0, 34.0);
const PASSING: f64 = 16.0;

impl Inspection {
    /// One page of HTML.
    ///
    /// # Panics
    /// Never: a report has a JSON form.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = String::new();
        let title = escape(&format!("{}: {}", self.model, self.kind));
        page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        // writing to a string cannot fail
        let _ = write!(page, "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n");
        self.head(&mut page);
        if !self.nodes.is_empty() {
            page.push_str("<section id=\"graph\"><h2>Graph</h2><div class=\"panes\"><div id=\"picture\">");
            picture(&mut page, &self.nodes);
            page.push_str("</div><aside id=\"details\"><p>Click a node to see its tensors.</p></aside></div>");
            legend(&mut page, &self.nodes);
            page.push_str("</section>\n");
        }
        self.tables_html(&mut page);
        let data = serde_json::to_string(&self.nodes).expect("a report has a JSON form");
        // `</script>` and `<!--` must not stand inside a script
        let data = data.replace('<', "\\u003c");
        let _ = write!(page, "<script type=\"application/json\" id=\"nodes\">{data}</script>\n<script>\n{SCRIPT}</script>\n");
        page.push_str("</body>\n</html>\n");
        page
    }

    fn head(&self, page: &mut String) {
        let _ = write!(page, "<header><h1>{}</h1><p>{}", escape(&self.model), self.kind);
        if let Some(file) = &self.file {
            let _ = write!(page, " &middot; {} &middot; {}", escape(&file.path), bytes(file.bytes));
        }
        page.push_str("</p></header>\n<section class=\"cards\">");
        let mut card = |label: &str, value: String, note: &str| {
            let _ = write!(page, "<div class=\"card\"><b>{}</b><span>{label}</span><small>{note}</small></div>", escape(&value));
        };
        card("security", format!("{} bits", bits(self.security.bits)), self.profile);
        if let Some(totals) = &self.totals {
            card("parameters", count(totals.parameters), "committed once");
            card("lookups", count(totals.work.lookups), "per sample");
            card("committed cells", count(totals.work.committed), "per sample");
            card("prediction", time(totals.predicted_seconds), "one core");
        }
        if let Some(proof) = &self.proof {
            card("proof", bytes(proof.transcript_bytes as u64), "messages");
        }
        let PolicyRow { weights, input, output } = self.policy;
        card("policy", format!("{input} in, {output} out"), &format!("{weights} weights"));
        card("batch", self.batch.to_string(), "samples");
        page.push_str("</section>\n<dl>");
        for (term, value) in [("circuit", &self.circuit_digest), ("model commitment", &self.model_commitment)] {
            let _ = write!(page, "<dt>{term}</dt><dd><code>{value}</code></dd>");
        }
        for (what, ports) in [("input", &self.inputs), ("output", &self.outputs)] {
            for port in ports {
                let scale = match port.scale.as_slice() {
                    [scale] => format!("{scale:.4e}"),
                    scales => format!("one of {} scales", scales.len()),
                };
                let _ = write!(
                    page,
                    "<dt>{what}</dt><dd><code>{}</code> {}: integers in {}..={}, each worth {scale}</dd>",
                    escape(&port.name),
                    shape(&port.shape),
                    port.range[0],
                    port.range[1]
                );
            }
        }
        page.push_str("</dl>\n");
    }

    fn tables_html(&self, page: &mut String) {
        if !self.nodes.is_empty() {
            let measured = self.nodes.iter().any(|node| node.measured_seconds.is_some());
            let mut head = vec!["node", "does", "shape", "#bits", "#scale", "protocol", "#lookups", "#committed", "#weights", "#predicted"];
            if measured {
                head.push("#measured");
            }
            let rows = self.nodes.iter().map(|node| {
                let mut row = vec![
                    node.name.clone(),
                    node.op.clone(),
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
                row
            });
            table(page, "Nodes", &head, rows);
        }
        if !self.tables.is_empty() {
            let rows = self.tables.iter().map(|table| {
                let keys = format!("{}..={}", table.keys[0], table.keys[1]);
                vec![table.index.to_string(), table.name.clone(), keys, count(table.rows as u64), count(table.lookups)]
            });
            table(page, "Lookup tables", &["#table", "function", "#keys", "#rows", "#lookups"], rows);
        }
        if let Some(proof) = &self.proof {
            let rows = [("input", &proof.inputs), ("output", &proof.outputs)].into_iter().flat_map(|(what, rows)| {
                let private = rows.is_empty().then(|| vec![what.to_owned(), "private".to_owned(), String::new(), String::new()]);
                let shown = rows.iter().map(move |row| {
                    vec![what.to_owned(), row.name.clone(), shape(&row.shape), values(&row.values)]
                });
                private.into_iter().chain(shown)
            });
            table(page, "Statement", &["", "name", "shape", "values in the model's units"], rows);
            sizes(page, "Parts of the proof", &proof.parts);
        }
        if let Some(file) = &self.file {
            sizes(page, "Sections of the file", &file.sections);
        }
        if !self.phases.is_empty() {
            let seconds = |value: Option<f64>| value.map_or("-".to_owned(), time);
            let rows = self.phases.iter().map(|phase| {
                vec![phase.name.clone(), seconds(phase.predicted_seconds), seconds(phase.measured_seconds)]
            });
            table(page, "Phases of the prover", &["phase", "#predicted on one core", "#measured"], rows);
        }
        let terms = self.security.terms.iter().map(|term| vec![term.name.clone(), bits(term.bits)]);
        let all = std::iter::once(vec!["all together".to_owned(), bits(self.security.bits)]);
        table(page, "Security", &["a false statement is accepted by", "#bits"], terms.chain(all));
    }
}

fn sizes(page: &mut String, title: &str, parts: &[SizeRow]) {
    let rows = parts.iter().map(|part| vec![part.name.clone(), count(part.bytes as u64)]);
    table(page, title, &["part", "#bytes"], rows);
}

/// A table; a heading that begins with `#` is a column of numbers.
fn table(page: &mut String, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let class = |name: &str| if name.starts_with('#') { " class=\"n\"" } else { "" };
    let _ = write!(page, "<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>");
    for name in head {
        let _ = write!(page, "<th{}>{}</th>", class(name), name.trim_start_matches('#'));
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        for (name, cell) in head.iter().zip(&row) {
            let _ = write!(page, "<td{}>{}</td>", class(name), escape(cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn class(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Input => ("input", "input"),
        NodeKind::Convolution => ("convolution", "convolution"),
        NodeKind::Matrix => ("matrix", "matrix product"),
        NodeKind::Product => ("product", "product of activations"),
        NodeKind::Function => ("function", "table or rescale"),
        NodeKind::Maximum => ("maximum", "maximum"),
        NodeKind::Wiring => ("wiring", "sum or wiring"),
    }
}

fn legend(page: &mut String, nodes: &[NodeRow]) {
    let mut kinds: Vec<NodeKind> = nodes.iter().map(|node| node.kind).collect();
    kinds.sort();
    kinds.dedup();
    page.push_str("<p class=\"legend\">");
    for kind in kinds {
        let (class, label) = class(kind);
        let _ = write!(page, "<span><i class=\"{class}\"></i>{label}</span>");
    }
    page.push_str("<span>the bar is the node's share of the predicted time</span></p>");
}

fn picture(page: &mut String, nodes: &[NodeRow]) {
    let reads: Vec<Vec<usize>> = nodes.iter().map(|node| node.reads.clone()).collect();
    let plan = layout(&reads, NODE.0 + GAP.0, PASSING);
    let (left, right) = plan.extent;
    let (width, height) = (right - left + GAP.0, plan.layers as f64 * (NODE.1 + GAP.1) + GAP.1);
    let _ = write!(
        page,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"graph of the model\">"
    );
    page.push_str("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>");
    let x = |centre: f64| centre - left + GAP.0 / 2.0;
    edges(page, &plan, x);
    let most = nodes.iter().map(|node| node.predicted_seconds).fold(0.0, f64::max);
    let total: f64 = nodes.iter().map(|node| node.predicted_seconds).sum();
    for (index, (node, &(layer, centre))) in nodes.iter().zip(&plan.nodes).enumerate() {
        let (class, _) = class(node.kind);
        let (x, y) = (x(centre) - NODE.0 / 2.0, top(layer));
        let bar = if most > 0.0 { (NODE.0 - 12.0) * node.predicted_seconds / most } else { 0.0 };
        let share = if total > 0.0 { 100.0 * node.predicted_seconds / total } else { 0.0 };
        let tooltip = format!("{}\n{}\n{} of {} bits\n{share:.1} % of the predicted time", node.name, node.op, shape(&node.shape), node.bits);
        let _ = write!(
            page,
            "<g class=\"node {class}\" data-node=\"{index}\" tabindex=\"0\" transform=\"translate({x:.1} {y:.1})\"><title>{}</title><rect width=\"{}\" height=\"{}\" rx=\"7\"/><text x=\"9\" y=\"18\" class=\"name\">{}</text><text x=\"9\" y=\"33\">{}</text><text x=\"9\" y=\"47\" class=\"soft\">{}</text><rect class=\"bar\" x=\"6\" y=\"53\" width=\"{bar:.1}\" height=\"3\" rx=\"1.5\"/></g>",
            escape(&tooltip),
            NODE.0,
            NODE.1,
            escape(&clip(&node.name, 28)),
            escape(&clip(&node.op, 29)),
            escape(&clip(&format!("{} · {} bits", shape(&node.shape), node.bits), 29)),
        );
    }
    page.push_str("</svg>");
}

fn top(layer: usize) -> f64 {
    GAP.1 / 2.0 + layer as f64 * (NODE.1 + GAP.1)
}

/// An edge leaves below its source, passes every layer between at its place, and enters above its target.
fn edges(page: &mut String, plan: &Layout, x: impl Fn(f64) -> f64) {
    for route in &plan.edges {
        let first = plan.nodes[route.from].0;
        let last = route.centres.len() - 1;
        let mut path = String::new();
        let mut from = (x(route.centres[0]), top(first) + NODE.1);
        let _ = write!(path, "M{:.1} {:.1}", from.0, from.1);
        for (step, &centre) in route.centres.iter().enumerate().skip(1) {
            let to = (x(centre), top(first + step) - if step == last { 2.0 } else { 0.0 });
            let middle = (from.1 + to.1) / 2.0;
            let _ = write!(path, "C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}", from.0, to.0, to.0, to.1);
            from = to;
            if step != last {
                from.1 += NODE.1;
                let _ = write!(path, "V{:.1}", from.1);
            }
        }
        let _ = write!(
            page,
            "<path class=\"edge\" data-from=\"{}\" data-to=\"{}\" d=\"{path}\" marker-end=\"url(#tip)\"/>",
            route.from, route.to
        );
    }
}

/// The end of a name tells more than its beginning.
fn clip(text: &str, width: usize) -> String {
    let len = text.chars().count();
    if len <= width {
        return text.to_owned();
    }
    let half = (width - 1) / 2;
    text.chars().take(half).chain("…".chars()).chain(text.chars().skip(len - (width - 1 - half))).collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
