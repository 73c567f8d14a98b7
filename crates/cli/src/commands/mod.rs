//! One file per verb.

mod bench;
mod check;
mod commit_tensor;
mod compile;
mod folder;
mod generate;
mod inspect;
mod ledger;
mod link;
mod prove;
mod renew;
mod run;
mod show;
mod verify;

pub(crate) use bench::bench;
pub(crate) use check::check;
pub(crate) use commit_tensor::commit_tensor;
pub(crate) use compile::compile;
pub(crate) use generate::generate;
pub(crate) use inspect::inspect;
pub(crate) use ledger::ledger;
pub(crate) use prove::prove;
pub(crate) use renew::renew;
pub(crate) use run::run;
pub(crate) use verify::verify;

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use veritorch::{CompiledCircuit, artefact};

use crate::args::QuantiseArgs;
use crate::arrays;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Prints to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Prints one JSON value to standard output.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&json(value))
}

/// A JSON value with a line end.
fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain data has a JSON form");
    text.push('\n');
    text
}

/// Reads a prover's key; says so if others can read it as well.
fn load_key(path: &Path, terminal: &Terminal) -> Result<CompiledCircuit, Failure> {
    let circuit = CompiledCircuit::load(path)?;
    if artefact::readable_by_others(path) && circuit.verifier().has_private_weights() {
        terminal.warning(&format!("`{}` holds private weights and others can read it; `chmod 600` keeps them out", path.display()));
    }
    Ok(circuit)
}

/// Writes a text file whole or not at all.
fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(artefact::write_atomically(path, text.as_bytes())?)
}

/// Refuses destinations that cannot be written before the work begins.
fn check_destinations<'a>(paths: impl IntoIterator<Item = Option<&'a Path>>) -> Result<(), Failure> {
    for path in paths.into_iter().flatten() {
        artefact::check_destination(path)?;
    }
    Ok(())
}

impl QuantiseArgs {
    /// The library's options.
    fn options(&self) -> Result<veritorch::CompileOptions, Failure> {
        use veritorch::Target;
        let target = match (self.accuracy_target, self.accuracy_loss, self.agreement_target, self.drift_target) {
            (Some(value), _, _, _) => Target::Accuracy(value),
            (_, Some(value), _, _) => Target::AccuracyLoss(value),
            (_, _, Some(value), _) => Target::Agreement(value),
            (_, _, _, Some(value)) => Target::Drift(value),
            _ => Target::None,
        };
        let input_steps = match (self.input_scale, &self.input_like) {
            (Some(scale), _) => Some(veritorch::InputSteps { scale, range: None }),
            (None, Some(path)) => Some(veritorch::commitment::input_steps_like(path, &artefact::read(path)?)?),
            (None, None) => None,
        };
        let labels = match &self.labels {
            Some(path) => {
                let labels = arrays::read_integers(path)?.into_iter().map(usize::try_from).collect::<Result<_, _>>();
                Some(labels.map_err(|_| Failure::usage("--labels", "classes are numbered from 0"))?)
            }
            None => None,
        };
        Ok(veritorch::CompileOptions {
            held_out: None,
            name: self.name.clone(),
            quantise: veritorch::QuantiseOptions {
                activation_bits: self.activation_bits,
                input_bits: self.input_bits,
                input_steps,
                wide_weights: self.wide_weights.then_some(true),
                target,
                labels,
                policy: veritorch::Policy {
                    input: self.input.map_or(veritorch::Visibility::Private, Into::into),
                    output: self.output.into(),
                    weights: self.weights.into(),
                },
                tighten: self.tighten,
                saturate: self.saturate,
                node_errors: true,
                ..veritorch::QuantiseOptions::default()
            },
            profile: self.profile.into(),
            lifetime: self.lifetime,
            memory: self.memory,
        })
    }
}
