//! What the user chooses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use veritorch_graph::circuit::Policy;
use veritorch_graph::model::{ModelGraph, ModelOp};

use crate::QuantiseError;

/// Inputs of given steps have at most this many on either side of zero.
const MAX_STEPS: i64 = 1 << 31;
/// Most bits of one value: more than 16 are checked by limbs.
pub(crate) const MOST_BITS: u32 = 24;

/// What the quantised model must reach on the calibration data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// Fixed bits: nothing is searched.
    None,
    /// At most this loss of accuracy against the float model, as a fraction of the samples. Needs labels.
    AccuracyLoss(f64),
    /// At least this accuracy, a fraction. Needs labels.
    Accuracy(f64),
    /// At least this fraction of samples on which the greatest output is the same.
    Agreement(f64),
    /// At most this relative root mean square error of the outputs.
    Drift(f64),
}

/// Integers of the inputs, where they are not left to calibration: `real = integer * scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSteps {
    /// Real value of one step, above 0.
    pub scale: f64,
    /// Least and greatest integer that must fit; by default what calibration saw.
    pub range: Option<(i64, i64)>,
}

/// Options of [`quantise`](crate::quantise()).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantiseOptions {
    /// Bits of activations, 4 to 16. `None`: 8, in language models 16. After a function that is never negative they are
    /// unsigned, else signed; in language models all are signed.
    pub activation_bits: Option<u32>,
    /// Bits of inputs, 4 to 16. `None`: 10, in language models 16. An input that holds multiples of 1/255 of its maximum takes 8
    /// unsigned bits, exactly; token ids are whole numbers in any case.
    pub input_bits: Option<u32>,
    /// Steps of all inputs, instead of those that calibration gives with `input_bits`.
    pub input_steps: Option<InputSteps>,
    /// Bits, at least, of values that are added to others as they are (residual connections), 4 to 24. `None`: 10, in language
    /// models 16 or 24 by calibration.
    pub residual_bits: Option<u32>,
    /// Factor on calibrated ranges of everything but inputs, 1 to 4: calibration sees few samples, others reach further.
    /// `None`: 1.25, in language models 4.
    pub margin: Option<f64>,
    /// Tables up to 2^20 keys where the worst case asks for more than 2^16, so that fewer inputs are refused.
    pub widen_tables: bool,
    /// No input is refused: tables as wide as with `widen_tables`, and behind them values saturate in coarser steps.
    pub saturate: bool,
    /// Weights of 16 bits instead of 8, everywhere. `None`: in language models.
    pub wide_weights: Option<bool>,
    /// Bits of single values of the model (by name), over the default, 4 to 24.
    pub value_bits: BTreeMap<String, u32>,
    /// What must be reached; bits are raised where the error is worst until it is.
    pub target: Target,
    /// Class of each calibration sample, for targets of accuracy and for the report.
    pub labels: Option<Vec<usize>>,
    /// What a statement shows.
    pub policy: Policy,
    /// Try ranges tighter than the maximum, and take them where the outputs' drift on calibration data falls.
    pub tighten: bool,
    /// Measure the error of every node for the report.
    pub node_errors: bool,
    /// Data to measure the result on, in the layout of the calibration data.
    pub held_out: Option<Vec<Vec<f32>>>,
}

impl Default for QuantiseOptions {
    fn default() -> Self {
        Self {
            activation_bits: None,
            input_bits: None,
            input_steps: None,
            residual_bits: None,
            margin: None,
            widen_tables: false,
            saturate: false,
            wide_weights: None,
            value_bits: BTreeMap::new(),
            target: Target::None,
            labels: None,
            policy: Policy::default(),
            tighten: false,
            node_errors: false,
            held_out: None,
        }
    }
}

impl QuantiseOptions {
    /// # Errors
    /// An option out of range, or a target of accuracy without labels.
    pub(crate) fn check(&self, samples: usize) -> Result<(), QuantiseError> {
        let bits = [
            ("activation_bits", self.activation_bits, 16),
            ("input_bits", self.input_bits, 16),
            ("residual_bits", self.residual_bits, MOST_BITS),
        ]
        .into_iter()
        .map(|(name, bits, most)| (name.to_owned(), bits, most))
        .chain(self.value_bits.iter().map(|(name, &bits)| (format!("value_bits[{name}]"), Some(bits), MOST_BITS)));
        for (option, bits, most) in bits {
            if let Some(bits) = bits.filter(|bits| !(4..=most).contains(bits)) {
                return Err(QuantiseError::Option { option, reason: format!("{bits} bits, expected 4 to {most}") });
            }
        }
        if let Some(InputSteps { scale, range }) = self.input_steps {
            let wide = range.is_some_and(|(low, high)| low > high || low < -MAX_STEPS || high >= MAX_STEPS);
            if !(scale.is_finite() && scale > 0.0) || wide {
                let reason = format!("steps of {scale} in {range:?}, expected a scale above 0 and integers of at most 32 bits");
                return Err(QuantiseError::Option { option: "input_steps".to_owned(), reason });
            }
        }
        if let Some(margin) = self.margin.filter(|margin| !(1.0..=4.0).contains(margin)) {
            let reason = format!("{margin}, expected 1 to 4");
            return Err(QuantiseError::Option { option: "margin".to_owned(), reason });
        }
        if let Some(labels) = &self.labels
            && labels.len() != samples
        {
            return Err(QuantiseError::LabelCount { expected: samples, actual: labels.len() });
        }
        let (fraction, needs_labels) = match self.target {
            Target::None => (0.0, false),
            Target::AccuracyLoss(v) | Target::Accuracy(v) => (v, true),
            Target::Agreement(v) | Target::Drift(v) => (v, false),
        };
        let target = |reason: &str| QuantiseError::Option { option: "target".to_owned(), reason: reason.to_owned() };
        if !(0.0..=1.0).contains(&fraction) {
            return Err(target(&format!("{fraction}, expected a fraction of 1")));
        }
        if needs_labels && self.labels.is_none() {
            return Err(target("accuracy needs labels; without them use agreement or drift"));
        }
        Ok(())
    }
}

/// The options with every default filled in for one model.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether the model is quantised as language models are: 16 signed bits, checked by a range of their own instead of a
    /// table that saturates, with room above what calibration saw.
    pub(crate) language: bool,
    pub(crate) activation_bits: u32,
    pub(crate) input_bits: u32,
    /// `None`: by calibration.
    pub(crate) residual_bits: Option<u32>,
    pub(crate) margin: f64,
    pub(crate) wide_weights: bool,
    pub(crate) options: QuantiseOptions,
}

impl Settings {
    /// A model that normalises, attends or embeds is a language model; everything that is set wins over its profile.
    pub(crate) fn new(graph: &ModelGraph, options: &QuantiseOptions) -> Self {
        let language = graph.nodes.iter().any(|node| match node.op {
            ModelOp::Normalize { .. } | ModelOp::Embedding => true,
            // A classifier's softmax is the end of the model.
            ModelOp::Softmax { .. } => graph.nodes.iter().any(|reader| reader.inputs.contains(&node.output)),
            _ => false,
        });
        let default = |vision, text| if language { text } else { vision };
        Self {
            language,
            activation_bits: options.activation_bits.unwrap_or(default(8, 16)),
            input_bits: options.input_bits.unwrap_or(default(10, 16)),
            residual_bits: options.residual_bits.or(if language { None } else { Some(10) }),
            margin: options.margin.unwrap_or(if language { 4.0 } else { 1.25 }),
            wide_weights: options.wide_weights.unwrap_or(language),
            options: options.clone(),
        }
    }
}
