//! Sentence embeddings: what `modules.json` of sentence-transformers puts behind an encoder.
//!
//! `mean = sum_p x_p / S`, or the first position's state; then, where asked for, `x / |x|`, which is
//! `x / sqrt(mean(x^2)) / sqrt(H)`. Source: sentence-transformers, `models/Pooling.py`, `models/Normalize.py`.

use std::path::{Component, Path};

use serde_json::Value;
use veritorch_graph::model::{ModelOp, ValueId};

use crate::CheckpointError;
use crate::config::{Config, read_json};
use crate::network::Network;

/// What is under the square root beside the mean of squares, which is 1/H for a unit vector.
const EPSILON: f32 = 1e-24;

/// How the states of a sequence become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pooling {
    /// The mean of all positions rather than the first position.
    is_mean: bool,
    /// Whether the vector is divided by its length.
    is_normalised: bool,
}

impl Pooling {
    /// Reads `modules.json` and the pooling's `config.json`; `None` where the folder has none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let path = folder.join("modules.json");
        if !path.exists() {
            return Ok(None);
        }
        let malformed = |reason: String| CheckpointError::Malformed { path: path.clone(), reason };
        let modules = read_json(&path)?;
        let modules = modules.as_array().ok_or_else(|| malformed("expected a list of modules".into()))?;
        let mut found = None;
        let mut is_normalised = false;
        for (at, module) in modules.iter().enumerate() {
            let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
            let kind = text("type");
            match kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" if at == 0 => {}
                "Pooling" if found.is_none() && !is_normalised => {
                    let place = Path::new(text("path"));
                    if !place.components().all(|part| matches!(part, Component::Normal(_))) {
                        return Err(malformed(format!("module {at} is in `{}`, expected a folder within", place.display())));
                    }
                    found = Some(is_mean(&Config::read(&folder.join(place).join("config.json"))?)?);
                }
                "Normalize" if found.is_some() => is_normalised = true,
                _ => return Err(malformed(format!("module {at} is `{kind}`, expected Transformer, Pooling and Normalize"))),
            }
        }
        Ok(found.map(|is_mean| Self { is_mean, is_normalised }))
    }

    /// `[1, S, H]` to `[1, H]`.
    pub(crate) fn apply(self, net: &mut Network<'_>, x: ValueId) -> ValueId {
        let width = net.shape(x)[2];
        let state = if self.is_mean {
            let sum = net.node("pooling.sum", ModelOp::ReduceSum { axes: vec![1] }, &[x], &[1, 1, width]);
            let factor = 1.0 / net.seq_len as f32;
            net.scale("pooling.mean", sum, factor)
        } else {
            net.gather("pooling.first", x, 1, vec![0])
        };
        let vector = net.reshape("pooling", state, &[1, width]);
        if !self.is_normalised {
            return vector;
        }
        let normal = net.normalize("normalize", vector, EPSILON, false);
        net.scale("normalize.unit", normal, 1.0 / libm::sqrtf(width as f32))
    }
}

/// The one mode that is on: of newer files `pooling_mode`, of older ones a flag for each.
fn is_mean(config: &Config) -> Result<bool, CheckpointError> {
    const MODES: [(&str, &str); 7] = [
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("pooling_mode_weightedmean_tokens", "weightedmean"),
        ("pooling_mode_lasttoken", "lasttoken"),
        ("pooling_mode", ""),
    ];
    let mut modes = Vec::new();
    for (option, mode) in MODES {
        if mode.is_empty() {
            modes.extend(config.text(option)?.map(|mode| (option, mode)));
        } else if config.flag(option, false)? {
            modes.push((option, mode));
        }
    }
    match modes.as_slice() {
        [(_, "mean")] => Ok(true),
        [(_, "cls")] => Ok(false),
        [(option, mode)] => Err(config.refuse(option, format!("pools by {mode}, expected mean or cls"))),
        _ => Err(config.refuse("pooling_mode", format!("{} ways to pool, expected one", modes.len()))),
    }
}
