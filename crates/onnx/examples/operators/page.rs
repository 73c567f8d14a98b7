//! The documentation's page of operators, from the comments in the sources.
//!
//! An ONNX operator's text is the head of its file under `src/ops`, and the operators that it becomes are those that the
//! file names. A core operator's text stands at [`ModelOp`](veritorch_graph::model::ModelOp), and what proves it in the heads of the
//! gadgets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// What proves each core operator: gadgets, or one sentence.
const CORE: [(&str, &[&str], &str); 24] = [
    ("Conv", &[], "One sumcheck over taps, channels and positions; nothing is committed. Weights take 8 bits (16 where asked), with a public multiplier for each output channel."),
    ("MatMul", &[], "One sumcheck over the inner axis; nothing is committed. A constant operand is a weight as Conv's; of two tensors the product is a sumcheck with an equality factor."),
    ("Add", &[], "Linear: claims are rewritten. The sum is rescaled once, where it is read."),
    ("Sub", &[], "Linear, as Add."),
    ("Mul", &[], "By a constant linear. Of two tensors a sumcheck with an equality factor, and one rescale where the product is read."),
    ("Div", &["divide"], "The divisor keeps to one side of zero."),
    ("Unary", &["table", "requantise"], "One table, joined with the rescale of the sum in front."),
    ("ReduceSum", &[], "Linear: claims are rewritten."),
    ("ReduceMax", &["maximum"], ""),
    ("MaxPool", &["maximum"], ""),
    ("SumPool", &[], "Linear: claims are rewritten."),
    ("Transpose", &[], "Wiring: claims are rewritten."),
    ("Reshape", &[], "Wiring: claims are rewritten."),
    ("Slice", &[], "Wiring: claims are rewritten."),
    ("Pad", &[], "Wiring: claims are rewritten."),
    ("Concat", &[], "Wiring: claims are rewritten; operands of different scales are rescaled first."),
    ("Expand", &[], "Wiring: claims are rewritten."),
    ("ZeroStuff", &[], "Wiring: claims are rewritten."),
    ("Gather", &[], "Wiring: claims are rewritten."),
    ("ArgMax", &["argmax"], ""),
    ("Softmax", &["softmax", "attention", "mask"], "Where a product alone reads it, the probabilities are never there: attention."),
    ("Normalize", &["normalize", "square_root", "reciprocal"], ""),
    ("Embedding", &["embedding"], ""),
    ("Trees", &["trees", "gather"], ""),
];

/// Classical models' operators, seen from the folder of the others.
const CLASSICAL: &str = "../ml/";

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The page.
///
/// # Errors
/// A source file that is not there.
pub(crate) fn page() -> io::Result<String> {
    let modules = modules()?;
    let mut page = String::from(
        "# Operators\n\n\
         Written by `cargo run -p veritorch-onnx --example operators` from the comments in the sources; a test compares it with them.\n\n\
         Files of ONNX's operator sets 7 to 24 load; where an operator differs between them, its text says so. The importer lowers each ONNX operator to\n\
         the core operators that are named behind it; [conformance.md](conformance.md) counts which of ONNX's own tests pass. \"Constants\" as the only core operator\n\
         means that the result is computed while the model is imported, and that the operator is refused where it depends on the model's input.\n\n\
         ## ONNX operators\n\n| operator | what it gives, and what is refused | becomes |\n|---|---|---|\n",
    );
    for operator in veritorch_onnx::supported_operators() {
        let module = modules.get(operator).map_or("shape_arithmetic", String::as_str);
        let text = head(&source(module)?);
        let text = text.strip_prefix(&format!("{operator}: ")).unwrap_or(&text).to_owned();
        let core = core_of(module)?;
        let core = if core.is_empty() { "constants".to_owned() } else { core.into_iter().collect::<Vec<_>>().join(", ") };
        let _ = writeln!(page, "| {operator} | {} | {core} |", text.replace('|', "\\|"));
    }
    page.push_str(
        "\n## Core operators\n\nScales are powers or multiples that calibration fixes, one for each tensor: `real = integer * scale`. Sums are not rounded; what\n\
         reads them rescales them once. [protocol.md](protocol.md) has the equations of the proofs.\n\n",
    );
    let variants = variants()?;
    let mut gadgets: BTreeSet<&str> = BTreeSet::new();
    for (name, proved_by, note) in CORE {
        let text = variants.get(name).map_or("", String::as_str);
        let _ = write!(page, "### {name}\n\n{text}\n\n{note}");
        if !proved_by.is_empty() {
            let space = if note.is_empty() { "" } else { " " };
            let links: Vec<String> = proved_by.iter().map(|gadget| format!("[{gadget}](#gadget-{})", gadget.replace('_', "-"))).collect();
            let _ = write!(page, "{space}Gadgets: {}.", links.join(", "));
        }
        page.push_str("\n\n");
        gadgets.extend(proved_by);
    }
    page.push_str("## Gadgets\n\nHints of the prover, with the constraints that leave exactly one value for every value of the operands.\n");
    for gadget in gadgets {
        let text = std::fs::read_to_string(root().join(format!("crates/graph/src/gadgets/{gadget}.rs")))?;
        let _ = write!(page, "\n### Gadget {}\n\n", gadget.replace('_', " "));
        for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
            let line = plain(line.strip_prefix(' ').unwrap_or(line));
            match line.strip_prefix("# ") {
                Some(heading) => {
                    let _ = writeln!(page, "**{heading}**");
                }
                None => {
                    let _ = writeln!(page, "{line}");
                }
            }
        }
    }
    Ok(page)
}

/// The file of each operator.
fn modules() -> io::Result<BTreeMap<String, String>> {
    let mut modules: BTreeMap<String, String> = ["If", "Loop", "Scan"].map(|name| (name.to_owned(), "../control_flow".to_owned())).into();
    for folder in ["", CLASSICAL] {
        let registry = source(&format!("{folder}mod"))?;
        modules.extend(registry.lines().filter_map(|line| {
            let (name, module) = line.trim().strip_prefix('"')?.split_once("\" => ")?;
            Some((name.to_owned(), format!("{folder}{}", module.strip_suffix(',')?)))
        }));
    }
    Ok(modules)
}

fn source(module: &str) -> io::Result<String> {
    std::fs::read_to_string(root().join(format!("crates/onnx/src/ops/{module}.rs")))
}

/// The head of a file as one line.
fn head(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map_while(|line| line.strip_prefix("//!")).map(|line| plain(line.trim())).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Links to code become the code's name.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("](") {
        let (target, after) = behind.split_once(')').unwrap_or((behind, ""));
        if target.contains("::") {
            let (start, name) = before.rsplit_once('[').unwrap_or(("", before));
            let _ = write!(out, "{start}{name}");
        } else {
            let _ = write!(out, "{before}]({target})");
        }
        rest = after;
    }
    out + rest
}

/// The core operators that a file names, or that the shared files which it uses name.
fn core_of(module: &str) -> io::Result<BTreeSet<String>> {
    let text = source(module)?;
    let own = named(&text);
    if !own.is_empty() {
        return Ok(own);
    }
    let mut found = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("use super::").or(line.strip_prefix("pub(super) use super::"))) {
        let folder = if module.starts_with(CLASSICAL) { CLASSICAL } else { "" };
        let other = format!("{folder}{}", line.split("::").next().unwrap_or_default());
        if other != module && root().join(format!("crates/onnx/src/ops/{other}.rs")).exists() {
            found.extend(core_of(&other)?);
        }
    }
    Ok(found)
}

fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    let operators = text.split("ModelOp::").skip(1).map(word).filter(|name| name != "Unary");
    let functions = text.split("UnaryFn::").skip(1).map(word).filter(|name| !name.is_empty()).map(|name| format!("{name} (table)"));
    operators.chain(functions).filter(|name| !name.is_empty()).collect()
}

/// Texts of the core operators.
fn variants() -> io::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(root().join("crates/graph/src/model/op.rs"))?;
    let body = text.split("pub enum ModelOp {").nth(1).and_then(|body| body.split("\n}\n").next()).unwrap_or_default().to_owned();
    let mut out = BTreeMap::new();
    let mut doc = Vec::new();
    for line in body.lines() {
        if let Some(text) = line.strip_prefix("    /// ") {
            doc.push(plain(text));
        } else if line.starts_with("    ") && line.chars().nth(4).is_some_and(char::is_uppercase) {
            let name: String = line.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
            out.insert(name, std::mem::take(&mut doc).join(" "));
        }
    }
    Ok(out)
}
