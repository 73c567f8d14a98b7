//! What a proof says of a text: a prompt, and what the model says greedily after it.
//!
//! The circuit gives `next_ids[i]`, the greedy choice after `ids[..=i]`. The last two ids of the sequence are the numbers `P` of tokens of the
//! prompt and `T` of tokens of the text; no earlier position sees them. The text is generated if `1 <= P <= T <= S - 2` and
//! `ids[i] = next_ids[i - 1]` for `P <= i < T`, which anyone reads off the public ids (`docs/decisions/008-texts.md`).

use veritorch_graph::circuit::Port;

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
        Ok(Self { prompt, generated })
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
        let names = |port: &Port, name: &str| port.name == name && port.scale == [1.0];
        let ports = (circuit.inputs.as_slice(), circuit.outputs.as_slice());
        if !matches!(ports, ([input], [output]) if names(input, IDS) && names(output, NEXT_IDS)) {
            return Err(refuse(format!("`{}` is not compiled for texts", circuit.name)));
        }
        let ([ids], [next_ids]) = (statement.inputs.as_slice(), statement.outputs.as_slice()) else {
            return Err(refuse("the proof does not show the ids of its text".to_owned()));
        };
        if statement.batch != 1 || ids.len() != next_ids.len() {
            return Err(refuse(format!("a proof of {} samples, expected one text", statement.batch)));
        }
        TextStatement::read(ids, next_ids).map_err(refuse)
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
        TextStatement { prompt: vec![5, 3, 0], generated: vec![1, 4, 6] }
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
