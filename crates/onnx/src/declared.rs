//! Shapes that the file declares, for inputs and for checking what follows from the operators.

use std::collections::BTreeMap;

use veritorch_graph::model::index::element_count;

use crate::ImportOptions;
use crate::element::{Element, Kind, type_name};
use crate::error::OnnxError;
use crate::proto::{Dimension, Graph, TensorType, ValueInfo};

/// Declared types by value name.
#[derive(Debug, Default)]
pub(crate) struct Declared<'a> {
    types: BTreeMap<&'a str, &'a TensorType>,
}

impl<'a> Declared<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        let types = graph
            .value_info
            .iter()
            .chain(&graph.output)
            .filter_map(|info| Some((info.name.as_str(), info.kind.as_ref()?.tensor.as_ref()?)))
            .collect();
        Self { types }
    }

    /// Refuses a shape that contradicts the file.
    pub(crate) fn check(&self, name: &str, shape: &[usize]) -> Result<(), OnnxError> {
        let Some(declared) = self.types.get(name).and_then(|kind| kind.shape.as_ref()) else {
            return Ok(());
        };
        let fits = declared.dim.len() == shape.len()
            && declared
                .dim
                .iter()
                .zip(shape)
                .all(|(dim, &extent)| agrees(dim, extent));
        if fits {
            return Ok(());
        }
        let dims: Vec<String> = declared.dim.iter().map(describe).collect();
        Err(OnnxError::ShapeMismatch {
            value: name.to_owned(),
            inferred: shape.to_vec(),
            declared: format!("[{}]", dims.join(", ")),
        })
    }

    /// Shape and kind of a value whose producer has no lowering; the batch axis counts as 1.
    pub(crate) fn placeholder(&self, name: &str) -> Option<(Vec<usize>, Kind)> {
        let kind = self.types.get(name)?;
        let element = Element::from_code(kind.elem_type.into())?;
        let shape = kind
            .shape
            .as_ref()?
            .dim
            .iter()
            .enumerate()
            .map(|(k, dim)| fixed(dim).or((k == 0).then_some(1)))
            .collect::<Option<Vec<_>>>()?;
        element_count(&shape)?;
        Some((shape, element.kind()))
    }
}

fn agrees(dim: &Dimension, extent: usize) -> bool {
    match fixed(dim) {
        Some(declared) => declared == extent,
        None => true,
    }
}

fn fixed(dim: &Dimension) -> Option<usize> {
    dim.dim_value
        .and_then(|value| usize::try_from(value).ok())
        .filter(|&value| value > 0)
}

fn describe(dim: &Dimension) -> String {
    match (dim.dim_value, &dim.dim_param) {
        (Some(value), _) => value.to_string(),
        (None, Some(name)) if !name.is_empty() => name.clone(),
        _ => "?".to_owned(),
    }
}

/// Static shape and kind of a graph input: the file's, the caller's, or an open batch axis fixed to 1.
pub(crate) fn input_shape(
    info: &ValueInfo,
    options: &ImportOptions,
) -> Result<(Vec<usize>, Kind), OnnxError> {
    let fail = |reason: String| OnnxError::Input {
        input: info.name.clone(),
        reason,
    };
    let kind = info
        .kind
        .as_ref()
        .and_then(|kind| kind.tensor.as_ref())
        .ok_or_else(|| fail("is not a tensor".into()))?;
    let element = Element::from_code(kind.elem_type.into()).ok_or_else(|| {
        fail(format!(
            "entries of type {} are not supported",
            type_name(kind.elem_type.into())
        ))
    })?;
    let given = options.input_shapes.get(&info.name);
    let Some(shape) = &kind.shape else {
        let shape = given.ok_or_else(|| fail("has no shape".into()))?;
        return Ok((checked(shape.clone()).map_err(fail)?, element.kind()));
    };
    if let Some(given) = given
        && given.len() != shape.dim.len()
    {
        return Err(fail(format!(
            "the given shape {given:?} has another rank than the file's, {}",
            shape.dim.len()
        )));
    }
    let mut extents = Vec::with_capacity(shape.dim.len());
    for (k, dim) in shape.dim.iter().enumerate() {
        let given = given.map(|given| given[k]);
        extents.push(match (fixed(dim), given) {
            (Some(extent), None) => extent,
            (Some(extent), Some(given)) if extent == given => extent,
            (Some(extent), Some(given)) => {
                return Err(fail(format!(
                    "the given shape has {given} on axis {k}, the file {extent}"
                )));
            }
            (None, Some(given)) => given,
            (None, None) if named(dim, options).is_some() => named(dim, options).unwrap_or(1),
            (None, None) if k == 0 => 1,
            (None, None) => {
                return Err(fail(format!(
                    "extent `{}` of axis {k} is open",
                    describe(dim)
                )));
            }
        });
    }
    Ok((checked(extents).map_err(fail)?, element.kind()))
}

/// The extent that the caller gives an open axis by its name.
fn named(dim: &Dimension, options: &ImportOptions) -> Option<usize> {
    options.axes.get(dim.dim_param.as_ref()?).copied()
}

fn checked(shape: Vec<usize>) -> Result<Vec<usize>, String> {
    match element_count(&shape) {
        Some(count) if count > 0 => Ok(shape),
        _ => Err(format!("shape {shape:?} is empty or too large")),
    }
}
