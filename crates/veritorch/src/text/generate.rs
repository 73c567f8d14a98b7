//! Decoding by the circuit, greedily or by a seed, and one proof of prompt and text.

use super::session::Session;
use veritorch_checkpoint::{HIDDEN_TEXT, SEED};
use veritorch_prove::DEFAULT_TENSOR_OPENINGS;

use super::statement::{HiddenText, IDS, MARKS, NEXT_IDS, TextKind, TextStatement, seed_words};
use crate::{Array, Arrays, CompiledCircuit, Error, Inputs, Progress, Proven, Visibility};

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
    /// Says what the model says after a prompt: at each position the id of the greatest logit, the lowest of several, or the one that the
    /// seed draws where the model was compiled to draw, until `max_new_tokens` or the model's end of text. `say` is given the text piece
    /// by piece.
    ///
    /// # Errors
    /// The circuit is none for texts, the seed is missing or not asked for, prompt and text are longer than its sequence, it refuses an input, or
    /// the caller interrupts.
    pub fn generate(
        &self,
        prompt: &str,
        max_new_tokens: usize,
        seed: Option<u64>,
        say: &mut dyn FnMut(&str),
        progress: &dyn Progress,
    ) -> Result<Generated, Error> {
        let refuse = |option, reason| Err(Error::Option { option, reason });
        let (Some(model), Some(kind)) = (self.text(), TextKind::of(self.circuit())) else {
            return refuse("model", format!("`{}` is not compiled for texts", self.circuit().name));
        };
        match (kind == TextKind::Shown { drawn: true }, seed) {
            (true, None) => return refuse("seed", "is missing: the model draws its tokens, by a seed that the proof states".to_owned()),
            (false, Some(_)) => {
                return refuse("seed", "the model says the likeliest token each time; `compile --sample` makes one that draws".to_owned());
            }
            _ => {}
        }
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
        let mut ids = TextStatement { prompt: prompt_ids, generated: Vec::new(), seed };
        let mut whole = start.clone();
        let mut is_finished = false;
        let mut session = Session::new(self, model.seq_len(), seed)?;
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

    /// Proves that the model says this text: one causal pass over prompt and text. Commitments that are made for it cover the usual number
    /// of proofs.
    ///
    /// # Errors
    /// As [`CompiledCircuit::prove`]; the circuit is none for texts; [`Error::Text`] if the model says another text.
    pub fn prove_text(&self, text: &TextStatement, progress: &dyn Progress) -> Result<Proven, Error> {
        self.prove_text_linked(text, DEFAULT_TENSOR_OPENINGS, progress)
    }

    /// As [`CompiledCircuit::prove_text`], with commitments that cover `openings` proofs, this one among them.
    ///
    /// # Errors
    /// As [`CompiledCircuit::prove_text`].
    pub fn prove_text_linked(&self, text: &TextStatement, openings: usize, progress: &dyn Progress) -> Result<Proven, Error> {
        let policy = self.circuit().policy;
        let kind = match TextKind::of(self.circuit()) {
            Some(kind) if policy.output == Visibility::Public => kind,
            _ => {
                let reason = format!("`{}` is not compiled for texts with public outputs", self.circuit().name);
                return Err(Error::Option { option: "model", reason });
            }
        };
        let hides = policy.input != Visibility::Public;
        if hides != (kind == TextKind::Hidden) {
            let reason = format!("`{}` gives next ids of a text that it hides, and nobody could compare them: compile it anew", self.circuit().name);
            return Err(Error::Option { option: "model", reason });
        }
        let seq_len = self.text().map_or(0, super::TextModel::seq_len);
        let inputs = arrays(text, seq_len)?;
        let proven = self.prove_linked(Inputs::Values(&inputs), openings, progress)?;
        // What was decoded row by row is what the whole pass says, or there is no proof.
        let integers = |arrays: &Arrays, name| -> Vec<i64> {
            arrays.get(name).map(|array| array.data.iter().map(|&id| id as i64).collect()).unwrap_or_default()
        };
        let outputs = |name| integers(&proven.outputs, name);
        let read = if hides {
            let [prompt, end, mistakes] = HIDDEN_TEXT.map(|name| outputs(name).first().copied().unwrap_or(-1));
            HiddenText::read(prompt, end, mistakes, seq_len.saturating_sub(MARKS)).map(drop)
        } else {
            TextStatement::read(&integers(&inputs, IDS), &outputs(NEXT_IDS)).map(drop)
        };
        read.map_err(|reason| Error::Text { reason })?;
        Ok(proven)
    }
}

/// The integers of the inputs that say a text, in the order of the circuit.
pub(super) fn integers(text: &TextStatement, seq_len: usize) -> Result<Vec<Vec<i64>>, Error> {
    let Some(ids) = text.sequence(seq_len) else {
        return Err(Error::Option { option: "text", reason: format!("longer than {seq_len} tokens") });
    };
    let ids = ids.into_iter().map(i64::from).collect();
    Ok([ids].into_iter().chain(text.seed.map(seed_words)).collect())
}

/// The inputs that say a text.
pub(super) fn arrays(text: &TextStatement, seq_len: usize) -> Result<Arrays, Error> {
    let named = [(IDS, vec![1, seq_len]), (SEED, vec![veritorch_checkpoint::SEED_WORDS])].into_iter().zip(integers(text, seq_len)?);
    Ok(named
        .map(|((name, shape), integers)| (name.to_owned(), Array { shape, data: integers.into_iter().map(|v| v as f32).collect() }))
        .collect())
}
