//! `config.json` and its parts: typed access that names the file and the option in every error. `null` is as good as missing.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use veritorch_graph::model::UnaryFn;

use crate::{CheckpointError, read_file};

/// Largest file of JSON that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Greatest extent or count in a configuration.
const MAX_SIZE: u64 = 1 << 31;

/// An object of options.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    path: PathBuf,
    /// Names of the objects around this one, each with a dot behind it.
    scope: String,
    options: Map<String, Value>,
}

impl Config {
    /// Reads a file whose content is one object.
    pub(crate) fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::new(path, read_json(path)?)
    }

    /// The options of an object; `path` is for errors.
    pub(crate) fn new(path: &Path, content: Value) -> Result<Self, CheckpointError> {
        match content {
            Value::Object(options) => Ok(Self { path: path.to_owned(), scope: String::new(), options }),
            _ => Err(CheckpointError::Malformed { path: path.to_owned(), reason: "expected a JSON object".into() }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error for an option.
    pub(crate) fn refuse(&self, option: &str, reason: impl Into<String>) -> CheckpointError {
        CheckpointError::Option { path: self.path.clone(), option: format!("{}{option}", self.scope), reason: reason.into() }
    }

    /// The option as it stands.
    pub(crate) fn get(&self, option: &str) -> Option<&Value> {
        self.options.get(option).filter(|value| !value.is_null())
    }

    fn wanted(&self, option: &str, kind: &str, value: &Value) -> CheckpointError {
        self.refuse(option, format!("expected {kind}, got {value}"))
    }

    fn required<T>(&self, option: &str, value: Option<T>) -> Result<T, CheckpointError> {
        value.ok_or_else(|| self.refuse(option, "is missing"))
    }

    /// An extent or a count, at least 1.
    pub(crate) fn size(&self, option: &str) -> Result<usize, CheckpointError> {
        self.required(option, self.optional_size(option)?)
    }

    pub(crate) fn optional_size(&self, option: &str) -> Result<Option<usize>, CheckpointError> {
        let Some(value) = self.get(option) else { return Ok(None) };
        let size = value.as_u64().filter(|size| (1..=MAX_SIZE).contains(size));
        let size = size.and_then(|size| usize::try_from(size).ok());
        size.map(Some).ok_or_else(|| self.wanted(option, "a whole number of at least 1", value))
    }

    /// A number greater than zero.
    pub(crate) fn positive(&self, option: &str) -> Result<f64, CheckpointError> {
        self.required(option, self.optional_positive(option)?)
    }

    pub(crate) fn optional_positive(&self, option: &str) -> Result<Option<f64>, CheckpointError> {
        let Some(value) = self.get(option) else { return Ok(None) };
        let number = value.as_f64().filter(|number| number.is_finite() && *number > 0.0);
        number.map(Some).ok_or_else(|| self.wanted(option, "a number greater than zero", value))
    }

    /// The term under a square root that keeps a norm finite.
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
    pub(crate) fn epsilon(&self, option: &str, default: f64) -> Result<f32, CheckpointError> {
        let epsilon = self.optional_positive(option)?.unwrap_or(default) as f32;
        if epsilon > 0.0 && epsilon.is_finite() {
            return Ok(epsilon);
        }
        Err(self.refuse(option, "is not a number of single precision"))
    }

    pub(crate) fn flag(&self, option: &str, default: bool) -> Result<bool, CheckpointError> {
        match self.get(option) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wanted(option, "true or false", value)),
        }
    }

    pub(crate) fn text(&self, option: &str) -> Result<Option<&str>, CheckpointError> {
        match self.get(option) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.wanted(option, "a text", value)),
        }
    }

    /// An object within this one.
    pub(crate) fn object(&self, option: &str) -> Result<Option<Self>, CheckpointError> {
        match self.get(option) {
            None => Ok(None),
            Some(Value::Object(options)) => Ok(Some(Self {
                path: self.path.clone(),
                scope: format!("{}{option}.", self.scope),
                options: options.clone(),
            })),
            Some(value) => Err(self.wanted(option, "an object", value)),
        }
    }

    /// Refuses a flag that changes the arithmetic where it is not at its default.
    pub(crate) fn must_be(&self, option: &str, default: bool) -> Result<(), CheckpointError> {
        if self.flag(option, default)? == default {
            return Ok(());
        }
        Err(self.refuse(option, format!("expected {default}: the other form is not supported")))
    }

    /// A function by the name that transformers gives it.
    pub(crate) fn activation(&self, option: &str, default: &str) -> Result<UnaryFn, CheckpointError> {
        Ok(match self.text(option)?.unwrap_or(default) {
            "silu" | "swish" => UnaryFn::Silu,
            "gelu" => UnaryFn::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => UnaryFn::GeluTanh,
            "relu" => UnaryFn::Relu,
            "tanh" => UnaryFn::Tanh,
            "sigmoid" => UnaryFn::Sigmoid,
            other => {
                return Err(self.refuse(
                    option,
                    format!("`{other}`, expected silu, gelu, gelu_new, gelu_pytorch_tanh, relu, tanh or sigmoid"),
                ));
            }
        })
    }

    /// Extent of one head where a width is divided among heads.
    pub(crate) fn head_dim(&self, width: usize, heads: usize, option: &str) -> Result<usize, CheckpointError> {
        if width.is_multiple_of(heads) {
            return Ok(width / heads);
        }
        Err(self.refuse(option, format!("width {width} does not divide among {heads} heads")))
    }
}

/// Reads a file of JSON.
pub(crate) fn read_json(path: &Path) -> Result<Value, CheckpointError> {
    let bytes = read_file(path, MAX_BYTES)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CheckpointError::Malformed { path: path.to_owned(), reason: format!("not JSON: {error}") })
}
