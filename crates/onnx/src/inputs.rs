//! What stands for a model's inputs: values of the graph, numbers that the caller fixes, constants of the file.

use std::collections::BTreeSet;

use veritorch_graph::model::index::element_count;

use crate::ImportOptions;
use crate::builder::{Builder, Operand, Source};
use crate::constant::{Constant, Data};
use crate::declared::input_shape;
use crate::element::{Kind, type_name};
use crate::error::OnnxError;
use crate::proto::{Graph, ValueInfo};

/// The operand of an input: a new input of the graph, or the number that the caller fixes it to.
pub(crate) fn operand(
    info: &ValueInfo,
    options: &ImportOptions,
    builder: &mut Builder,
) -> Result<Operand, OnnxError> {
    let (shape, kind) = input_shape(info, options)?;
    if let Some(&number) = options.fixed_inputs.get(&info.name) {
        let data = element_count(&shape).and_then(|count| filled(kind, number, count));
        let data = data.ok_or_else(|| OnnxError::Input {
            input: info.name.clone(),
            reason: format!("{number} is no {} number", kind.name()),
        })?;
        return Ok(Operand::constant(
            info.name.clone(),
            Constant { shape, data },
        ));
    }
    let id = builder.add_value(info.name.clone(), shape.clone(), None);
    builder.graph.inputs.push(id);
    if kind != Kind::Float {
        builder.graph.integers.insert(id);
    }
    Ok(Operand {
        shape,
        kind,
        source: Source::Value(id),
    })
}

/// Refuses options that speak of what the model does not have.
pub(crate) fn check_options(graph: &Graph, options: &ImportOptions) -> Result<(), OnnxError> {
    let no_input = |name: &&String| !graph.input.iter().any(|info| info.name == **name);
    let mut given = options
        .input_shapes
        .keys()
        .chain(options.fixed_inputs.keys());
    if let Some(name) = given.find(no_input) {
        return Err(OnnxError::Input {
            input: name.clone(),
            reason: "it is spoken of, but the model has no such input".to_owned(),
        });
    }
    let open = open_axes(graph);
    match options
        .axes
        .keys()
        .find(|name| !open.contains(name.as_str()))
    {
        None => Ok(()),
        Some(name) => Err(OnnxError::Axis {
            axis: name.clone(),
            open: open.into_iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// One number in every entry.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "rounds to the graph's number type; whole numbers are checked"
)]
fn filled(kind: Kind, number: f64, count: usize) -> Option<Data> {
    let whole = number as i64;
    match kind {
        Kind::Float => Some(Data::Float(vec![number as f32; count])),
        Kind::Int if whole as f64 == number => Some(Data::Int(vec![whole; count])),
        Kind::Bool if number == 0.0 || number == 1.0 => Some(Data::Bool(vec![number == 1.0; count])),
        _ => None,
    }
}

/// Names of the open axes of the file's inputs.
fn open_axes(graph: &Graph) -> BTreeSet<&str> {
    let types = graph.input.iter().filter_map(|info| info.kind.as_ref()?.tensor.as_ref());
    types
        .filter_map(|kind| kind.shape.as_ref())
        .flat_map(|shape| &shape.dim)
        .filter_map(|dim| dim.dim_param.as_deref())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Refuses a constant of another type than the file declares for the input that it stands for.
pub(crate) fn check_type(info: &ValueInfo, kind: i32) -> Result<(), OnnxError> {
    let declared = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    match declared.map(|declared| declared.elem_type) {
        Some(declared) if declared != 0 && declared != kind => Err(OnnxError::Input {
            input: info.name.clone(),
            reason: format!(
                "its constant is {}, but the file declares {}",
                type_name(kind.into()),
                type_name(declared.into())
            ),
        }),
        _ => Ok(()),
    }
}
