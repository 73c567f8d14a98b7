//! `verify`: checks a proof and prints what it shows.

use std::time::Instant;

use serde_json::{Value, json};
use veritorch::inspect::{PolicyRow, bits, whole_tenths};
use veritorch::{Proof, Verification, Verifier};

use super::{print, print_json, show};
use crate::args::VerifyArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn verify(args: &VerifyArgs, _terminal: &Terminal) -> Result<(), Failure> {
    let verifier = Verifier::load(&args.key)?;
    let expected_inputs = match &args.input {
        Some(path) => Some(arrays::read(path)?.named("input", &verifier.input_names())?),
        None => None,
    };
    let expected_outputs = match &args.output {
        Some(path) => Some(arrays::read(path)?.named("output", &verifier.output_names())?),
        None => None,
    };
    let start = Instant::now();
    let result = Proof::load(&args.proof).and_then(|proof| {
        let verification = verifier.verify(&proof)?;
        if let Some(inputs) = &expected_inputs {
            verifier.check_inputs(&proof, inputs)?;
        }
        if let Some(outputs) = &expected_outputs {
            verifier.check_outputs(&proof, outputs)?;
        }
        Ok(verification)
    });
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok(verification) if args.json => print_json(&to_json(&verification, seconds)),
        Ok(verification) => print(&to_text(&verification, args, seconds)),
        Err(error) => {
            if args.json && error.exit_code() == 1 {
                print_json(&json!({ "valid": false, "reason": error.to_string() }))?;
            }
            Err(error.into())
        }
    }
}

fn to_json(verification: &Verification, seconds: f64) -> Value {
    let arrays = |arrays: &Option<veritorch::Arrays>| arrays.as_ref().map_or(Value::Null, show::to_json);
    json!({
        "valid": true,
        "statement": verification.to_string(),
        "model": verification.model,
        "circuit_digest": verification.circuit_digest,
        "model_commitment": verification.model_commitment,
        "policy": PolicyRow::of(verification.policy),
        "public": verification.shown(),
        "hidden": verification.hidden(),
        "renewals": verification.renewals,
        "batch": verification.batch,
        "inputs": arrays(&verification.inputs),
        "outputs": arrays(&verification.outputs),
        "security_bits": whole_tenths(verification.security.bits),
        "security": verification.security,
        "seconds": seconds,
    })
}

fn to_text(verification: &Verification, args: &VerifyArgs, seconds: f64) -> String {
    let mut text = format!("valid: {verification}");
    for (what, given) in [("input", &args.input), ("output", &args.output)] {
        if given.is_some() {
            text.push_str(&format!(" The {what} is the one given."));
        }
    }
    text.push('\n');
    if let Some(outputs) = &verification.outputs {
        text.push_str(&show::to_text(outputs, verification.batch));
    }
    text.push_str(&format!("circuit           {}\n", verification.circuit_digest));
    text.push_str(&format!("model commitment  {}\n", verification.model_commitment));
    if verification.renewals > 0 {
        text.push_str(&format!("renewals          {}, each proved to hold the same weights\n", verification.renewals));
    }
    text.push_str(&format!("policy            {}\n", PolicyRow::of(verification.policy)));
    text.push_str(&format!("security          {} bits\n", bits(verification.security.bits)));
    text.push_str(&format!("time              {:.1} ms\n", seconds * 1e3));
    text
}
