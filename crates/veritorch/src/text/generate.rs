//! Greedy decoding by the circuit, and one proof of prompt and text.

use super::session::Session;
use super::statement::{IDS, MARKS, NEXT_IDS, TextStatement};
use crate::{Array, Arrays, CompiledCircuit, Error, Progress, Proven, Visibility};

/// A text that a circuit said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Prompt and text as ids.
    pub ids: TextStatement,
    /// The prompt, decoded.
    pub prompt: String,
    /// What was said after it.
    pub text: String,
    /// Whether the model ended the text itself.
    pub is_finished: bool,
}

impl CompiledCircuit {
    /// Says what the model says after a prompt: at each position the id of the greatest logit, the lowest of several, until
    /// `max_new_tokens` or the model's end of text. `say` is given the text piece by piece.
    ///
    /// # Errors
    /// The circuit is none for texts, prompt and text are longer than its sequence, it refuses an input, or the caller interrupts.
    pub fn generate(
        &self,
        prompt: &str,
        max_new_tokens: usize,
        say: &mut dyn FnMut(&str),
        progress: &dyn Progress,
    ) -> Result<Generated, Error> {
        let refuse = |option, reason| Err(Error::Option { option, reason });
        let Some(model) = self.text().filter(|_| self.is_for_texts()) else {
            return refuse("model", format!("`{}` is not compiled for texts", self.circuit().name));
        };
        let tokenizer = model.tokenizer()?;
        let prompt_ids = tokenizer.encode(prompt)?;
        let room = model.seq_len().saturating_sub(MARKS);
        if prompt_ids.is_empty() {
            return refuse("prompt", "it has no tokens".to_owned());
        }
        if prompt_ids.len() + max_new_tokens > room {
            let reason = format!(
                "{} tokens of the prompt and {max_new_tokens} new ones, expected at most {room}: the model was compiled for sequences of {}, two \
                 of which say where prompt and text end",
                prompt_ids.len(),
                model.seq_len()
            );
            return refuse("max-new-tokens", reason);
        }
        let start = tokenizer.decode(&prompt_ids)?;
        let mut said = start.len();
        let mut ids = TextStatement { prompt: prompt_ids, generated: Vec::new() };
        let mut whole = start.clone();
        let mut is_finished = false;
        let mut session = Session::new(self, model.seq_len())?;
        for _ in 0..max_new_tokens {
            if progress.interrupted() {
                return Err(Error::Interrupted);
            }
            let next = session.next_id(&ids)?;
            if model.ends(next) {
                is_finished = true;
                break;
            }
            ids.generated.push(next);
            whole = tokenizer.decode(&[ids.prompt.as_slice(), &ids.generated].concat())?;
            // Bytes of an unfinished character wait for the rest of it.
            if let Some(piece) = whole.get(said..).filter(|piece| !piece.ends_with(char::REPLACEMENT_CHARACTER)) {
                say(piece);
                said = whole.len();
            }
        }
        say(whole.get(said..).unwrap_or_default());
        let text = whole.get(start.len()..).unwrap_or_default().to_owned();
        Ok(Generated { ids, prompt: start, text, is_finished })
    }

    /// Proves that the model says this text: one causal pass over prompt and text.
    ///
    /// # Errors
    /// As [`CompiledCircuit::prove`]; the policy hides the ids; [`Error::Text`] if the model says another text.
    pub fn prove_text(&self, text: &TextStatement, progress: &dyn Progress) -> Result<Proven, Error> {
        let policy = self.circuit().policy;
        if !self.is_for_texts() || (policy.input, policy.output) != (Visibility::Public, Visibility::Public) {
            let reason = format!("`{}` is not compiled for texts with `--input public`", self.circuit().name);
            return Err(Error::Option { option: "model", reason });
        }
        let seq_len = self.text().map_or(0, super::TextModel::seq_len);
        let inputs = arrays(text, seq_len)?;
        let proven = self.prove(&inputs, progress)?;
        // What was decoded row by row is what the whole pass says, or there is no proof.
        let integers = |arrays: &Arrays, name| -> Vec<i64> {
            arrays.get(name).map(|array| array.data.iter().map(|&id| id as i64).collect()).unwrap_or_default()
        };
        TextStatement::read(&integers(&inputs, IDS), &integers(&proven.outputs, NEXT_IDS)).map_err(|reason| Error::Text { reason })?;
        Ok(proven)
    }

    /// Whether ids go in and the next ids come out.
    fn is_for_texts(&self) -> bool {
        let names = |names: &[String], name| matches!(names, [only] if only == name);
        let outputs: Vec<String> = self.circuit().outputs.iter().map(|port| port.name.clone()).collect();
        names(&self.input_names(), IDS) && names(&outputs, NEXT_IDS)
    }
}

/// The inputs that say a text.
pub(super) fn arrays(text: &TextStatement, seq_len: usize) -> Result<Arrays, Error> {
    let Some(ids) = text.sequence(seq_len) else {
        return Err(Error::Option { option: "text", reason: format!("longer than {seq_len} tokens") });
    };
    let data = ids.into_iter().map(|id| id as f32).collect();
    Ok([(IDS.to_owned(), Array { shape: vec![1, seq_len], data })].into())
}
