//! What a language model's graph gives: logits, the ids that it says next, or what a hidden text is worth.
//!
//! # Hidden texts
//! The ids of a text (`P` tokens of a prompt, `E` tokens with what follows it, filler, and the numbers P and E in the last two places) may be
//! nothing that a proof shows. Then the graph itself counts the tokens that are not what it says,
//!
//! ```text
//! mistakes = sum over 1 <= i <= S - 3 of [P <= i] [i < E] [ids_i != next_ids_(i-1)]
//! ```
//!
//! and gives P, E and this number. All are whole numbers, which circuits hold exactly.

use veritorch_graph::model::{ModelGraph, ModelOp, UnaryFn, ValueId};

use crate::CheckpointError;
use crate::network::Network;

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Greater than zero; 1 leaves the model's probabilities as they are.
    pub temperature: f32,
    /// Draws are among so many of the likeliest tokens; `None` for all.
    pub top_k: Option<usize>,
}

/// What a language model gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Head {
    /// Ids of the next tokens in place of the logits: the likeliest, the lowest id of several.
    pub next_ids: bool,
    /// Next tokens are drawn, by a seed that is a second input.
    pub sampling: Option<Sampling>,
    /// In place of the next ids, how long prompt and text are and how many tokens of the text are not the model's.
    pub hides_text: bool,
}

/// Words of a seed, of 16 bits each.
pub const SEED_WORDS: usize = 4;
/// Name of the input that holds a seed.
pub const SEED: &str = "seed";
/// Outputs of a hidden text: tokens of the prompt, of prompt and text, and those of the text that the model does not say.
pub const HIDDEN_TEXT: [&str; 3] = ["prompt_end", "text_end", "mistakes"];
/// Least sequence with room for a text and its two marks.
const LEAST_TEXT: usize = 4;

impl Network<'_> {
    /// The finished graph of a language model with these ids and logits.
    pub(crate) fn finish_language_model(
        mut self,
        model: String,
        [ids, logits]: [ValueId; 2],
        head: Head,
    ) -> Result<ModelGraph, CheckpointError> {
        if !head.next_ids {
            return self.finish(model, &[(logits, "logits")]);
        }
        let shape = [1, self.seq_len, 1];
        let next = match head.sampling {
            None => self.node("next_ids", ModelOp::ArgMax { axis: 2, select_last: false }, &[logits], &shape),
            Some(Sampling { temperature, top_k }) => {
                let seed = self.input(SEED, &[SEED_WORDS]);
                self.node("next_ids", ModelOp::Sample { temperature, top_k }, &[logits, seed], &shape)
            }
        };
        if !head.hides_text {
            return self.finish(model, &[(next, "next_ids")]);
        }
        if self.seq_len < LEAST_TEXT {
            return Err(CheckpointError::SequenceLength { seq_len: self.seq_len, least: LEAST_TEXT, most: crate::MAX_SEQ_LEN });
        }
        let outputs = self.hidden_text(ids, next);
        let [prompt, text, mistakes] = HIDDEN_TEXT;
        self.finish(model, &[(outputs[0], prompt), (outputs[1], text), (outputs[2], mistakes)])
    }

    /// `[P, E, mistakes]`, each `[1, 1]`.
    fn hidden_text(&mut self, ids: ValueId, next: ValueId) -> [ValueId; 3] {
        let (s, count) = (self.seq_len, self.seq_len - 3);
        let flat = self.reshape("text.next_ids", next, &[1, s]);
        let chosen = self.slice_last("text.chosen", flat, 0, count);
        let said = self.slice_last("text.said", ids, 1, count);
        let ends = [("prompt", s - 2), ("text", s - 1)].map(|(of, at)| self.slice_last(&format!("text.{of}_end"), ids, at, 1));
        let positions = self.constant("text.positions", &[1, count], (1..=count).map(|i| i as f32).collect());
        let after = self.sub("text.after_prompt", positions, ends[0]);
        let after = self.unary("text.is_after_prompt", UnaryFn::NonNegative, after);
        let before = self.sub("text.before_end", ends[1], positions);
        let before = self.unary("text.is_before_end", UnaryFn::Positive, before);
        let difference = self.sub("text.difference", said, chosen);
        let same = self.unary("text.is_chosen", UnaryFn::Zero, difference);
        let one = self.constant("text.one", &[], vec![1.0]);
        let other = self.sub("text.is_other", one, same);
        let generated = self.mul("text.is_generated", after, before);
        let mistakes = self.mul("text.is_mistake", generated, other);
        let sum = self.node("text.mistakes", ModelOp::ReduceSum { axes: vec![1] }, &[mistakes], &[1, 1]);
        [ends[0], ends[1], sum]
    }
}
