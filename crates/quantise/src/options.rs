//! What the user chooses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use veritorch_graph::circuit::Policy;

use crate::QuantiseError;

/// Inputs of given steps have at most this many on either side of zero.
const MAX_STEPS: i64 = 1 << 31;

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
    /// Bits of activations, 4 to 16. After a function that is never negative they are unsigned, else signed.
    pub activation_bits: u32,
    /// Bits of inputs, 4 to 16. An input that holds multiples of 1/255 of its maximum takes 8 unsigned bits, exactly.
    pub input_bits: u32,
    /// Steps of all inputs, instead of those that calibration gives with `input_bits`.
    pub input_steps: Option<InputSteps>,
    /// Bits, at least, of values that are added to others as they are (residual connections), 4 to 16.
    pub residual_bits: u32,
    /// Factor on calibrated ranges of everything but inputs, 1 to 4: calibration sees few samples, others reach further.
    pub margin: f64,
    /// Tables up to 2^20 keys where the worst case asks for more than 2^16, so that fewer inputs are refused.
    pub widen_tables: bool,
    /// No input is refused: tables as wide as with `widen_tables`, and behind them values saturate in coarser steps.
    pub saturate: bool,
    /// Weights of 16 bits instead of 8, everywhere.
    pub wide_weights: bool,
    /// Bits of single values of the model (by name), over the default.
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
}

impl Default for QuantiseOptions {
    fn default() -> Self {
        Self {
            activation_bits: 8,
            input_bits: 10,
            input_steps: None,
            residual_bits: 10,
            margin: 1.25,
            widen_tables: false,
            saturate: false,
            wide_weights: false,
            value_bits: BTreeMap::new(),
            target: Target::None,
            labels: None,
            policy: Policy::default(),
            tighten: false,
            node_errors: false,
        }
    }
}

impl QuantiseOptions {
    /// # Errors
    /// An option out of range, or a target of accuracy without labels.
    pub(crate) fn check(&self, samples: usize) -> Result<(), QuantiseError> {
        let bits = [
            ("activation_bits", self.activation_bits),
            ("input_bits", self.input_bits),
            ("residual_bits", self.residual_bits),
        ]
            .into_iter()
            .map(|(name, bits)| (name.to_owned(), bits))
            .chain(self.value_bits.iter().map(|(name, &bits)| (format!("value_bits[{name}]"), bits)));
        for (option, bits) in bits {
            if !(4..=16).contains(&bits) {
                return Err(QuantiseError::Option { option, reason: format!("{bits} bits, expected 4 to 16") });
            }
        }
        if let Some(InputSteps { scale, range }) = self.input_steps {
            let wide = range.is_some_and(|(low, high)| low > high || low < -MAX_STEPS || high >= MAX_STEPS);
            if !(scale.is_finite() && scale > 0.0) || wide {
                let reason = format!("steps of {scale} in {range:?}, expected a scale above 0 and integers of at most 32 bits");
                return Err(QuantiseError::Option { option: "input_steps".to_owned(), reason });
            }
        }
        if !(1.0..=4.0).contains(&self.margin) {
            let reason = format!("{}, expected 1 to 4", self.margin);
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
