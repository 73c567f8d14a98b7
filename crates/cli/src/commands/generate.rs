//! `generate`: a text that the quantised model says after a prompt, and one proof of both.

use std::time::Instant;

use serde_json::json;
use veritorch::commitment::opening_path;
use veritorch::inspect::bits;

use super::prove::save_commitments;
use super::{check_destinations, load_key, print, print_json};
use crate::args::GenerateArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn generate(args: &GenerateArgs, terminal: &Terminal) -> Result<(), Failure> {
    check_destinations([args.proof.as_deref()])?;
    let circuit = load_key(&args.key, terminal)?;
    let start = Instant::now();
    let mut output = Ok(());
    let mut say = |piece: &str| {
        if !args.json && output.is_ok() {
            output = print(piece);
        }
    };
    say(&args.prompt);
    let generated = circuit.generate(&args.prompt, args.max_new_tokens, args.seed, &mut say, terminal)?;
    say("\n");
    output?;
    let decoded = start.elapsed().as_secs_f64();
    let mut proof = json!(null);
    if let Some(path) = &args.proof {
        let start = Instant::now();
        let proven = circuit.prove_text_linked(&generated.ids, args.openings, terminal)?;
        let commitments = save_commitments(path, &proven)?;
        proven.proof.save(path)?;
        terminal.finish();
        let seconds = start.elapsed().as_secs_f64();
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let security = proven.proof.inspect().security.bits;
        terminal.note(&format!("proved in {seconds:.3} s: {} ({bytes} bytes, {} bits)", path.display(), bits(security)));
        for (side, path) in &commitments {
            terminal.note(&format!("committed {side}: {}, with what opens it in {}", path.display(), opening_path(path).display()));
        }
        let commitments: Vec<_> = commitments.iter().map(|(side, path)| json!({ "side": side, "path": path })).collect();
        proof = json!({ "proof": path, "proof_bytes": bytes, "seconds": seconds, "security_bits": security, "commitments": commitments });
    }
    if args.json {
        return print_json(&json!({
            "prompt": args.prompt,
            "seed": args.seed,
            "text": generated.text,
            "prompt_ids": generated.ids.prompt,
            "ids": generated.ids.generated,
            "finished": generated.is_finished,
            "seconds": decoded,
            "proved": proof,
        }));
    }
    terminal.note(&format!("{} tokens in {decoded:.2} s", generated.ids.generated.len()));
    Ok(())
}
