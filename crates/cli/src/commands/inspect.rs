//! `inspect`: what is in a file.

use veritorch::inspect::inspect_file;

use super::{check_destinations, load_key, print, print_json, write_text};
use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn inspect(args: &InspectArgs, terminal: &Terminal) -> Result<(), Failure> {
    check_destinations([args.html.as_deref()])?;
    let mut report = inspect_file(&args.file, args.batch)?;
    if args.measure {
        if report.kind != "prover's key" {
            return Err(Failure::usage("--measure", format!("a {} cannot prove; give the .vt", report.kind)));
        }
        let timings = measure(args, terminal)?;
        report.set_measured(&timings);
        terminal.finish();
    }
    if let Some(path) = &args.html {
        write_text(path, &report.to_html())?;
        terminal.note(&format!("wrote {}", path.display()));
    }
    if args.json {
        print_json(&report)
    } else if args.html.is_none() {
        print(&report.to_string())
    } else {
        Ok(())
    }
}

/// Seconds of each phase of one proof of noise.
fn measure(args: &InspectArgs, terminal: &Terminal) -> Result<Vec<(String, f64)>, Failure> {
    let circuit = load_key(&args.file, terminal)?;
    let noise = circuit.noise(args.batch, 3);
    Ok(circuit.prove(&noise, terminal)?.timings)
}
