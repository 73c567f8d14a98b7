//! What the support vector machines share: kernel values of the row with all support vectors.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, require_float};

/// Kernel values `[1, vectors]`; with `count` 0, linear scores of the coefficients themselves.
pub(super) fn kernels(l: &mut Lowering<'_>, x: &Operand, count: usize) -> Result<Operand, Stop> {
    require_float(x, "the input")?;
    let &[1, features] = x.shape.as_slice() else {
        return Err(Stop::hinted(format!("features of shape {:?}", x.shape), "circuits compute on one row at a time: leave the batch axis open"));
    };
    let vectors = l.floats("support_vectors")?.unwrap_or_default();
    if Some(vectors.len()) != count.checked_mul(features) {
        return Err(Stop::invalid(format!("{} entries of {count} support vectors with {features} features", vectors.len())));
    }
    let parameters = l.floats("kernel_params")?.unwrap_or_default();
    let [gamma, offset, degree] = *parameters.first_chunk().unwrap_or(&[1.0, 0.0, 1.0]);
    let kind = l.string("kernel_type", "LINEAR")?;
    let columns = (0..features).flat_map(|k| vectors.iter().skip(k).step_by(features).copied()).collect();
    let matrix = l.constant("vectors", vec![features, count], Data::Float(columns))?;
    let shape = vec![1, count];
    let product = |l: &mut Lowering<'_>| l.emit("products", ModelOp::MatMul, &[x, &matrix], shape.clone());
    match kind.as_str() {
        "LINEAR" => product(l),
        "POLY" | "SIGMOID" => {
            let product = product(l)?;
            let scaled = l.scale("scaled", &product, gamma)?;
            let offset = l.scalar("offset", offset)?;
            let inner = l.binary("inner", ModelOp::Add, &scaled, &offset)?;
            let function = if kind == "POLY" { UnaryFn::Pow { exponent: degree } } else { UnaryFn::Tanh };
            l.emit("kernels", ModelOp::Unary(function), &[&inner], shape)
        }
        "RBF" => {
            // |x - v|^2, difference by difference: |x|^2 - 2 x v + |v|^2 would lose what is left when the parts cancel.
            let rows = l.constant("rows", vec![count, features], Data::Float(vectors))?;
            let difference = l.binary("differences", ModelOp::Sub, x, &rows)?;
            let square = l.binary("squares", ModelOp::Mul, &difference, &difference)?;
            let distance = l.emit("distances", ModelOp::ReduceSum { axes: vec![1] }, &[&square], vec![count, 1])?;
            let exponent = l.scale("exponents", &distance, -gamma)?;
            let kernels = l.emit("kernels", ModelOp::Unary(UnaryFn::Exp), &[&exponent], vec![count, 1])?;
            l.reshape("row", &kernels, shape)
        }
        other => Err(Stop::unsupported(format!("kernel_type {other}"))),
    }
}

/// `k C + rho` for coefficients `[rows of C, outputs]`.
pub(super) fn decide(l: &mut Lowering<'_>, kernels: &Operand, matrix: Vec<f32>, rho: Vec<f32>) -> Result<Operand, Stop> {
    let (count, outputs) = (kernels.shape[1], rho.len());
    let matrix = l.constant("coefficients", vec![count, outputs], Data::Float(matrix))?;
    let sums = l.emit("decisions", ModelOp::MatMul, &[kernels, &matrix], vec![1, outputs])?;
    let rho = l.constant("rho", vec![1, outputs], Data::Float(rho))?;
    l.binary("decided", ModelOp::Add, &sums, &rho)
}
