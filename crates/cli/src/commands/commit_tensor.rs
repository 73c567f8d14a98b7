//! `commit-tensor`: a salted commitment to arrays, made by who owns them.

use serde_json::json;
use veritorch::commitment::{CommitmentOpening, Steps, commit, opening_path};
use veritorch::inspect::profile_name;
use veritorch::Verifier;

use super::{check_destinations, print, print_json};
use crate::args::CommitTensorArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the verb.
pub(crate) fn commit_tensor(args: &CommitTensorArgs, terminal: &Terminal) -> Result<(), Failure> {
    let secret = opening_path(&args.output);
    check_destinations([Some(args.output.as_path()), Some(secret.as_path())])?;
    let model = args.model.as_deref().map(Verifier::load).transpose()?;
    let tensors = arrays::read_tensors(&args.arrays, model.as_ref().map(Verifier::input_names).as_deref())?;
    let steps = match (&model, args.scale) {
        (Some(model), _) => Steps::For(model),
        (None, Some(scale)) => Steps::Scale(scale, args.profile.into()),
        (None, None) => Steps::Own(args.profile.into()),
    };
    veritorch::Progress::phase(terminal, "commit");
    let opening = commit(&tensors, steps, args.openings)?;
    opening.save(&args.output)?;
    terminal.finish();
    if args.json {
        return print_json(&json!({
            "commitment": args.output,
            "opening": secret,
            "profile": profile_name(opening.commitment().profile()),
            "openings": args.openings,
            "arrays": to_json(&opening),
        }));
    }
    let mut text = String::new();
    for (array, identity) in opening.commitment().identities() {
        text.push_str(&format!("committed to `{}` {:?}: {identity}\n", array.name, array.shape));
    }
    text.push_str(&format!("for anyone        {}\n", args.output.display()));
    text.push_str(&format!("for who proves    {} ({} proofs)\n", secret.display(), args.openings));
    print(&text)
}

fn to_json(opening: &CommitmentOpening) -> Vec<serde_json::Value> {
    let arrays = opening.commitment().identities();
    arrays.map(|(array, identity)| json!({ "name": array.name, "shape": array.shape, "scale": array.scale, "identity": identity })).collect()
}
