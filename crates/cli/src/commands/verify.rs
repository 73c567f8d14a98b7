//! `verify`: checks a proof and prints what it shows.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use veritorch::inspect::{PolicyRow, bits, whole_tenths};
use veritorch::commitment::{Side, check_expected};
use veritorch::{Commitment, Drawing, HiddenText, Proof, TextStatement, Tokenizer, Verification, Verifier};

use super::link::{Asked, Checked, commitments_to_json};
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
    let load = |path: &Option<PathBuf>| path.as_deref().map(Commitment::load).transpose();
    let expected = [(Side::Input, load(&args.expect_input)?), (Side::Output, load(&args.expect_output)?)];
    let asked = args.link.iter().map(|link| Asked::parse(link)).collect::<Result<Vec<_>, _>>()?;
    let tokenizer = args.text.as_deref().map(Tokenizer::read).transpose().map_err(veritorch::Error::from)?;
    let start = Instant::now();
    let result = Proof::load(&args.proof).and_then(|proof| {
        let verification = verifier.verify(&proof)?;
        if let Some(inputs) = &expected_inputs {
            verifier.check_inputs(&proof, inputs)?;
        }
        if let Some(outputs) = &expected_outputs {
            verifier.check_outputs(&proof, outputs)?;
        }
        for (side, commitment) in &expected {
            if let Some(commitment) = commitment {
                check_expected(&verification, *side, commitment)?;
            }
        }
        let links = asked.iter().map(|link| link.check(&verification)).collect::<Result<Vec<_>, _>>()?;
        let text = tokenizer.as_ref().map(|tokenizer| Text::read(tokenizer, &verifier, &proof, &verification)).transpose()?;
        Ok((verification, links, text))
    });
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok((verification, links, text)) if args.json => {
            let mut report = to_json(&verification, &links, seconds);
            report["text"] = text.map_or(Value::Null, Text::into_json);
            print_json(&report)
        }
        Ok((verification, links, text)) => {
            let said = text.map_or(String::new(), |text| text.to_text());
            print(&format!("{}{said}", to_text(&verification, &links, args, seconds)))
        }
        Err(error) => {
            if args.json && error.exit_code() == 1 {
                print_json(&json!({ "valid": false, "reason": error.to_string() }))?;
            }
            Err(error.into())
        }
    }
}

/// A text that was proved.
enum Text {
    Shown { ids: TextStatement, prompt: String, generated: String, drawing: Option<Drawing> },
    /// With the identities of the commitments to it.
    Hidden { lengths: HiddenText, commitments: Vec<String> },
}

impl Text {
    fn read(tokenizer: &Tokenizer, verifier: &Verifier, proof: &Proof, verification: &Verification) -> Result<Self, veritorch::Error> {
        if let Some(lengths) = verifier.hidden_text(proof)? {
            let inputs = verification.commitments.iter().filter(|port| port.side == Side::Input);
            return Ok(Self::Hidden { lengths, commitments: inputs.map(|port| port.identity.clone()).collect() });
        }
        let ids = verifier.text(proof)?;
        let prompt = tokenizer.decode(&ids.prompt)?;
        let whole = tokenizer.decode(&[ids.prompt.as_slice(), &ids.generated].concat())?;
        let generated = whole.get(prompt.len()..).unwrap_or_default().to_owned();
        Ok(Self::Shown { ids, prompt, generated, drawing: verifier.drawing() })
    }

    fn to_text(&self) -> String {
        match self {
            Self::Shown { ids, prompt, generated, drawing } => {
                let mut text = format!("prompt            {prompt:?}\ntext              {generated:?}\n");
                if let Some((Drawing { temperature, top_k }, seed)) = drawing.as_ref().zip(ids.seed) {
                    let among = top_k.map_or(String::new(), |k| format!(" among the {k} likeliest"));
                    text.push_str(&format!("sampling          each token drawn{among} with {temperature}, seeded with {seed}\n"));
                }
                text
            }
            Self::Hidden { lengths: HiddenText { prompt, generated }, commitments } => {
                let shown = if commitments.is_empty() {
                    "private".to_owned()
                } else {
                    format!("under the commitment {}", commitments.join(", "))
                };
                format!("text              {shown}: {prompt} tokens of a prompt, and {generated} that the model says after it\n")
            }
        }
    }

    fn into_json(self) -> Value {
        match self {
            Self::Shown { ids, prompt, generated, drawing } => {
                let sampling = drawing.map(|Drawing { temperature, top_k }| json!({ "noise": temperature, "top_k": top_k, "seed": ids.seed }));
                json!({ "prompt": prompt, "text": generated, "prompt_ids": ids.prompt, "ids": ids.generated, "sampling": sampling })
            }
            Self::Hidden { lengths, commitments } => {
                json!({ "prompt_tokens": lengths.prompt, "tokens": lengths.generated, "commitments": commitments })
            }
        }
    }
}

fn to_json(verification: &Verification, links: &[Checked], seconds: f64) -> Value {
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
        "commitments": commitments_to_json(verification),
        "links": links.iter().map(Checked::to_json).collect::<Vec<_>>(),
        "security_bits": whole_tenths(verification.security.bits),
        "security": verification.security,
        "seconds": seconds,
    })
}

fn to_text(verification: &Verification, links: &[Checked], args: &VerifyArgs, seconds: f64) -> String {
    let mut text = format!("valid: {verification}");
    for (what, given) in [("input", &args.input), ("output", &args.output)] {
        if given.is_some() {
            text.push_str(&format!(" The {what} is the one given."));
        }
    }
    for (what, given) in [("input", &args.expect_input), ("output", &args.expect_output)] {
        if given.is_some() {
            text.push_str(&format!(" The committed {what} is the one given."));
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
    for port in &verification.commitments {
        text.push_str(&format!("{:<18}{} `{}`\n", format!("committed {}", port.side), port.identity, port.name));
    }
    links.iter().for_each(|link| text.push_str(&link.to_text(&verification.model)));
    text.push_str(&format!("policy            {}\n", PolicyRow::of(verification.policy)));
    text.push_str(&format!("security          {} bits\n", bits(verification.security.bits)));
    text.push_str(&format!("time              {:.1} ms\n", seconds * 1e3));
    text
}
