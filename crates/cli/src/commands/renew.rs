//! `renew`: the same weights under a new commitment with openings of its own.

use std::fs::canonicalize;

use serde_json::json;
use veritorch::ledger::ledger_path;
use veritorch::verifier_path;

use super::{check_destinations, load_key, print, print_json};
use crate::args::RenewArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn renew(args: &RenewArgs, terminal: &Terminal) -> Result<(), Failure> {
    let verifier = verifier_path(&args.output)?;
    let ledger = ledger_path(&args.output);
    check_destinations([args.output.as_path(), verifier.as_path(), ledger.as_path()].map(Some))?;
    if canonicalize(&args.key).is_ok_and(|key| canonicalize(&args.output).is_ok_and(|output| key == output)) {
        return Err(Failure::usage("--output", "the old key stays as it is until the new one is there; expected another file"));
    }
    let circuit = load_key(&args.key, terminal)?;
    let renewed = circuit.renew(terminal)?;
    veritorch::Progress::phase(terminal, "write");
    renewed.save(&args.output)?;
    terminal.finish();
    let report = renewed.inspect(1)?;
    if args.json {
        return print_json(&json!({
            "model": report.model,
            "prover_key": args.output,
            "verifier_key": verifier,
            "ledger": ledger,
            "model_commitment": report.model_commitment,
            "renewals": report.renewals,
            "openings_left": report.openings_left,
        }));
    }
    let mut text = format!("renewed `{}`: the new commitment is proved to hold the same weights\n", report.model);
    for (name, value) in [
        ("model commitment", report.model_commitment),
        ("renewals", report.renewals.to_string()),
        ("openings left", report.openings_left.map_or("-".to_owned(), |left| left.to_string())),
        ("prover's key", args.output.display().to_string()),
        ("verifier's key", format!("{} (proofs made before the renewal need the old one)", verifier.display())),
    ] {
        text.push_str(&format!("{name:<18}{value}\n"));
    }
    print(&text)
}
