//! How near the integer circuit is to the float model, measured on calibration data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Comparison of one output of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputReport {
    /// Name of the output.
    pub name: String,
    /// Fraction of rows (along the last axis) whose greatest entry is the same. Where the last axis has one entry: of whole
    /// numbers (indices of greatest entries) that are the same, `None` for other numbers.
    pub agreement: Option<f64>,
    /// Mean cosine of the angle between float and integer results.
    pub cosine: f64,
    /// Greatest absolute difference, in the model's units.
    pub max_error: f64,
    /// Root mean square difference over the root mean square of the float results.
    pub drift: f64,
    /// Perplexity of the next token under the float and the integer results, where the model reads token ids and
    /// gives one row of logits for each.
    pub perplexity: Option<(f64, f64)>,
}

impl OutputReport {
    /// Compares float results `[samples * len]` with integer ones, `None` where a sample was refused. `row` is the extent of the
    /// last axis; `ids` are the token ids of all samples, where there are any.
    #[must_use]
    pub fn compare(name: &str, row: usize, float: &[f32], integer: &[Option<&[f64]>], ids: Option<&[f32]>) -> Self {
        let len = float.len() / integer.len().max(1);
        let (mut rows, mut agreeing, mut cosines, mut measured) = (0usize, 0usize, 0.0, 0usize);
        let (mut square_error, mut square, mut max_error) = (0.0f64, 0.0f64, 0.0f64);
        let tokens = ids.map(|ids| ids.len() / integer.len().max(1)).filter(|&tokens| row > 1 && tokens > 1 && tokens * row == len);
        let are_indices = float.iter().all(|v| v.fract() == 0.0);
        let (mut losses, mut predicted) = ([0.0f64; 2], 0usize);
        for (sample, integer) in integer.iter().enumerate() {
            let Some(integer) = integer else { continue };
            let float: Vec<f64> = float[sample * len..(sample + 1) * len].iter().map(|&v| f64::from(v)).collect();
            for (at, (a, b)) in float.chunks(row).zip(integer.chunks(row)).enumerate() {
                rows += 1;
                agreeing += usize::from(if row > 1 { argmax(a) == argmax(b) } else { a == b });
                if let (Some(tokens), Some(ids)) = (tokens, ids)
                    && at + 1 < tokens
                {
                    let next = ids[sample * tokens + at + 1] as usize;
                    losses[0] += surprise(a, next);
                    losses[1] += surprise(b, next);
                    predicted += 1;
                }
            }
            let dot: f64 = float.iter().zip(*integer).map(|(a, b)| a * b).sum();
            let (norm_a, norm_b) = (norm(&float), norm(integer));
            cosines += if norm_a * norm_b > 0.0 { dot / (norm_a * norm_b) } else { f64::from(u8::from(norm_a == norm_b)) };
            measured += 1;
            for (a, b) in float.iter().zip(*integer) {
                max_error = max_error.max((a - b).abs());
                square_error += (a - b) * (a - b);
                square += a * a;
            }
        }
        let [float_loss, loss] = losses.map(|loss| libm::exp(loss / predicted.max(1) as f64));
        Self {
            name: name.to_owned(),
            agreement: ((row > 1 || are_indices) && rows > 0).then(|| agreeing as f64 / rows as f64),
            cosine: if measured > 0 { cosines / measured as f64 } else { 0.0 },
            max_error,
            drift: if square > 0.0 { (square_error / square).sqrt() } else { square_error.sqrt() },
            perplexity: (predicted > 0).then_some((float_loss, loss)),
        }
    }
}

impl fmt::Display for OutputReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if let Some(agreement) = self.agreement {
            write!(f, "agreement {:.2} %, ", 100.0 * agreement)?;
        }
        write!(f, "cosine {:.6}, max error {:.4}, drift {:.2} %", self.cosine, self.max_error, 100.0 * self.drift)?;
        match self.perplexity {
            Some((float, integer)) => write!(f, ", perplexity {float:.4} -> {integer:.4}"),
            None => Ok(()),
        }
    }
}

/// Index of the greatest entry, the first of equals.
pub(crate) fn argmax(row: &[f64]) -> usize {
    row.iter().enumerate().fold(0, |best, (index, &v)| if v > row[best] { index } else { best })
}

/// `-log softmax(row)[index]`; nothing for an index that is no class.
fn surprise(row: &[f64], index: usize) -> f64 {
    let Some(own) = row.get(index) else { return 0.0 };
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    libm::log(row.iter().map(|v| libm::exp(v - max)).sum::<f64>()) + max - own
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Error of one tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Name of the value in the user's model.
    pub name: String,
    /// Real value of 1.
    pub scale: f64,
    /// Bits of its integers.
    pub bits: u32,
    /// Root mean square difference over the root mean square of the float values.
    pub drift: f64,
    /// Cosine of the angle between float and integer values.
    pub cosine: f64,
}

/// How near the circuit is to the float model on data that took no part in its calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOutReport {
    /// Samples.
    pub samples: usize,
    /// Samples that the circuit refuses.
    pub refused: usize,
    /// Comparison of each output; where an output is the index of the greatest score, of the scores.
    pub outputs: Vec<OutputReport>,
    /// Error of each value, in the order of the model.
    pub nodes: Vec<NodeReport>,
}

/// Where an input can be refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusalReport {
    /// The user's node.
    pub node: String,
    /// The tensor.
    pub tensor: String,
    /// Worst-case magnitude over the admitted one: above 1.
    pub excess: f64,
}

/// What quantisation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantisationReport {
    /// Samples measured.
    pub samples: usize,
    /// Fraction of labels that the float model meets.
    pub float_accuracy: Option<f64>,
    /// Fraction of labels that the circuit meets.
    pub accuracy: Option<f64>,
    /// Samples that the circuit refuses.
    pub refused: usize,
    /// Comparison of each output, over the samples that are not refused.
    pub outputs: Vec<OutputReport>,
    /// Error of each tensor, where asked for.
    pub nodes: Vec<NodeReport>,
    /// The same on data that was held out, where there is some.
    pub held_out: Option<HeldOutReport>,
    /// Whether no input whatever is refused.
    pub total: bool,
    /// Where inputs can be refused.
    pub refusals: Vec<RefusalReport>,
    /// Least ratio of a table's domain to the worst case, over all tables that no input leaves.
    pub headroom: Option<f64>,
    /// Bits of activations by default, after the search for the target.
    pub activation_bits: u32,
    /// Values with bits of their own.
    pub raised: Vec<(String, u32)>,
    /// Weights with 16 bits.
    pub wide_weights: Vec<String>,
}

impl QuantisationReport {
    /// Agreement of the first output, 1 where it has no classes.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        self.outputs.first().and_then(|output| output.agreement).unwrap_or(1.0)
    }

    /// Greatest drift of an output.
    #[must_use]
    pub fn drift(&self) -> f64 {
        self.outputs.iter().map(|output| output.drift).fold(0.0, f64::max)
    }
}

impl fmt::Display for QuantisationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "float against integer on {} samples", self.samples)?;
        if let (Some(float), Some(integer)) = (self.float_accuracy, self.accuracy) {
            writeln!(f, "  accuracy     {:.2} % -> {:.2} %", 100.0 * float, 100.0 * integer)?;
        }
        self.outputs.iter().try_for_each(|output| writeln!(f, "  {output}"))?;
        if let Some(held_out) = &self.held_out {
            writeln!(f, "  on {} samples held out ({} refused)", held_out.samples, held_out.refused)?;
            held_out.outputs.iter().try_for_each(|output| writeln!(f, "    {output}"))?;
        }
        write!(f, "  {}-bit activations", self.activation_bits)?;
        if !self.raised.is_empty() {
            write!(f, ", {} values with more", self.raised.len())?;
        }
        if !self.wide_weights.is_empty() {
            write!(f, ", {} weights of 16 bits", self.wide_weights.len())?;
        }
        writeln!(f)?;
        if self.total {
            write!(f, "  total: refuses no input")?;
            if let Some(headroom) = self.headroom {
                write!(f, " (worst case leaves a factor {headroom:.1})")?;
            }
            writeln!(f)?;
        } else {
            writeln!(f, "  can refuse inputs at {} places", self.refusals.len())?;
            for refusal in &self.refusals {
                writeln!(f, "    {}: worst case {:.1} times the domain of {}", refusal.node, refusal.excess, refusal.tensor)?;
            }
        }
        if self.refused > 0 {
            writeln!(f, "  refused {} calibration samples", self.refused)?;
        }
        for node in &self.nodes {
            let (drift, cosine) = (100.0 * node.drift, node.cosine);
            writeln!(f, "  {:40} {:2} bits, scale {:.3e}, drift {drift:.2} %, cosine {cosine:.6}", node.name, node.bits, node.scale)?;
        }
        Ok(())
    }
}
