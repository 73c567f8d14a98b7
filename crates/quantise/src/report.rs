//! How near the integer circuit is to the float model, measured on calibration data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Comparison of one output of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputReport {
    /// Name of the output.
    pub name: String,
    /// Fraction of rows (along the last axis) whose greatest entry is the same; `None` where the last axis has one entry.
    pub agreement: Option<f64>,
    /// Mean cosine of the angle between float and integer results.
    pub cosine: f64,
    /// Greatest absolute difference, in the model's units.
    pub max_error: f64,
    /// Root mean square difference over the root mean square of the float results.
    pub drift: f64,
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
        for output in &self.outputs {
            write!(f, "  {}: ", output.name)?;
            if let Some(agreement) = output.agreement {
                write!(f, "agreement {:.2} %, ", 100.0 * agreement)?;
            }
            let (cosine, drift) = (output.cosine, 100.0 * output.drift);
            writeln!(f, "cosine {cosine:.6}, max error {:.4}, drift {drift:.2} %", output.max_error)?;
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
            writeln!(f, "  {:40} {:2} bits, scale {:.3e}, drift {:.2} %", node.name, node.bits, node.scale, 100.0 * node.drift)?;
        }
        Ok(())
    }
}
