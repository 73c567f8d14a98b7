//! `run`: the quantised model without a proof.

use serde_json::json;
use veritorch::artefact;

use super::{check_destinations, load_key, print, print_json, show};
use crate::args::RunArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn run(args: &RunArgs, terminal: &Terminal) -> Result<(), Failure> {
    check_destinations([args.output.as_deref()])?;
    let circuit = load_key(&args.key, terminal)?;
    let inputs = arrays::read(&args.input)?.named("input", &circuit.input_names())?;
    let run = circuit.run(&inputs)?;
    run.saturations.iter().for_each(|saturation| terminal.warning(&saturation.to_string()));
    if let Some(path) = &args.output {
        artefact::write_atomically(path, &arrays::write(&run.outputs))?;
        terminal.note(&format!("wrote {}", path.display()));
    }
    if args.json {
        let warnings: Vec<String> = run.saturations.iter().map(ToString::to_string).collect();
        return print_json(&json!({ "batch": run.batch, "outputs": show::to_json(&run.outputs), "warnings": warnings }));
    }
    if args.output.is_none() { print(&show::to_text(&run.outputs, run.batch)) } else { Ok(()) }
}
