//! `ledger`: how many openings of a model commitment are left, and giving some of them away.

use serde_json::{Value, json};
use veritorch::inspect::hex;
use veritorch::ledger::{Grant, Ledger, LedgerError, RenewalRight};
use veritorch::{CompiledCircuit, Error};

use super::{load_key, print, print_json};
use crate::args::{LedgerAction, LedgerArgs, SplitArgs};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn ledger(args: &LedgerArgs, terminal: &Terminal) -> Result<(), Failure> {
    if let Some(LedgerAction::Split(args)) = &args.action {
        return split(args, terminal);
    }
    let Some(key) = &args.key else { return Err(Failure::usage("ledger", "expected MODEL.vt")) };
    let circuit = load_key(key, terminal)?;
    let ledger = ledger_of(&circuit)?;
    let grant = ledger.grant()?;
    let elsewhere = ledger.is_elsewhere(&grant)?;
    if args.json { print_json(&to_json(&ledger, &grant, elsewhere)) } else { print(&to_text(&ledger, &grant, elsewhere)) }
}

fn split(args: &SplitArgs, terminal: &Terminal) -> Result<(), Failure> {
    let circuit = load_key(&args.key, terminal)?;
    let ledger = ledger_of(&circuit)?;
    let new = ledger.split(args.openings, &args.output)?;
    let left = ledger.grant()?.left();
    if args.json {
        return print_json(&json!({ "ledger": args.output, "openings": new.openings, "left": left }));
    }
    print(&format!(
        "{} openings moved to {}, {left} are left in {}\nthe first machine that uses {} keeps it; copy it there beside the .vt as MODEL.vt.ledger\n",
        new.openings,
        args.output.display(),
        ledger.path().display(),
        args.output.display(),
    ))
}

fn ledger_of(circuit: &CompiledCircuit) -> Result<Ledger, Failure> {
    match circuit.ledger()? {
        Some(ledger) => Ok(ledger),
        // Only a circuit that was never saved counts anywhere else, and this one was loaded.
        None => Err(Error::from(LedgerError::Public).into()),
    }
}

fn machine(grant: &Grant, elsewhere: bool) -> &'static str {
    match (grant.machine, elsewhere) {
        (None, _) => "none yet",
        (Some(_), false) => "this one",
        (Some(_), true) => "another one",
    }
}

fn renewal(grant: &Grant) -> &'static str {
    match grant.renewal {
        RenewalRight::Kept => "possible",
        RenewalRight::Used => "done",
        RenewalRight::Elsewhere => "with another grant",
    }
}

fn to_json(ledger: &Ledger, grant: &Grant, elsewhere: bool) -> Value {
    json!({
        "ledger": ledger.path(),
        "table": hex(&grant.table),
        "grant": hex(&grant.id),
        "openings": grant.openings,
        "used": grant.used - grant.given,
        "given": grant.given,
        "left": grant.left(),
        "machine": machine(grant, elsewhere),
        "renewal": renewal(grant),
    })
}

fn to_text(ledger: &Ledger, grant: &Grant, elsewhere: bool) -> String {
    let given = if grant.given > 0 { format!(", {} given away", grant.given) } else { String::new() };
    let mut text = format!("{} of {} openings left, {} used{given}\n", grant.left(), grant.openings, grant.used - grant.given);
    for (name, value) in [
        ("ledger", ledger.path().display().to_string()),
        ("table", hex(&grant.table)),
        ("grant", hex(&grant.id)),
        ("machine", machine(grant, elsewhere).to_owned()),
        ("renewal", renewal(grant).to_owned()),
    ] {
        text.push_str(&format!("{name:<18}{value}\n"));
    }
    text
}
