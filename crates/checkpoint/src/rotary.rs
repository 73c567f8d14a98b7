//! Rotary position embedding: `rope(x)_p = x * cos_p + half(x) * sin_p`, `half(x) = (-x[d/2..], x[..d/2])`, with
//! `cos_p[j] = cos(p f_j)`, `sin_p[j] = sin(p f_j)` and `f_j = f_{j + d/2} = theta^(-2j/d)` for `j < d/2`, frequencies being scaled as the
//! configuration says.
//!
//! The sign of `half` is put into the sines, so that a head's half-turn is a permutation alone. Source: transformers,
//! `modeling_rope_utils.py` (`linear`, `llama3`).

use veritorch_graph::model::ValueId;

use crate::CheckpointError;
use crate::config::Config;
use crate::network::Network;

const DEFAULT_THETA: f64 = 10_000.0;

/// How heads are turned.
pub(crate) struct Rotary {
    /// Extent of a head.
    dim: usize,
    theta: f64,
    scaling: Scaling,
}

/// What becomes of the frequencies.
enum Scaling {
    None,
    Linear {
        factor: f64,
    },
    /// Slow ones are divided by the factor, fast ones kept; turns are counted within the original length.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        length: f64,
    },
}

impl Rotary {
    /// As `rope_theta` with `rope_scaling`, or `rope_parameters` of later versions, have it.
    pub(crate) fn new(config: &Config, dim: usize) -> Result<Self, CheckpointError> {
        if !dim.is_multiple_of(2) {
            return Err(config.refuse("head_dim", format!("{dim} is odd: positions turn pairs of entries")));
        }
        let scaling = match config.object("rope_parameters")? {
            Some(parameters) => Some(parameters),
            None => config.object("rope_scaling")?,
        };
        let own_theta = scaling.as_ref().map(|s| s.optional_positive("rope_theta")).transpose()?.flatten();
        let theta = match own_theta {
            Some(theta) => theta,
            None => config.optional_positive("rope_theta")?.unwrap_or(DEFAULT_THETA),
        };
        for part in [Some(config), scaling.as_ref()].into_iter().flatten() {
            if part.optional_positive("partial_rotary_factor")?.is_some_and(|factor| factor != 1.0) {
                return Err(part.refuse("partial_rotary_factor", "expected 1"));
            }
        }
        let scaling = scaling.as_ref().map_or(Ok(Scaling::None), Scaling::new)?;
        Ok(Self { dim, theta, scaling })
    }

    /// Constants `[S, dim]`: cosines, and sines whose first half is negated.
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
    pub(crate) fn tables(&self, network: &mut Network<'_>) -> [ValueId; 2] {
        let half = self.dim / 2;
        let frequencies: Vec<f64> = (0..half)
            .map(|j| self.scaling.apply(libm::pow(self.theta, -2.0 * j as f64 / self.dim as f64)))
            .collect();
        let shape = [network.seq_len, self.dim];
        let angle = |at: usize| (at / self.dim) as f64 * frequencies[at % half];
        let count = shape[0] * shape[1];
        let cosines = (0..count).map(|at| libm::cos(angle(at)) as f32).collect();
        let sign = |at: usize| if at % self.dim < half { -1.0 } else { 1.0 };
        let sines = (0..count).map(|at| (sign(at) * libm::sin(angle(at))) as f32).collect();
        [network.constant("rotary.cos", &shape, cosines), network.constant("rotary.sin", &shape, sines)]
    }

    /// Turns heads `[1, heads, S, dim]` by their positions.
    pub(crate) fn turn(&self, network: &mut Network<'_>, name: &str, x: ValueId, [cos, sin]: [ValueId; 2]) -> ValueId {
        let half = self.dim / 2;
        let swapped = network.gather(&format!("{name}.swapped"), x, 3, (half..2 * half).chain(0..half).collect());
        let straight = network.mul(&format!("{name}.cos"), x, cos);
        let across = network.mul(&format!("{name}.sin"), swapped, sin);
        network.add(&format!("{name}.rotary"), straight, across)
    }
}

impl Scaling {
    fn new(options: &Config) -> Result<Self, CheckpointError> {
        let (option, kind) = match options.text("rope_type")? {
            Some(kind) => ("rope_type", kind),
            None => ("type", options.text("type")?.unwrap_or("default")),
        };
        match kind {
            "default" => Ok(Self::None),
            "linear" => Ok(Self::Linear { factor: options.positive("factor")? }),
            "llama3" => {
                let factor = options.positive("factor")?;
                let (low, high) = (options.positive("low_freq_factor")?, options.positive("high_freq_factor")?);
                if low >= high {
                    let reason = format!("{low}, expected less than high_freq_factor {high}");
                    return Err(options.refuse("low_freq_factor", reason));
                }
                let length = options.positive("original_max_position_embeddings")?;
                Ok(Self::Llama3 { factor, low, high, length })
            }
            other => Err(options.refuse(option, format!("`{other}`, expected default, linear or llama3"))),
        }
    }

    fn apply(&self, frequency: f64) -> f64 {
        match *self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low, high, length } => {
                let turns = length * frequency / (2.0 * std::f64::consts::PI);
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * ((1.0 - kept) / factor + kept)
            }
        }
    }
}
