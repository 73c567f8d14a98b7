//! What a proof says of a text: a prompt, and what the model says after it.
//!
//! The circuit gives `next_ids[i]`, the greedy choice after `ids[..=i]`. The last two ids of the sequence are the numbers `P` of tokens of the
//! prompt and `T` of tokens of the text; no earlier position sees them. The text is generated if `1 <= P <= T <= S - 2` and
//! `ids[i] = next_ids[i - 1]` for `P <= i < T`, which anyone reads off the public ids (`docs/decisions/008-texts.md`). Where tokens are drawn,
//! the seed is a public input as well. Where the ids are hidden, the circuit counts the tokens for which this does not hold, and shows the number.

use veritorch_checkpoint::{HIDDEN_TEXT, SEED, SEED_WORDS};
use veritorch_graph::circuit::{Circuit, Op, Port, Table};

use crate::{Error, Proof, Verifier};

/// Name of the input: ids `[1, S]`.
pub(crate) const IDS: &str = "input_ids";
/// Name of the output: the greedy next id of every position.
pub(crate) const NEXT_IDS: &str = "next_ids";
/// Ids at the end of the sequence that are no text.
pub(crate) const MARKS: usize = 2;

/// A prompt and what a model said after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextStatement {
    /// Ids of the prompt.
    pub prompt: Vec<u32>,
    /// Ids that the model chose, one after the other.
    pub generated: Vec<u32>,
    /// The seed that they were drawn by; `None` where they are the likeliest.
    pub seed: Option<u64>,
}

/// What a proof says of a text that it does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiddenText {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens that the model said after it.
    pub generated: usize,
}

/// How tokens are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The temperature, as compiled: "temperature 0.8".
    pub temperature: String,
    /// Draws are among so many of the likeliest tokens; `None` for all.
    pub top_k: Option<usize>,
}

/// What a circuit says about texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// The next ids.
    Shown {
        /// By a seed.
        drawn: bool,
    },
    /// How many tokens are not the next ones.
    Hidden,
}

impl TextKind {
    /// By the names of a circuit's ports, which are whole numbers; `None` where it is none for texts.
    pub(crate) fn of(circuit: &Circuit) -> Option<Self> {
        let is = |ports: &[Port], names: &[&str]| {
            ports.len() == names.len() && ports.iter().zip(names).all(|(port, name)| port.name == *name && port.scale == [1.0])
        };
        let (inputs, outputs) = (circuit.inputs.as_slice(), circuit.outputs.as_slice());
        match is(outputs, &[NEXT_IDS]) {
            true if is(inputs, &[IDS]) => Some(Self::Shown { drawn: false }),
            true if is(inputs, &[IDS, SEED]) => Some(Self::Shown { drawn: true }),
            false if is(inputs, &[IDS]) && is(outputs, &HIDDEN_TEXT) => Some(Self::Hidden),
            _ => None,
        }
    }
}

/// Words of a seed, lowest first.
pub(crate) fn seed_words(seed: u64) -> Vec<i64> {
    (0..SEED_WORDS).map(|word| i64::from((seed >> (16 * word)) as u16)).collect()
}

/// The seed of these words.
fn seed_of(words: &[i64]) -> Option<u64> {
    let words: Vec<u16> = words.iter().map(|&word| u16::try_from(word).ok()).collect::<Option<_>>()?;
    let words: [u16; SEED_WORDS] = words.try_into().ok()?;
    Some(words.iter().rev().fold(0, |seed, &word| (seed << 16) | u64::from(word)))
}

impl TextStatement {
    /// The sequence of `seq_len` ids that says it: the text, as often the prompt's first id as there is room, and the marks.
    /// `None` where there is no room.
    pub(crate) fn sequence(&self, seq_len: usize) -> Option<Vec<u32>> {
        let text = [self.prompt.as_slice(), &self.generated].concat();
        let &filler = self.prompt.first()?;
        let marks = [u32::try_from(self.prompt.len()).ok()?, u32::try_from(text.len()).ok()?];
        let room = seq_len.checked_sub(MARKS + text.len())?;
        Some(text.into_iter().chain(std::iter::repeat_n(filler, room)).chain(marks).collect())
    }

    /// Reads a sequence of ids and its next ids; says what does not fit.
    pub(super) fn read(ids: &[i64], next_ids: &[i64]) -> Result<Self, String> {
        let lengths = ids.split_last_chunk::<MARKS>().and_then(|(text, marks)| {
            let [prompt, end] = marks.map(|mark| usize::try_from(mark).ok());
            Some((text, prompt?, end?))
        });
        let Some((text, prompt_len, end)) = lengths.filter(|&(text, prompt, end)| prompt >= 1 && prompt <= end && end <= text.len()) else {
            return Err("the last two ids do not say where the prompt and the text end".to_owned());
        };
        let (text, _) = text.split_at_checked(end).unwrap_or_default();
        // Position i is chosen at position i - 1.
        let chosen = text.iter().skip(1).zip(next_ids).enumerate().skip(prompt_len - 1);
        if let Some((before, (id, next))) = chosen.into_iter().find(|(_, (id, next))| id != next) {
            return Err(format!("token {} is {id}, the model says {next}", before + 1));
        }
        let text: Option<Vec<u32>> = text.iter().map(|&id| u32::try_from(id).ok()).collect();
        let mut prompt = text.ok_or("an id is negative or too large")?;
        let generated = prompt.split_off(prompt_len);
        Ok(Self { prompt, generated, seed: None })
    }
}

impl Verifier {
    /// The text that a proof, verified before, speaks of.
    ///
    /// # Errors
    /// [`Error::Text`]: the circuit is none for texts, does not show its ids, or the ids are no prompt with what the model says
    /// after it.
    pub fn text(&self, proof: &Proof) -> Result<TextStatement, Error> {
        let refuse = |reason: String| Error::Text { reason };
        let (circuit, statement) = (self.circuit(), &proof.proof.statement);
        let drawn = match TextKind::of(circuit) {
            Some(TextKind::Shown { drawn }) => drawn,
            Some(TextKind::Hidden) => return Err(refuse("the proof does not show its text".to_owned())),
            None => return Err(refuse(format!("`{}` is not compiled for texts", circuit.name))),
        };
        let (inputs, [next_ids]) = (statement.inputs.as_slice(), statement.outputs.as_slice()) else {
            return Err(refuse("the proof does not show the ids of its text".to_owned()));
        };
        let (ids, seed) = match inputs {
            [ids] if !drawn => (ids, None),
            [ids, words] if drawn => (ids, Some(seed_of(words).ok_or_else(|| refuse("the seed is none".to_owned()))?)),
            _ => return Err(refuse("the proof does not show the ids of its text".to_owned())),
        };
        if statement.batch != 1 || ids.len() != next_ids.len() {
            return Err(refuse(format!("a proof of {} samples, expected one text", statement.batch)));
        }
        let text = TextStatement::read(ids, next_ids).map_err(refuse)?;
        Ok(TextStatement { seed, ..text })
    }

    /// What a proof, verified before, says of a text that it does not show; `None` where it shows it.
    ///
    /// # Errors
    /// [`Error::Text`]: the circuit is none for texts, its outputs are hidden too, or a token is not the model's.
    pub fn hidden_text(&self, proof: &Proof) -> Result<Option<HiddenText>, Error> {
        let refuse = |reason: String| Error::Text { reason };
        let (circuit, statement) = (self.circuit(), &proof.proof.statement);
        if TextKind::of(circuit) != Some(TextKind::Hidden) {
            return Ok(None);
        }
        let outputs: Vec<i64> = statement.outputs.iter().flatten().copied().collect();
        let &[prompt, end, mistakes] = outputs.as_slice() else {
            return Err(refuse("the proof does not show what it says of its text: its outputs are hidden, or there are several texts".to_owned()));
        };
        let room = circuit.inputs.first().map_or(0, |port| circuit.tensor(port.tensor).len().saturating_sub(MARKS));
        HiddenText::read(prompt, end, mistakes, room).map(Some).map_err(refuse)
    }

    /// How the tokens of this circuit's texts are drawn; `None` where they are the likeliest.
    #[must_use]
    pub fn drawing(&self) -> Option<Drawing> {
        let circuit = self.circuit();
        let table = circuit.tensors.iter().find_map(|tensor| match tensor.op {
            Op::Noise { table, .. } => Some(table),
            _ => None,
        })?;
        let temperature = match circuit.tables.get(table.index()) {
            Some(Table::Function { name, .. }) => name.clone(),
            _ => String::new(),
        };
        let top_k = circuit.tensors.iter().find_map(|tensor| match tensor.op {
            Op::Largest { rank, .. } => Some(rank),
            _ => None,
        });
        Some(Drawing { temperature, top_k })
    }
}

impl HiddenText {
    /// Reads a circuit's outputs on a sequence with room for so many tokens.
    pub(crate) fn read(prompt: i64, end: i64, mistakes: i64, room: usize) -> Result<Self, String> {
        if mistakes != 0 {
            return Err(format!("tokens of the text that the model does not say: {mistakes}"));
        }
        let lengths = usize::try_from(prompt).ok().zip(usize::try_from(end).ok());
        match lengths.filter(|&(prompt, end)| prompt >= 1 && prompt <= end && end <= room) {
            Some((prompt, end)) => Ok(Self { prompt, generated: end - prompt }),
            None => Err("the last two ids do not say where the prompt and the text end".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that says `3 x + 1 mod 7` after `x`.
    fn next(ids: &[i64]) -> Vec<i64> {
        ids.iter().map(|id| (3 * (id % 7) + 1) % 7).collect()
    }

    fn statement() -> TextStatement {
        TextStatement { prompt: vec![5, 3, 0], generated: vec![1, 4, 6], seed: None }
    }

    fn sequence() -> Vec<i64> {
        statement().sequence(10).expect("room").into_iter().map(i64::from).collect()
    }

    #[test]
    fn a_text_is_read_off_its_ids() {
        assert_eq!(sequence(), [5, 3, 0, 1, 4, 6, 5, 5, 3, 6]);
        assert_eq!(TextStatement::read(&sequence(), &next(&sequence())), Ok(statement()));
        assert!(statement().sequence(8).is_some() && statement().sequence(7).is_none());
    }

    #[test]
    fn every_generated_token_is_the_models() {
        let ids = sequence();
        for position in 0..8 {
            let mut changed = ids.clone();
            changed[position] = 2;
            let read = TextStatement::read(&changed, &next(&changed));
            // What stands before the end of the prompt is the asker's, what stands behind the text is nobody's.
            assert_eq!(read.is_ok(), !(2..6).contains(&position), "{position}: {read:?}");
        }
        let mut next_ids = next(&ids);
        next_ids[4] = 5;
        assert_eq!(TextStatement::read(&ids, &next_ids), Err("token 5 is 6, the model says 5".to_owned()));
    }

    #[test]
    fn seeds_are_words() {
        for seed in [0, 1, 0xffff, 0x1_0000, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(seed_of(&seed_words(seed)), Some(seed));
        }
        for words in [vec![0; 3], vec![0; 5], vec![0, 0, 0, -1], vec![0x1_0000, 0, 0, 0]] {
            assert_eq!(seed_of(&words), None, "{words:?}");
        }
    }

    #[test]
    fn hidden_texts_are_read_off_three_numbers() {
        assert_eq!(HiddenText::read(3, 6, 0, 8), Ok(HiddenText { prompt: 3, generated: 3 }));
        for (prompt, end, mistakes) in [(0, 6, 0), (4, 3, 0), (3, 9, 0), (-1, 6, 0), (3, 6, 1), (3, 6, -1), (3, i64::MAX, 0)] {
            assert!(HiddenText::read(prompt, end, mistakes, 8).is_err(), "{prompt} {end} {mistakes}");
        }
    }

    #[test]
    fn marks_are_checked() {
        for marks in [[0, 6], [-1, 6], [4, 3], [3, 9], [i64::MAX, i64::MAX], [3, i64::MIN]] {
            let mut ids = sequence();
            ids.splice(8.., marks);
            assert!(TextStatement::read(&ids, &next(&ids)).is_err(), "{marks:?}");
        }
        assert!(TextStatement::read(&[1], &[1]).is_err() && TextStatement::read(&[], &[]).is_err());
        // A shorter text is another statement, and true.
        let mut ids = sequence();
        ids.splice(8.., [3, 4]);
        assert_eq!(TextStatement::read(&ids, &next(&ids)).map(|text| text.generated), Ok(vec![1]));
    }
}
